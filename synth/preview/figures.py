"""Figures of a page: pictures and curves, with the ticks of their axes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from percepkit.audio.webpage import data_address
from percepkit.dsp.picture import level_db, share_png, shrink, spectrogram_png
from percepkit.synth.placing import Placer
from percepkit.synth.preview.stages import Stage
from percepkit.synth.recipe import Recipe
from percepkit.synth.rendered import Rendered
from percepkit.synth.targets import TARGETS

__all__ = ["Curve", "Figure", "Tick", "decay_figure", "spectrogram_figures", "target_figure", "ticks"]

LOWEST_DB = -60.0  # of decays
MAX_POINTS = 500
MARKED_HZ = (250, 500, 1000, 2000, 4000, 8000, 16_000)
NAMES = {"erb_gains": "ERB gains", "vad": "Voice activity", "pitch_period": "Pitch"}
LEVELS = ("magnitude", "log_magnitude", "complex_spectrum")
RANGE_DB = 75.0


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its label, and its place in per cent of the axis."""

    label: str
    place: float


@dataclass(frozen=True)
class Curve:
    """A curve: its label, and an SVG path in a square of 1000 by 1000."""

    label: str
    path: str


@dataclass(frozen=True)
class Figure:
    """A picture or curves with axes.

    Attributes
    ----------
    title, note : str
    across, up : sequence of Tick
    picture : str
        Data address; empty where there are curves.
    curves : sequence of Curve
    scale : tuple of two str, or None
        What the darkest and the brightest shade mean, where the figure has its own.
    seconds : float
        Length of the time axis; 0 where it is not that of the item.
    group : str
        Part of the road that it belongs to; may be empty.
    audio : str
        Address of the sound, relative to the page; empty if there is none.
    """

    title: str
    across: Sequence[Tick]
    up: Sequence[Tick]
    note: str = ""
    picture: str = ""
    curves: Sequence[Curve] = ()
    scale: tuple[str, str] | None = None
    seconds: float = 0.0
    group: str = ""
    audio: str = ""


def ticks(low: float, high: float, unit: str, *, most: int = 5) -> list[Tick]:
    """Marks at round numbers, the last with the unit.

    Examples
    --------
    >>> [(tick.label, tick.place) for tick in ticks(-60, 0, "dB", most=3)]
    [('−60', 0.0), ('−40', 33.33), ('−20', 66.67), ('0 dB', 100.0)]
    """
    steps = (m * 10.0**e for e in range(-4, 7) for m in (1, 2, 2.5, 5))
    step = next(step for step in steps if (high - low) / step <= most)
    values = step * np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    places = np.round(100 * (values - low) / (high - low), 2).tolist()
    marks = [Tick(f"{v:g}".replace("-", "−"), place) for v, place in zip(values, places, strict=True)]
    return [*marks[:-1], Tick(f"{marks[-1].label} {unit}", marks[-1].place)]


def spectrogram_figures(shown: Sequence[tuple[Stage, str, str]], sample_rate: int) -> list[Figure]:
    """Spectrograms of one item, on one scale of shades.

    Parameters
    ----------
    shown : sequence of (Stage, note, audio)
    sample_rate : int
        In Hz.

    Returns
    -------
    list of Figure
    """
    levels = [level_db(stage.signal, sample_rate) for stage, _, _ in shown]
    top_db = max(float(level.max()) for level in levels)
    figures = []
    for (stage, note, audio), level in zip(shown, levels, strict=True):
        seconds = len(stage.signal) / sample_rate
        figures.append(
            Figure(
                title=stage.title,
                note=note,
                across=ticks(0, seconds, "s"),
                up=ticks(0, sample_rate / 2000, "kHz"),
                picture=data_address("image/png", spectrogram_png(level, top_db)),
                seconds=seconds,
                group=stage.group,
                audio=audio,
            )
        )
    return figures


def target_figure(name: str, item: Rendered) -> Figure:
    """A target of the recipe over time: a curve, or a picture with frequency upwards.

    Parameters
    ----------
    name : str
        Of `percepkit.synth.targets.TARGETS`.
    item : Rendered
    """
    values, valid = TARGETS[name](item)
    title = NAMES.get(name, name.replace("_", " ").capitalize() if len(name) > 4 else name.upper())
    seconds = len(item.clean) / item.sample_rate
    across = ticks(0, seconds, "s")
    if values.shape[1] == 1:
        return _frame_curve(title, name, values[:, 0], valid[:, 0], item, across, seconds)
    table, unit = values, ""
    if name in LEVELS or np.iscomplexobj(values):
        table, unit = np.abs(values), ""
    if name in LEVELS:
        table = values if name == "log_magnitude" else 20 * np.log10(np.maximum(table, 1e-6))
        unit = " dB"
    per_band = values.shape[1] == len(item.analysis.layout(item.sample_rate))
    if per_band:  # those above the Nyquist frequency are never valid
        there = item.analysis.layout(item.sample_rate).mask
        table, valid = table[:, there], valid[:, there]
    known = np.where(valid, table, np.nan).astype(np.float64)
    low, high = _range(known, decibels=bool(unit))
    picture = share_png(shrink(known.T[::-1] - low) / (high - low), "viridis")
    return Figure(
        title=title,
        note="" if valid.all() else f"grey: not valid ({1 - valid.mean():.0%})",
        across=across,
        up=_band_ticks(item) if per_band else ticks(0, item.sample_rate / 2000, "kHz"),
        picture=data_address("image/png", picture),
        scale=(f"{low:.3g}{unit}".replace("-", "−"), f"{high:.3g}{unit}".replace("-", "−")),
        seconds=seconds,
    )


