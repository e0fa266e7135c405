"""``percepkit synth rooms``: simulate a bank of rooms."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from percepkit.cli.options import Scheduler, Workers, connect, progress_bar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rooms"]


def rooms(
    bank_file: Annotated[Path, typer.Argument(metavar="BANK.yaml", help="What the bank shall hold.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Responses and manifest; resumed if unfinished.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Simulate a bank of rooms, each with positions for speech and for noise.

    BANK.yaml needs `rooms`, `sample_rate`, `seed` and `rt60_seconds`; all else has defaults: sizes and distances,
    `method: image` (shoeboxes up to 1 s) or `hybrid` (images and rays, up to 3 s, cheaper from about 0.4 s on).

    With `method: hybrid`, `shape: polygon` draws L-shaped and many-cornered rooms, and `materials` draws what
    walls, floor and ceiling are made of, so that the decay depends on the frequency; `rt60_seconds` may then be
    left out.

    Recipes use the bank by its manifest, FOLDER/rooms.parquet. FOLDER/rooms.csv says what was drawn and measured
    for each response, and why a room failed.

    Example: `percepkit synth rooms bank.yaml --out rooms`
    """
    import pandas as pd

    from percepkit.synth.room_bank import load_bank
    from percepkit.synth.rooms import TABLE, build_bank

    bank = load_bank(bank_file)
    with connect(workers, scheduler) as client, progress_bar("simulating", "rooms") as progress:
        started = time.perf_counter()
        manifest = build_bank(bank, out, client=client, progress=progress)
        seconds = time.perf_counter() - started
    table = pd.read_csv(out / TABLE)
    _print_summary(table, f"{manifest}: ", seconds)


def _print_summary(table: "pd.DataFrame", where: str, seconds: float) -> None:
    console = Console(highlight=False)
    made, failed = table[table["status"] == "ok"], table[table["status"] == "failed"]
    console.print(
        f"{where}{len(made)} responses of {made['room'].nunique()} rooms in {seconds:.1f} s "
        f"({seconds / len(table):.2f} s each)",
        soft_wrap=True,
    )
    grid = Table("measured", "lowest", "quarter", "median", "three quarters", "highest", box=None)
    for column, label, places in (("rt60", "RT60, s", 2), ("drr", "DRR, dB", 1), ("c50", "C50, dB", 1)):
        quantiles = made[column].quantile([0, 0.25, 0.5, 0.75, 1])
        grid.add_row(label, *(f"{value:.{places}f}" for value in quantiles))
    console.print(grid)
    reasons = failed.drop_duplicates("room")
    if len(reasons):
        console.print(f"{len(reasons)} rooms failed; their reasons are in rooms.csv:", soft_wrap=True)
    for row in reasons.head(3).itertuples():
        console.print(f"  room {row.room}: {row.reason}", soft_wrap=True, markup=False)
