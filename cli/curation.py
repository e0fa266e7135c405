"""``percepkit manifest duplicates`` and ``score``: what files hold, beside what a scan measures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from percepkit.cli.options import Roots, Scheduler, Workers, connect, parse_roots, printable, progress_bar

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    import pandas as pd

__all__ = ["duplicates", "score"]

GROUPS_SHOWN = 20
FILES_SHOWN = 5

Manifests = Annotated[
    list[Path], typer.Argument(metavar="MANIFEST", help="Manifests, searched together.", show_default=False)
]


def duplicates(
    files: Manifests,
    root: Roots = None,
    check: Annotated[bool, typer.Option("--check", help="Only report; write nothing.")] = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Find files with the same audio, also when re-encoded, resampled, re-levelled or trimmed a little.

    Writes into the manifests of which file each is a copy: `split` keeps copies together, and a recipe with
    `keep: {duplicates: false}` draws from one of them only.

    Example: `percepkit manifest duplicates speech.parquet --root speech=~/vctk`
    """
    from percepkit.manifests.duplicates import find_duplicates

    tables, joined = _read(files)
    with connect(workers, scheduler) as cluster, progress_bar("comparing", "files") as progress:
        found = find_duplicates(joined, parse_roots(root), client=cluster, progress=progress)
    _print_groups(found)
    _print_notes(found)
    if not check:
        _write_column(found, "duplicate_of", files, tables)


def score(
    files: Manifests,
    function: Annotated[
        str,
        typer.Option("--with", metavar="MODULE:FUNCTION", help="Of (x, sample_rate); returns a number."),
    ],
    root: Roots = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Write a function's score of every file into the column `quality`, for a recipe to `keep` by.

    The function gets the first channel of the first 60 s at the file's own rate. Where it fails, or takes
    longer than 5 minutes, the score is null.

    Example: `percepkit manifest score speech.parquet --with my_package.mos:predict --root speech=~/vctk`
    """
    from percepkit.manifests.score import score_files

    tables, joined = _read(files)
    with connect(workers, scheduler) as cluster, progress_bar("scoring", "files") as progress:
        found = score_files(joined, function, parse_roots(root), client=cluster, progress=progress)
    known = found["quality"].dropna()
    if len(known):
        typer.echo(f"{len(known)} files: {known.min():.3g} to {known.max():.3g}, median {known.median():.3g}")
    _print_notes(found)
    _write_column(found, "quality", files, tables)
    if known.empty:
        raise typer.Exit(1)


def _read(files: Sequence[Path]) -> "tuple[list[pd.DataFrame], pd.DataFrame]":
    import pandas as pd

    from percepkit.engine.tables import ensure_writable
    from percepkit.manifests.table import read_manifest

    tables = [read_manifest(file) for file in files]
    for file in files:
        ensure_writable(file)
    return tables, pd.concat(tables, ignore_index=True)


def _write_column(
    found: "pd.DataFrame", column: str, files: Sequence[Path], tables: "Sequence[pd.DataFrame]"
) -> None:
    from percepkit.manifests.table import write_manifest

    first = 0
    for file, table in zip(files, tables, strict=True):
        values = found[column].iloc[first : first + len(table)].to_numpy()
        write_manifest(table.assign(**{column: values}), file)
        typer.echo(f"written: {file}")
        first += len(table)


def _print_groups(found: "pd.DataFrame") -> None:
    from percepkit.manifests.table import contents, file_ids

    ids = file_ids(found)
    groups = list(found.assign(id=ids).groupby(contents(found)))
    copies = int(found["duplicate_of"].notna().sum())
    equal = sum(rows["hash"].nunique() == 1 for _, rows in groups)
    typer.echo(
        f"{len(found)} files: {copies} copies of {len(groups)} others; "
        f"{equal} groups are equal in every sample, {len(groups) - equal} are alike"
    )
    for original, rows in groups[:GROUPS_SHOWN]:
        others = sorted(rows["id"][rows["id"] != original])
        more = f" and {len(others) - FILES_SHOWN} more" if len(others) > FILES_SHOWN else ""
        typer.echo(printable(f"  {original} = {', '.join(others[:FILES_SHOWN])}{more}"))
    if len(groups) > GROUPS_SHOWN:
        typer.echo(f"  and {len(groups) - GROUPS_SHOWN} more groups; all are in the column duplicate_of")


def _print_notes(found: "pd.DataFrame") -> None:
    notes = found.attrs["notes"]
    for note in notes[:GROUPS_SHOWN]:
        typer.echo(printable(f"note: {note}"))
    if len(notes) > GROUPS_SHOWN:
        typer.echo(f"note: and {len(notes) - GROUPS_SHOWN} more files")