def _range(table: np.ndarray, *, decibels: bool) -> tuple[float, float]:
    """0 to 1 for shares, 75 dB for levels, else from the least to the greatest value."""
    known = table[np.isfinite(table)]
    if decibels:
        top = float(known.max(initial=-RANGE_DB))
        return top - RANGE_DB, top
    low, high = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _band_ticks(item: Rendered) -> list[Tick]:
    """Bands are equally high; marks stand at those nearest to round frequencies."""
    bands = item.analysis.layout(item.sample_rate)
    centre_hz = bands.centre_hz[bands.mask]
    marked = [hz for hz in MARKED_HZ if hz <= centre_hz[-1]]
    rows = [int(np.argmin(np.abs(centre_hz - hz))) for hz in marked]
    labels = [f"{hz / 1000:g}" for hz in marked]
    labels[-1] += " kHz"
    return [
        Tick(label, round(100 * (row + 0.5) / len(centre_hz), 2)) for label, row in zip(labels, rows, strict=True)
    ]


def _frame_curve(
    title: str,
    name: str,
    values: np.ndarray,
    valid: np.ndarray,
    item: Rendered,
    across: Sequence[Tick],
    seconds: float,
) -> Figure:
    if name == "pitch_period":
        curve = np.divide(item.sample_rate, values, out=np.full(len(values), np.nan), where=valid)
        top, unit, note = (
            max(float(np.nanmax(curve, initial=0.0)) * 1.1, 100.0),
            "Hz",
            f"voiced {valid.mean():.0%}",
        )
    else:
        curve, top, unit, note = np.where(valid, values, np.nan).astype(np.float64), 1.0, "", ""
    time = np.arange(len(curve)) * item.analysis.hop(item.sample_rate) / item.sample_rate
    path = _path(time / seconds, curve / top)
    return Figure(title, across, ticks(0, top, unit, most=4), note, curves=[Curve(title, path)], seconds=seconds)


def decay_figure(recipe: Recipe, placer: Placer, row: Mapping[str, Any], n_samples: int) -> Figure:
    """Energy that is still to come, over time, of the room's response and of what each target keeps of it.

    Backward integration of the squared response (Schroeder 1965), 0 dB being the energy of the whole response.
    The response is what becomes of an impulse, within the length of an item.
    """
    impulse = np.zeros(n_samples, np.float32)
    impulse[0] = 1
    whole, kept, _ = placer.speech(impulse, impulse, row)
    named = {"whole response": whole}
    rooms = () if recipe.rooms is None else (recipe.rooms.target, *recipe.rooms.also)
    named |= {f"target {name}": h for name, h in zip(rooms, kept, strict=True) if name != "reverberant"}
    total = float(np.sum(np.square(whole, dtype=np.float64)))
    decays = {label: _decay_db(h, total) for label, h in named.items()}
    if isinstance(row["noise_rir_path"], str):
        h = placer.noise(impulse, row)
        decays["noise's position"] = _decay_db(h, float(np.sum(np.square(h, dtype=np.float64))))
    end = max(int(np.argmax(decay < LOWEST_DB)) or n_samples for decay in decays.values())
    seconds = max(end, recipe.sample_rate // 20) / recipe.sample_rate
    time = np.arange(n_samples) / recipe.sample_rate
    curves = [
        Curve(label, _path(time / seconds, 1 - np.where(decay < LOWEST_DB, np.nan, decay) / LOWEST_DB))
        for label, decay in decays.items()
    ]
    return Figure(
        title="Energy decay",
        note="energy still to come, relative to that of the whole response",
        across=ticks(0, seconds, "s"),
        up=ticks(LOWEST_DB, 0, "dB", most=4),
        curves=curves,
        group="Speech",
    )


def _decay_db(h: np.ndarray, total: float) -> np.ndarray:
    left = np.cumsum(np.square(h, dtype=np.float64)[::-1])[::-1]
    return 10 * np.log10(np.maximum(left / total, 1e-30))


def _path(x: np.ndarray, y: np.ndarray) -> str:
    """SVG path of points whose axes run from 0 to 1, upwards; NaN breaks the line."""
    inside = np.flatnonzero((x >= 0) & (x <= 1))
    # Of a long curve only as many points as can be seen; steps of a few samples stay in place.
    inside = inside[:: max(1, len(inside) // MAX_POINTS)]
    parts, pen_down = [], False
    for px, py in zip(1000 * x[inside], 1000 * (1 - y[inside]), strict=True):
        if np.isfinite(py):
            parts.append(f"{'L' if pen_down else 'M'}{px:.1f} {py:.1f}")
        pen_down = bool(np.isfinite(py))
    return "".join(parts)
