"""``percepkit eval files`` and ``cost``: score files that were enhanced elsewhere; what denoisers cost."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from percepkit.cli.comparison import print_delays, print_tables
from percepkit.cli.options import (
    Align,
    Limit,
    Metrics,
    Reuse,
    Scheduler,
    Workers,
    connect,
    console,
    print_taken_over,
    progress_bar,
    split_names,
    wanted_metrics,
)

__all__ = ["cost", "files"]

LISTED = 5  # files without a partner that are named


def files(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="Folder of the clean files.")],
    estimates: Annotated[
        list[str],
        typer.Argument(
            metavar="EST",
            help="Folders of enhanced files, as FOLDER or NAME=FOLDER; the table calls them by name.",
            show_default=False,
        ),
    ],
    noisy: Annotated[Path | None, typer.Option(help="Folder of the unprocessed files, scored as `noisy`.")] = None,
    metrics: Metrics = "",
    out: Annotated[Path, typer.Option(help="Score table to write.")] = Path("scores.parquet"),
    limit: Limit = None,
    align: Align = False,
    reuse: Reuse = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Score enhanced files against their references, without a corpus, and print the means.

    Files belong together by their path in the folder but for the suffix, or else by their file name. What is
    missing, damaged, of several channels, or of another rate or length is a row with its reason. Beside the table
    lies NAME.files.parquet, which `eval table` and `eval report` take in place of a corpus.

    Example: `percepkit eval files vbd/clean mine=enhanced theirs=other --noisy vbd/noisy --out scores.parquet`
    """
    from percepkit.eval.score_files import score_files

    wanted, folders = wanted_metrics(metrics), _folders(estimates)
    with connect(workers, scheduler) as client, progress_bar("scoring", "items") as progress:
        result = score_files(
            reference,
            folders,
            wanted,
            out,
            client=client,
            noisy=noisy,
            limit=limit,
            align=align,
            reuse=reuse or (),
            progress=progress,
        )
    print_taken_over(result)
    _print_unused(result.unused)
    print_tables(out, result.items)
    print_delays(out)
    typer.echo(f"scores: {out}, items: {result.items}")


def cost(
    denoisers: Annotated[
        str,
        typer.Argument(
            metavar="DENOISERS",
            help="Names with commas between them, as `eval run` takes them.",
            show_default=False,
        ),
    ],
    sample_rate: Annotated[int, typer.Option(min=8000, help="Rate of the signal in Hz.")] = 16_000,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the signal.")] = 10.0,
    out: Annotated[Path | None, typer.Option(help="Table to write, e.g. cost.parquet.")] = None,
) -> None:
    """Measure what denoisers cost: processor time, latency, memory, parameters, multiplications, size.

    They run one after another, each in a process of its own with one thread; leave the machine alone meanwhile.

    Example: `percepkit eval cost wiener,omlsa,peer-rnnoise --sample-rate 48000 --out cost.parquet`
    """
    from rich.table import Table

    from percepkit.engine.tables import ensure_writable
    from percepkit.eval.cost import measure_cost, write_costs

    if out is not None:
        ensure_writable(out)
    with progress_bar("measuring", "denoisers") as progress:
        costs = measure_cost(split_names(denoisers), sample_rate, seconds=seconds, progress=progress)
    table = Table("denoiser", "CPU s per s", "latency ms", "memory MB", "parameters", "MACs per s", "file MB")
    for row in costs.sort_values("rtf").itertuples():
        numbers = (row.rtf, row.latency_ms, row.peak_mb, row.parameters, row.macs_per_second, row.file_mb)
        table.add_row(row.denoiser, *("" if value != value else f"{value:.3g}" for value in numbers))
    console().print(table)
    for row in costs[costs["status"] != "ok"].itertuples():
        typer.echo(f"{row.denoiser}: {row.status}, {row.reason}")
    if out is not None:
        write_costs(costs, out)
        typer.echo(f"costs: {out}")


def _folders(texts: Sequence[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in texts:
        name, named, folder = text.partition("=")
        if not named or Path(text).is_dir():  # a folder's own name may hold a =
            name, folder = Path(text).resolve().name, text
        if not name or not folder:
            raise ValueError(f"{text}: expected FOLDER or NAME=FOLDER")
        if name in folders:
            raise ValueError(f"two folders of estimates are called {name!r}; name one as NAME=FOLDER")
        folders[name] = Path(folder)
    return folders


def _print_unused(unused: Mapping[str, Sequence[str]]) -> None:
    for name, paths in unused.items():
        if paths:
            more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
            typer.echo(f"{name}: no reference for {', '.join(paths[:LISTED])}{more}")
