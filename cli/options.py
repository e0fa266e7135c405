"""Options that several commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    from distributed import Client

    from percepkit.engine.cluster import Serial
    from percepkit.eval.score import ScoreRun
    from percepkit.eval.score_files import FileRun

__all__ = [
    "Align", "CorpusArgument", "Limit", "Metrics", "Reuse", "Roots", "Scheduler", "ScoredArgument",
    "ScoresArgument", "Workers", "connect", "console", "parse_roots", "print_taken_over", "printable",
    "progress_bar", "split_names", "wanted_metrics",
]  # fmt: skip

CorpusArgument = Annotated[Path, typer.Argument(help="Rendered corpus.", metavar="CORPUS")]
ScoredArgument = Annotated[
    Path, typer.Argument(help="Rendered corpus, or the NAME.files.parquet of `eval files`.", metavar="CORPUS")
]
ScoresArgument = Annotated[Path, typer.Argument(help="Table of `eval run` or `eval files`.", metavar="SCORES")]
Align = Annotated[
    bool,
    typer.Option("--align", help="Undo the delay of outputs that others made; without it, it is only reported."),
]
Metrics = Annotated[
    str,
    typer.Option(
        help="Names with commas between them, see `percepkit eval metrics`, or `all`. "
        "Default: pesq_wb, pesq_nb, stoi, estoi and si_sdr."
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Score only the first LIMIT items.")]
Reuse = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="SCORES", help="Take over scores of the same sound from this table, too; as often as needed."
    ),
]

Workers = Annotated[
    int | None, typer.Option(min=0, help="Worker processes; all cores by default, 0 works in this process.")
]
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Use a running Dask cluster instead.")]
Roots = Annotated[
    list[str] | None,
    typer.Option(
        "--root",
        metavar="NAME=FOLDER",
        help="Where the files of a manifest lie now; NAME is the --root-name of its scan, such as speech for "
        "speech.parquet. Once per root.",
    ),
]


def parse_roots(values: list[str] | None) -> dict[str, Path]:
    """Turn ``NAME=FOLDER`` options into a mapping.

    Examples
    --------
    >>> parse_roots(["speech=/data/speech"])["speech"].name
    'speech'
    >>> parse_roots(["speech=~/speech"])["speech"] == Path.home() / "speech"
    True
    """
    roots = {}
    for value in values or []:
        name, separator, folder = value.partition("=")
        if not (name and separator and folder):
            raise ValueError(f"--root {value}: expected NAME=FOLDER")
        roots[name] = Path(folder).expanduser()
    return roots


def split_names(text: str) -> list[str]:
    """Names with commas between them.

    Examples
    --------
    >>> split_names("stoi, pesq_wb,")
    ['stoi', 'pesq_wb']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def wanted_metrics(text: str) -> list[str]:
    """Metrics named with commas between them; the headline's without a name, every installed one for ``all``."""
    from percepkit.eval import metrics

    if text != "all":
        return split_names(text) or list(metrics.HEADLINE)
    missing = sorted(set(metrics.names()) - set(metrics.installed()))
    if missing:
        left_out = f"left out: {', '.join(missing)}; they need pip install 'percepkit[learned]'"
        Console(stderr=True, highlight=False, markup=False).print(left_out, soft_wrap=True)
    return metrics.installed()


def printable(text: str) -> str:
    r"""Text with names of files, which are data, in it: control characters are shown, not obeyed.

    Examples
    --------
    >>> printable("a\x1b[2Jb.wav")
    'a\\x1b[2Jb.wav'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def print_taken_over(result: "ScoreRun | FileRun") -> None:
    """Say what a run of scoring had not to compute."""
    if result.n_resumed:
        typer.echo(f"{result.n_resumed} of {result.n_items} items were scored by an earlier run")
    if result.n_reused:
        typer.echo(f"{result.n_reused} scores were taken over from earlier tables")


def console() -> Console:
    """Terminal, or a file or pipe, where nothing is gained by folding tables at 80 columns."""
    found = Console()
    return found if found.is_terminal else Console(width=160)


@contextmanager
def connect(workers: int | None, scheduler: str | None) -> "Iterator[Client | Serial]":
    """Workers as the options ask for them; prints where one can watch them."""
    from percepkit.engine import cluster

    with cluster.client(workers, scheduler) as client:
        if client.dashboard_link:
            Console(stderr=True, highlight=False).print(f"Dask dashboard: {client.dashboard_link}", soft_wrap=True)
        yield client


class _Rate(TextColumn):
    """Things done in a second, lately."""

    def __init__(self, unit: str) -> None:
        super().__init__("")
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:.1f} {self._unit}/s")


@contextmanager
def progress_bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Progress bar on standard error; yields a function of things done and things in all."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate(unit),
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
