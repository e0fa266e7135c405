"""``percepkit manifest pair``: ready-made pairs of clean and noisy files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from percepkit.cli.options import Roots, Scheduler, Workers, connect, parse_roots, printable, progress_bar

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    import pandas as pd

__all__ = ["pair"]

ROWS_SHOWN = 20


def pair(
    clean: Annotated[
        Path, typer.Argument(metavar="CLEAN", help="Manifest of the clean files.", show_default=False)
    ],
    noisy: Annotated[
        Path,
        typer.Argument(metavar="NOISY", help="Manifest of the noisy files; may be the same.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The table of pairs to write, e.g. pairs.parquet.")],
    root: Roots = None,
    by: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="CLEAN NOISY",
            help="Patterns of the paths, e.g. '{name}_clean.*' '{name}_ipad_*': what stands in {} in both must be "
            "equal. By default the paths are equal but for their suffixes.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Pair clean with noisy files, and measure how each pair lies: delay, clock drift, polarity, gain.

    Files without a partner, and pairs that do not fit each other, stay in the table with the reason.

    Example: `percepkit manifest pair clean.parquet noisy.parquet --out pairs.parquet --root clean=vbd/clean --root
    noisy=vbd/noisy`
    """
    from percepkit.engine.tables import ensure_writable
    from percepkit.manifests.pairs import match_pairs, measure_pairs, write_pairs
    from percepkit.manifests.table import read_manifest

    ensure_writable(out)
    pairs = match_pairs(read_manifest(clean), read_manifest(noisy), by=by)
    if pairs.empty:
        raise ValueError("no file matches the patterns of --by; they stand for whole paths below the root")
    with connect(workers, scheduler) as cluster, progress_bar("aligning", "pairs") as progress:
        pairs = measure_pairs(pairs, parse_roots(root), client=cluster, progress=progress)
    write_pairs(pairs, out)
    _print_pairs(pairs)
    typer.echo(f"written: {out}")


def _print_pairs(pairs: "pd.DataFrame") -> None:
    console = Console(highlight=False)
    good, bad = pairs[pairs["status"] == "ok"], pairs[pairs["status"] != "ok"]
    counts = ", ".join(f"{count} {relation}" for relation, count in good["relation"].value_counts().items())
    console.print(f"pairs: {len(good)}" + (f" ({counts})" if counts else ""))
    table = Table(show_header=False, box=None)
    for column, label, scale, unit in (
        ("delay_seconds", "delay", 1e3, "ms"), ("drift_ppm", "drift", 1, "ppm"), ("gain", "gain", 1, ""),
        ("confidence", "confidence", 1, ""), ("sdr_db", "SNR or SDR", 1, "dB"),
    ):  # fmt: skip
        values = good[column].dropna() * scale
        if len(values):
            table.add_row(label, f"{values.min():.4g} to {values.max():.4g} {unit}".rstrip())
    console.print(table)
    for status, reason in bad[["status", "reason"]].head(ROWS_SHOWN).itertuples(index=False):
        console.print(Text(f"{status}: {printable(reason)}"), soft_wrap=True)  # names are data: no markup
    if len(bad) > ROWS_SHOWN:
        console.print(f"and {len(bad) - ROWS_SHOWN} more; all are in the table")
