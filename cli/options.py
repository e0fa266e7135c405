"""Options that several commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Roots", "Scheduler", "Workers", "parse_roots", "progress_bar"]

Workers = Annotated[
    int | None, typer.Option(min=0, help="Worker processes; all cores by default, 0 works in this process.")
]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use a running Dask cluster instead.")]
Roots = Annotated[
    list[str] | None,
    typer.Option("--root", metavar="NAME=FOLDER", help="Where the files of a manifest lie now; once per root."),
]


def parse_roots(values: list[str] | None) -> dict[str, Path]:
    """Turn ``NAME=FOLDER`` options into a mapping.

    Examples
    --------
    >>> parse_roots(["speech=/data/speech"])["speech"].name
    'speech'
    """
    roots = {}
    for value in values or []:
        name, separator, folder = value.partition("=")
        if not (name and separator and folder):
            raise ValueError(f"--root {value}: expected NAME=FOLDER")
        roots[name] = Path(folder)
    return roots


@contextmanager
def progress_bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Progress bar on standard error; yields a function of things done and things in all."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
               TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            yield update
        except BaseException:
            if bar.tasks[0].total is None:  # an empty bar before the error would say nothing
                bar.update(task, visible=False)
            raise
