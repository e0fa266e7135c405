"""``percepkit manifest``: tables of source audio."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from percepkit.cli.options import Scheduler, Workers, progress_bar

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    import pandas as pd

__all__ = ["app"]

ROWS_SHOWN = 20

app = typer.Typer(
    help="Tables of source audio: what a folder holds, measured once.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("scan")
def scan_command(
    folder: Annotated[Path, typer.Argument(help="Folder of audio files; all folders below it are read.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write, e.g. speech.parquet.")],
    kind: Annotated[str, typer.Option(help="What the files are: speech, noise, rir or music.")],
    root_name: Annotated[
        str | None,
        typer.Option(
            help="Name under which later commands ask for the folder. By default the name of --out.",
            show_default=False,
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="What the parts of a path mean, e.g. '{class}/{speaker}/*': {class} {speaker} {group} "
            "{split} {licence}; * stays within a part, ** is any depth.",
            show_default=False,
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="CSV: a column path and any of speaker, group, class, licence, split. Wins over --pattern.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Read every audio file below a folder and write down what it is.

    Format, length, level, bandwidth, checksum; for room responses RT60, DRR and C50. A file that cannot be
    used stays in the table with the reason. Run it again with the same --out after a change: only new and
    changed files are read.

    Example: `percepkit manifest scan ~/vctk --kind speech --pattern '{speaker}/*' --out speech.parquet`
    """
    from percepkit.engine.cluster import client
    from percepkit.engine.tables import ensure_writable
    from percepkit.manifests.scan import scan
    from percepkit.manifests.table import read_manifest, write_manifest

    ensure_writable(out)
    previous = read_manifest(out) if out.exists() else None
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give the folder that holds the audio files")
    with client(workers, scheduler) as cluster, progress_bar("scanning", "files") as progress:
        frame = scan(
            folder,
            kind=kind,
            root_name=root_name or out.stem,
            client=cluster,
            pattern=pattern,
            metadata=metadata,
            previous=previous,
            progress=progress,
        )
    write_manifest(frame, out)
    _print_summary(frame)
    for note in frame.attrs["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(f"written: {out}")


@app.command("show")
def show_command(file: Annotated[Path, typer.Argument(help="A manifest.", show_default=False)]) -> None:
    """Print what a manifest holds, and what of it cannot be used.

    Example: `percepkit manifest show speech.parquet`
    """
    from percepkit.manifests.table import read_manifest

    _print_summary(read_manifest(file))


def _print_summary(frame: "pd.DataFrame") -> None:
    from percepkit.manifests.table import usable

    console = Console()
    good = usable(frame)
    table = Table(show_header=False, title=_title(frame))
    speakers = good["speaker"].nunique()
    unknown = int(good["speaker"].isna().sum())
    rows = {
        "files": f"{len(frame)}, usable {len(good)}",
        "length": f"{good['duration'].sum() / 3600:.2f} h",
        "sample rates": _counts(good["sample_rate"], "{} Hz"),
        "channels": _counts(good["channels"], "{}"),
        "classes": _counts(good["class"].dropna(), "{}"),
        "speakers": f"{speakers}" + (f", and {unknown} files of unknown speakers" if unknown else ""),
        "status": _counts(frame["status"], "{}"),
    }
    for name, value in rows.items():
        if value and (name != "speakers" or set(frame["kind"]) == {"speech"}):
            table.add_row(name, Text(value))
    console.print(table)
    _print_bad(console, frame[frame["status"] != "ok"])


def _print_bad(console: Console, bad: "pd.DataFrame") -> None:
    if bad.empty:
        return
    table = Table("status", "file and reason", title=f"{len(bad)} files that cannot be used")
    for status, reason in bad[["status", "reason"]].head(ROWS_SHOWN).itertuples(index=False):
        # Names of files are data: no markup, no control characters.
        table.add_row(status, Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in reason)))
    console.print(table)
    if len(bad) > ROWS_SHOWN:
        console.print(f"and {len(bad) - ROWS_SHOWN} more; all are in the manifest")


def _title(frame: "pd.DataFrame") -> Text:
    kinds, roots = (", ".join(sorted(set(frame[name]))) for name in ("kind", "root_name"))
    return Text(f"{kinds} from {roots}")


def _counts(values: "pd.Series", form: str) -> str:
    """The commonest values with how often they occur."""
    counts = values.value_counts()
    shown = [f"{form.format(value)}: {count}" for value, count in counts.head(8).items()]
    return ", ".join(shown + [f"{len(counts) - 8} more"] * (len(counts) > 8))
