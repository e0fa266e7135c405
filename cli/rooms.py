"""``percepkit synth rooms``: simulate a bank of rooms."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from percepkit.cli.options import Scheduler, Workers, progress_bar

__all__ = ["rooms"]


def rooms(
    bank_file: Annotated[Path, typer.Argument(metavar="BANK.yaml", help="What the bank shall hold.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Responses and manifest; resumed if unfinished.")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Simulate a bank of shoebox rooms (image method), each with positions for speech and for noise.

    BANK.yaml needs `rooms`, `sample_rate`, `seed` and `rt60_seconds`; sizes and distances have defaults.
    Recipes use the bank by its manifest, FOLDER/rooms.parquet.

    Example: percepkit synth rooms bank.yaml --out rooms
    """
    from percepkit.engine import cluster
    from percepkit.manifests.table import read_manifest
    from percepkit.synth.rooms import build_bank, load_bank

    bank = load_bank(bank_file)
    with cluster.client(workers, scheduler) as client, progress_bar("simulating", "rooms") as progress:
        started = time.perf_counter()
        manifest = build_bank(bank, out, client=client, progress=progress)
        seconds = time.perf_counter() - started
    table = read_manifest(manifest)
    rt60 = table["rt60"]
    Console(highlight=False).print(
        f"{manifest}: {len(table)} responses of {bank.rooms} rooms in {seconds:.1f} s "
        f"({seconds / len(table):.2f} s each); RT60 {rt60.min():.2f} to {rt60.max():.2f} s, "
        f"median {rt60.median():.2f} s",
        soft_wrap=True,
    )
