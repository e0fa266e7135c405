"""``percepkit enhance`` and ``percepkit baselines``: denoise files and streams; list the denoisers."""

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from percepkit.cli.options import console

if TYPE_CHECKING:
    from io import BufferedReader

    from percepkit.baselines.denoiser import Denoiser, Spec
    from percepkit.baselines.enhance_files import Outcome
    from percepkit.baselines.peers._peer import Peer

__all__ = ["baselines", "enhance"]

LISTED_HZ = 16_000  # rate at which latency and cost are listed, but for denoisers that have another


def enhance(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="An audio file, a folder of them, or - for raw PCM on stdin.")
    ],
    target: Annotated[
        str | None,
        typer.Argument(metavar="OUT", help="A .wav or .flac file; for a folder, another folder; - for stdout."),
    ] = None,
    *,
    name: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="NAME",
            help="A name that `percepkit baselines` lists, NAME.onnx of `percepkit train export`, "
            "MODULE:FUNCTION, 'cmd:PROGRAM {in} {out}', or onnx:FILE.",
        ),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
    pcm: Annotated[
        str | None, typer.Option("--pcm", metavar="FORMAT", help="Of stdin and stdout: s16le, s32le or f32le.")
    ] = None,
    rate: Annotated[int | None, typer.Option("--rate", metavar="HZ", help="Sample rate of stdin.")] = None,
    channels: Annotated[int, typer.Option("--channels", min=1, help="Interleaved channels of stdin.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="No meters on stderr.")] = False,
) -> None:
    """Denoise an audio file, every audio file in a folder and below it, or a stream of raw PCM.

    Any container, sample rate and number of channels is read; each channel is denoised on its own. The result
    has the same rate, length and channels, and is written with 16 bits, for a folder as WAV with the same
    structure. A stream is denoised as it arrives, by denoisers that can; what comes out has no lag against what
    went in, it only comes later by the denoiser's latency. Meters on stderr show the levels of the last 0.4 s,
    the attenuation so far and the real-time factor.

    Example: `percepkit enhance recordings/ cleaner/ --with wiener`

    Example: `percepkit enhance - --with omlsa --pcm s16le --rate 16000 < noisy.raw > clean.raw`
    """
    denoiser = _load(name)
    if source == "-" or pcm is not None:
        _enhance_stream(source, target, denoiser, pcm, rate, channels, quiet)
        return
    if target is None:
        raise ValueError("OUT is missing: give a .wav or .flac file, for a folder another folder")
    started = time.perf_counter()
    if Path(source).is_dir():
        outcome = _enhance_folder(Path(source), Path(target), denoiser, overwrite, quiet)
    else:
        outcome = _enhance_one(Path(source), Path(target), denoiser, overwrite, quiet)
    for _, reason in outcome.failed:
        typer.echo(f"skipped {reason}", err=True)
    if outcome.kept:
        typer.echo(f"existing results kept: {len(outcome.kept)}; --overwrite replaces them", err=True)
    _tell_clipped(outcome.n_clipped)
    seconds = time.perf_counter() - started
    files = "1 file" if outcome.n_done == 1 else f"{outcome.n_done} files"
    typer.echo(
        f"{files} done: {outcome.seconds:.1f} s of audio in {seconds:.1f} s, "
        f"{outcome.seconds / seconds:.0f} x real time; {target}"
    )


def baselines(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Tell all about one denoiser, or a network's file.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list, one object for each.")] = False,
    cost: Annotated[
        bool, typer.Option("--cost", help="Measure each one's share of a core, here and now; takes seconds.")
    ] = False,
) -> None:
    """List the denoisers and oracles: what they do, where they come from, how late they are on a stream.

    Of a trained network, NAME prints the card: what it was trained on, its scores and its limits.

    Example: `percepkit baselines`

    Example: `percepkit baselines --json --cost`
    """
    from percepkit.baselines.registry import names, peers

    if name is not None:
        _tell(name, as_json, cost)
        return
    rows = [_described(name, cost) for name in names()]
    rows += [_described_peer(name, peer, cost) for name, peer in sorted(peers().items())]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    from rich.markup import escape
    from rich.table import Column, Table

    text = Column("what it is, and its paper", overflow="fold")
    narrow = (Column("kind", max_width=10), text, Column("latency", max_width=8))
    table = Table(Column("name", no_wrap=True), *narrow)
    if cost:
        table.add_column("% of a core at 16 kHz", justify="right")
    for row in rows:
        latency = "whole signal" if row["latency_ms"] is None else f"{row['latency_ms']:.1f} ms"
        measured = ["" if row["cost_percent"] is None else f"{row['cost_percent']:.2f}"] if cost else []
        about = " ".join(filter(None, [row["summary"], f"{row['paper']}." if row["paper"] else "", _size(row)]))
        table.add_row(row["name"], row["kind"], escape(about), latency, *measured)
    console().print(table)


def _described(name: str, measure: bool) -> dict[str, Any]:
    """What a listing says of a denoiser; latency in ms and cost in % of a core, at 16 kHz or its own rate."""
    from percepkit.baselines.cost import cost_percent, latency_ms
    from percepkit.baselines.denoiser import CausalDenoiser, Denoiser, Oracle
    from percepkit.baselines.registry import load

    denoiser = load(name)
    latency = latency_ms(denoiser, LISTED_HZ) if isinstance(denoiser, CausalDenoiser) else None
    cost = None
    if measure and isinstance(denoiser, Denoiser | Oracle):
        cost = round(cost_percent(denoiser, _listed_hz(denoiser.spec)), 3)
    return _row(name, denoiser, "oracle" if denoiser.spec.needs == "stems" else "denoiser", latency, cost)


def _listed_hz(spec: "Spec") -> int:
    own = spec.native_sample_rates or (LISTED_HZ,)
    return LISTED_HZ if LISTED_HZ in own else min(own)


def _tell(name: str, as_json: bool, measure: bool) -> None:
    from dataclasses import asdict

    from percepkit.baselines.dnn.model_card import card_text
    from percepkit.baselines.dnn.runtime import WholeNetworkDenoiser
    from percepkit.baselines.registry import load

    denoiser, row = load(name), _described(name, measure)
    network = denoiser if isinstance(denoiser, WholeNetworkDenoiser) else None
    if as_json:
        typer.echo(json.dumps(row | ({"card": asdict(network.card)} if network else {}), indent=2))
        return
    if network and network.card.about:
        typer.echo(card_text(network, recipes=False))
        row = {"cost_percent": row["cost_percent"]}
    for key, value in row.items():
        if value not in (None, "", []):
            told = ", ".join(map(str, value)) if isinstance(value, list) else value
            typer.echo(f"{key.replace('_', ' ')}: {told}")


def _size(row: dict[str, Any]) -> str:
    if row["parameters"] is None:
        return ""
    macs = row["macs_per_second"] or math.nan
    return f"{row['parameters']:,.0f} weights, {macs / 1e6:.3g} M MACs/s, {row['file_mb']:.2f} MB."


def _described_peer(name: str, peer: "Peer", measure: bool) -> dict[str, Any]:
    """What a listing says of another package's denoiser, at its own rate; the latency is of its code alone."""
    from percepkit.baselines.cost import cost_percent

    sample_rate = _listed_hz(peer.spec)
    cost = round(cost_percent(peer, sample_rate), 3) if measure and peer.installed else None
    kind = "peer" if peer.installed else "peer, not installed"
    return _row(name, peer, kind, 1000 * peer.latency_samples(sample_rate) / sample_rate, cost)


def _row(
    name: str, denoiser: Any, kind: str, latency_ms: float | None, cost_percent: float | None
) -> dict[str, Any]:
    from percepkit.baselines.cost import sizes

    spec: Spec = denoiser.spec
    return {
        "name": name,
        "kind": kind,
        "summary": spec.summary,
        "paper": spec.paper,
        "causal": spec.causal,
        "latency_ms": latency_ms,
        "native_sample_rates": list(spec.native_sample_rates) if spec.native_sample_rates else None,
        "invariances": sorted(spec.invariances),
        "cost_percent": cost_percent,
        **{key: None if math.isnan(value) else value for key, value in sizes(denoiser).items()},
    }


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


def _tell_clipped(n_clipped: int) -> None:
    if n_clipped:
        typer.echo(f"clipped {n_clipped} samples above full scale", err=True)


def _enhance_stream(
    source: str,
    target: str | None,
    denoiser: "Denoiser",
    pcm: str | None,
    rate: int | None,
    channels: int,
    quiet: bool,
) -> None:
    from percepkit.baselines.enhance_stream import enhance_pcm
    from percepkit.cli.meters import live_meters

    if source != "-" or target not in (None, "-"):
        raise ValueError("--pcm reads stdin and writes stdout: give - as IN and nothing, or -, as OUT")
    if pcm is None or rate is None:
        raise ValueError(
            "raw PCM does not say what it is: give --pcm FORMAT and --rate HZ, as --pcm s16le --rate 16000"
        )
    with live_meters("stdin", quiet=quiet) as meters:
        n_clipped = enhance_pcm(
            cast("BufferedReader", sys.stdin.buffer),
            sys.stdout.buffer,
            denoiser,
            encoding=pcm,
            sample_rate=rate,
            channels=channels,
            on_block=meters.on_block,
        )
    _tell_clipped(n_clipped)


def _enhance_one(source: Path, target: Path, denoiser: "Denoiser", overwrite: bool, quiet: bool) -> "Outcome":
    from percepkit.audio.files import info
    from percepkit.baselines.enhance_files import Outcome, enhance_file
    from percepkit.cli.meters import live_meters

    if target.is_dir():
        target = target / f"{source.stem}.wav"
    if target.exists() and not overwrite:
        raise ValueError(f"{target}: exists already; pass --overwrite to replace it")
    with live_meters(source.name, quiet=quiet, total_seconds=info(source).duration_seconds) as meters:
        done = enhance_file(source, target, denoiser, on_block=meters.on_block)
    return Outcome(1, done.seconds, done.n_clipped, (), ())


def _enhance_folder(source: Path, target: Path, denoiser: "Denoiser", overwrite: bool, quiet: bool) -> "Outcome":
    from percepkit.baselines.enhance_files import enhance_tree
    from percepkit.cli.meters import live_meters

    with live_meters("enhance", quiet=quiet, by_count=True) as meters:
        return enhance_tree(
            source,
            target,
            denoiser,
            overwrite=overwrite,
            on_progress=meters.on_progress,
            on_block=meters.on_block,
        )
