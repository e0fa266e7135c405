"""``percepkit manifest``: tables of source audio."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from percepkit.cli.curation import duplicates, score
from percepkit.cli.options import Scheduler, Workers, connect, printable, progress_bar
from percepkit.cli.pairs import pair

if TYPE_CHECKING:  # libraries are loaded by the command that runs, so that --help is quick
    import pandas as pd

__all__ = ["app"]

ROWS_SHOWN = 20
MEASURES = {
    "effective_bandwidth": "bandwidth",
    "activity_share": "active share",
    "clipped_share": "clipped",
    "dc_offset": "DC offset",
    "quality": "quality",
}

app = typer.Typer(
    help="Tables of source audio: what a folder holds, measured once.",
    no_args_is_help=True,
)


@app.command("scan")
def scan_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of audio files; all folders below it are read.")
    ],
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

    Format, length, level, bandwidth, activity, clipping, DC, checksum; for room responses RT60, DRR and C50. A
    file that cannot be used stays in the table with the reason. Run it again with the same --out after a change:
    only new and changed files are read.

    Example: `percepkit manifest scan ~/vctk --kind speech --pattern '{speaker}/*' --out speech.parquet`
    """
    from percepkit.engine.tables import ensure_writable
    from percepkit.manifests.scan import scan
    from percepkit.manifests.table import read_manifest, write_manifest

    ensure_writable(out)
    previous = read_manifest(out) if out.exists() else None
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give the folder that holds the audio files")
    with connect(workers, scheduler) as cluster, progress_bar("scanning", "files") as progress:
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
        typer.echo(printable(f"note: {note}"))
    typer.echo(f"written: {out}")


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A manifest.", show_default=False)],
) -> None:
    """Print what a manifest holds, and what of it cannot be used.

    Example: `percepkit manifest show speech.parquet`
    """
    from percepkit.manifests.table import read_manifest

    _print_summary(read_manifest(file))


app.command()(duplicates)
app.command()(score)


@app.command("generate")
def generate_command(
    noises: Annotated[list[str], typer.Argument(metavar="NOISE", help="Such as pink or 'hum(frequency_hz=50)'.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The manifest to write, e.g. generated.parquet.")],
    label: Annotated[
        str | None, typer.Option("--class", help="Class of all of them; by default each one's kind.")
    ] = None,
) -> None:
    """List generated noises in a manifest, to draw from beside recordings.

    Kinds: white, pink, brown, speech_shaped, hum, fan, siren, car, wind, rain, keyboard, babble. Parameters that
    are not fixed are drawn for every item; a wrong name lists the right ones.

    Example: `percepkit manifest generate pink 'hum(frequency_hz=50)' --out generated.parquet`, and in the recipe
    `noise: {manifest: [noise.parquet, generated.parquet]}`
    """
    from percepkit.engine.tables import ensure_writable
    from percepkit.manifests.generated import generated_rows
    from percepkit.manifests.table import write_manifest

    ensure_writable(out)
    write_manifest(generated_rows(noises, label=label), out)
    typer.echo(f"written: {out}")


@app.command("split")
def split_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="MANIFEST", help="Manifests of one kind, divided together.")
    ],
    shares: Annotated[
        str, typer.Option(help="Splits and their shares of the total length.")
    ] = "train=0.8,valid=0.1,test=0.1",
    seed: Annotated[int, typer.Option(min=0, help="Another seed divides differently.")] = 1,
    proof: Annotated[
        Path | None, typer.Option(help="Write what the division rests on to this JSON file.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look for leaks in the splits there are.")] = False,
) -> None:
    """Divide files into splits that share no speaker, recording, room or audio, and write it into the manifests.

    A recipe then draws from the files of its own `split` only, and refuses manifests whose splits leak.

    Example: `percepkit manifest split speech.parquet --shares train=0.8,test=0.2 --proof proof.json`
    """
    import json

    import pandas as pd

    from percepkit.engine.tables import write_text
    from percepkit.manifests.split import assign_splits, find_leaks, split_proof
    from percepkit.manifests.table import read_manifest, write_manifest

    tables = [read_manifest(file) for file in files]
    joined = pd.concat(tables, ignore_index=True)
    if not check:
        joined = assign_splits(joined, _shares(shares), seed=seed)
        ends = pd.Series([len(table) for table in tables]).cumsum()
        for file, end, table in zip(files, ends, tables, strict=True):
            write_manifest(joined.iloc[end - len(table) : end].reset_index(drop=True), file)
    found = split_proof(joined)
    if proof is not None:
        write_text(proof, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    for name, size in found["splits"].items():
        typer.echo(f"{name}: {size['files']} files, {size['hours']:.2f} h, {size['speakers']} labelled speakers")
    weak = found["weakest_evidence"]
    if weak["speech_files_without_speaker"]:
        typer.echo(
            f"{weak['speech_files_without_speaker']} files have no speaker label: each of their "
            f"{weak['in_folders']} folders is kept together, but a talker may be in several"
        )
    leaks = find_leaks(joined)
    for leak in leaks[:ROWS_SHOWN]:
        typer.echo(leak)
    if leaks:
        typer.echo(f"{len(leaks)} leaks")
        raise typer.Exit(1)


def _shares(text: str) -> dict[str, float]:
    """Turn ``train=0.8,test=0.2`` into a mapping."""
    try:
        return {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise ValueError(f"--shares {text}: expected NAME=SHARE with commas between them") from None


app.command()(pair)


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
        **{label: _range(good[name]) for name, label in MEASURES.items()},
        "duplicates": _duplicates(good),
        "speakers": f"{speakers}" + (f", and {unknown} files of unknown speakers" if unknown else ""),
        "status": _counts(frame["status"], "{}"),
    }
    for name, value in rows.items():
        if value and (name != "speakers" or set(frame["kind"]) == {"speech"}):
            table.add_row(name, Text(value))
    console.print(table)
    _print_bad(console, frame[frame["status"] != "ok"])


def _range(values: "pd.Series") -> str:
    """Median and extremes; nothing for a column without values."""
    known = values.dropna()
    if known.empty:
        return ""
    middle, low, high = (f"{v:.0f}" if abs(v) >= 100 else f"{v:.3g}" for v in known.quantile([0.5, 0, 1]))
    return f"median {middle}, {low} to {high}"


def _duplicates(good: "pd.DataFrame") -> str:
    copies = good["duplicate_of"].dropna()
    return f"{len(copies)} files are copies of {copies.nunique()} others" if len(copies) else ""


def _print_bad(console: Console, bad: "pd.DataFrame") -> None:
    if bad.empty:
        return
    table = Table("status", "file and reason", title=f"{len(bad)} files that cannot be used")
    for status, reason in bad[["status", "reason"]].head(ROWS_SHOWN).itertuples(index=False):
        table.add_row(status, Text(printable(reason)))  # names of files are data: no markup
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
