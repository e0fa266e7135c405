"""``percepkit enhance`` and ``percepkit baselines``: denoise files; list what there is to denoise with."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from percepkit.baselines.denoiser import Denoiser
    from percepkit.baselines.enhance_files import Outcome

__all__ = ["baselines", "enhance"]


def enhance(
    source: Annotated[Path, typer.Argument(metavar="IN", help="An audio file, or a folder of them.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="A .wav or .flac file; for a folder, another folder.")
    ],
    name: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="NAME",
            help="A name of `percepkit baselines`, MODULE:FUNCTION, 'cmd:PROGRAM {in} {out}', or onnx:FILE.",
        ),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
) -> None:
    """Denoise an audio file, or every audio file in a folder and below it.

    Any container, sample rate and number of channels is read; each channel is denoised on its own. The result
    has the same rate, length and channels, and is written with 16 bits, for a folder as WAV with the same
    structure.

    Example: percepkit enhance recordings/ cleaner/ --with wiener
    """
    denoiser = _load(name)
    started = time.perf_counter()
    if source.is_dir():
        outcome = _enhance_folder(source, target, denoiser, overwrite)
    else:
        outcome = _enhance_one(source, target, denoiser, overwrite)
    for _, reason in outcome.failed:
        typer.echo(f"skipped {reason}", err=True)
    if outcome.kept:
        typer.echo(f"existing results kept: {len(outcome.kept)}; --overwrite replaces them", err=True)
    if outcome.n_clipped:
        typer.echo(f"clipped {outcome.n_clipped} samples above full scale", err=True)
    seconds = time.perf_counter() - started
    files = "1 file" if outcome.n_done == 1 else f"{outcome.n_done} files"
    typer.echo(
        f"{files} done: {outcome.seconds:.1f} s of audio in {seconds:.1f} s, "
        f"{outcome.seconds / seconds:.0f} x real time; {target}"
    )


def baselines() -> None:
    """List the denoisers and oracles: what they do, where they come from, how late they are on a stream.

    Example: percepkit baselines
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    from percepkit.baselines.denoiser import Denoiser
    from percepkit.baselines.registry import load, names, peers

    table = Table(Column("name", no_wrap=True), "kind", "summary", "paper", "latency at 16 kHz")
    for name in names():
        denoiser = load(name)
        spec = denoiser.spec
        kind, latency = ("oracle" if spec.needs == "stems" else "denoiser"), "whole signal"
        if isinstance(denoiser, Denoiser) and spec.causal:
            latency = f"{denoiser.latency_samples(16_000) / 16:.1f} ms"
        table.add_row(name, kind, escape(spec.summary), escape(spec.paper), latency)
    for name, peer in sorted(peers().items()):
        kind = "peer" if peer.installed else "peer, not installed"
        table.add_row(name, kind, escape(peer.spec.summary), escape(peer.spec.paper), "whole signal")
    Console().print(table)


def _load(name: str) -> "Denoiser":
    from percepkit.baselines.denoiser import Denoiser
    from percepkit.baselines.registry import load, names

    found = load(name)
    if isinstance(found, Denoiser) and found.spec.needs == "nothing":
        return found
    if found.spec.needs == "item":
        raise ValueError(f"{name!r} holds the results of a corpus' items; there is nothing to run on other files")
    usable = ", ".join(other for other in names() if load(other).spec.needs == "nothing")
    raise ValueError(
        f"{name!r} is an oracle: it needs the clean stems of a corpus item, which a recording does not have; "
        f"choose from {usable}"
    )


def _enhance_one(source: Path, target: Path, denoiser: "Denoiser", overwrite: bool) -> "Outcome":
    from percepkit.baselines.enhance_files import Outcome, enhance_file

    if target.is_dir():
        target = target / f"{source.stem}.wav"
    if target.exists() and not overwrite:
        raise ValueError(f"{target}: exists already; pass --overwrite to replace it")
    done = enhance_file(source, target, denoiser)
    return Outcome(1, done.seconds, done.n_clipped, (), ())


def _enhance_folder(source: Path, target: Path, denoiser: "Denoiser", overwrite: bool) -> "Outcome":
    from rich.console import Console
    from rich.progress import Progress

    from percepkit.baselines.enhance_files import enhance_tree

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("enhance", total=None)

        def show(finished: int, total: int) -> None:
            progress.update(bar, completed=finished, total=total)

        return enhance_tree(source, target, denoiser, overwrite=overwrite, on_progress=show)
