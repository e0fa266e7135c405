"""What the plan drew for an item, and what was realised, in words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from percepkit.synth.degradations.registry import load
from percepkit.synth.noise_plan import COURSE_SECONDS
from percepkit.synth.recipe import Recipe
from percepkit.synth.rendered import Rendered

__all__ = ["Fact", "describe"]

UNITS = {"db": "dB", "dbfs": "dBFS", "hz": "Hz", "seconds": "s"}
ROOM_NUMBERS = (("rt60", "RT60", "s", "rt60_seconds"), ("drr", "DRR", "dB", "drr_db"), ("c50", "C50", "dB", ""))
APPLIED = {"speech": "to the speech", "noise": "to the noise", "mixture": "to the mixture"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """A line of the table: what it is about, what was drawn, what came of it, and details."""

    label: str
    drawn: str
    realised: str = ""
    details: list[str] = field(default_factory=list)


def describe(row: Row, recipe: Recipe, item: Rendered | None) -> list[Fact]:
    """Facts about an item.

    Parameters
    ----------
    row : mapping
        Of the plan.
    recipe : Recipe
    item : Rendered or None
        None for an item that could not be rendered.

    Returns
    -------
    list of Fact
    """
    measured: Mapping[str, float] = item.measured if item else {}
    snr = Fact("SNR", _number(row["snr_db"], "dB"), _number(measured.get("snr_realised_db"), "dB", 2))
    if row["snr_db"] == row["snr_db"]:
        snr.details.append(f"{recipe.snr_kind} levels of speech and background noise")
    if row["layers"] and measured and measured["snr_total_db"] == measured["snr_total_db"]:
        snr.details.append(f"against all noise {_number(measured['snr_total_db'], 'dB', 2)}")
    if "mixture_sdr_db" in measured and measured["mixture_sdr_db"] == measured["mixture_sdr_db"]:
        sdr = _number(measured["mixture_sdr_db"], "dB")
        if row["noise_kind"] == "rerecorded" and row["degradations"] == "[]":
            snr.details.append(f"not defined for a re-recording; clean over difference {sdr}")
        else:
            snr.details.append(f"not measurable after the mixture was degraded; SDR of the last such stage {sdr}")
    level = Fact(
        "Level", _number(row["level_dbfs"], "dBFS"), _number(measured.get("level_realised_dbfs"), "dBFS", 2)
    )
    if measured:
        level.details.append(f"peak {measured['peak']:.2f} of full scale")
        if measured["guard_db"] < -0.005:
            level.details.append(f"all stems lowered by {_number(-measured['guard_db'], 'dB', 2)} lest they clip")
    steps = json.loads(row["degradations"])
    return [_speech(row, recipe), _noise("Noise", row, recipe), *_layers(row, recipe, item), _room(row, measured),
            snr, level, *(_degradation(number, step) for number, step in enumerate(steps, 1))]  # fmt: skip


def _speech(row: Row, recipe: Recipe) -> Fact:
    if not len(row["speech"]):
        return Fact("Speech", "none")
    speaker = row["speaker"] if isinstance(row["speaker"], str) else "speaker without a label"
    return Fact("Speech", speaker, details=_segments(row["speech"], recipe))


def _noise(label: str, row: Row, recipe: Recipe) -> Fact:
    kind = row["noise_kind"]
    if kind == "none":
        return Fact(label, "none")
    voices = len(row["noise"])
    drawn = {
        "file": f"{row['noise_class']}: recording",
        "generated": f"{row['generated']}: generated",
        "talkers": "an interfering talker" if voices == 1 else f"{voices} talkers",
        "additive": f"{row['noise_class']}: in the pair's noisy recording, added to the clean one",
        "rerecorded": f"{row['noise_class']}: the pair's noisy recording by another device or in another room",
        "events": f"{row['noise_class']}: {voices} event{'s' * (voices != 1)}",
    }[kind]
    fact = Fact(label, drawn, details=_segments(row["noise"], recipe))
    if len(row["course_db"]):
        course = ", ".join(f"{value:+.1f}".replace("-", "−") for value in row["course_db"])
        fact.details.append(f"level every {COURSE_SECONDS:g} s: {course} dB")
    if isinstance(row.get("noise_rir_path"), str):
        fact.details.append(f"at another position of the room: {_file(row['rir_root'], row['noise_rir_path'])}")
    return fact


def _layers(row: Row, recipe: Recipe, item: Rendered | None) -> list[Fact]:
    facts = []
    for number, layer in enumerate(row["layers"]):
        fact = _noise(f"Layer {layer['name']}", layer, recipe)
        realised: Any = item.layers[number]["snr_realised_db"] if item else None
        drawn = f"{fact.drawn}, SNR {_number(layer['snr_db'], 'dB')}"
        facts.append(Fact(fact.label, drawn, _number(realised, "dB", 2), fact.details))
    return facts


def _room(row: Row, measured: Mapping[str, float]) -> Fact:
    if not isinstance(row["rir_path"], str):
        return Fact("Room", "none")
    drawn, realised = [str(row["room"])], []
    for name, label, unit, change in ROOM_NUMBERS:
        asked = row.get(f"asked_{change}") if change else None
        if asked is not None and asked == asked:
            drawn.append(f"{label} {_number(asked, unit, 2)}")
        value = measured.get(f"{name}_realised")
        if value is not None and value == value:
            realised.append(f"{label} {_number(value, unit, 2)}")
    if row["asked_early_gain"] == row["asked_early_gain"]:
        drawn.append(f"early part by {row['asked_early_gain']:.2f}")
    file = f"{_file(row['rir_root'], row['rir_path'])}, channel {row['rir_channel'] + 1}"
    return Fact("Room", ", ".join(drawn), "\n".join(realised), [file])


def _degradation(number: int, step: Row) -> Fact:
    degradation = load(step["kind"])
    given = degradation.parameters.model_validate(step["parameters"])
    fields = degradation.parameters.model_fields
    words = [
        _parameter(name, value)
        + (f": {description.partition('. ')[0]}" if (description := fields[name].description) else "")
        for name, value in given.model_dump().items()
        if value is not None
    ]
    shared = "the target shares it" if step["target"] else "the target is without it"
    if step["to"] == "noise":
        shared = "before the SNR is set"
    drawn = f"{step['kind'].replace('_', ' ')} {APPLIED[step['to']]}"
    return Fact(f"Degradation {number}", drawn, "", [f"{degradation.summary}; {shared}", *words])


def _parameter(name: str, value: float | str) -> str:
    """Parameter in words: the unit is the last word of its name."""
    words = name.split("_")
    unit = UNITS.get(words[-1], "") if len(words) > 1 else ""
    label = " ".join(words[:-1] if unit else words)
    shown = value if isinstance(value, str) else f"{value:.4g}".replace("-", "−")
    return f"{label} {shown} {unit}".rstrip()


def _segments(segments: Any, recipe: Recipe) -> list[str]:
    lines = []
    for segment in segments:
        begin, end = (at / recipe.sample_rate for at in (segment["at"], segment["at"] + segment["length"]))
        line = f"{begin:.2f} to {end:.2f} s: {_file(segment['root_name'], segment['path'])}"
        if segment["channel"] > 0:
            line += f", channel {segment['channel'] + 1}"
        if segment.get("speed", 1.0) != 1.0:
            line += f", speed {segment['speed']:.3f}"
        lines.append(line)
    return lines


def _file(root_name: str, path: str) -> str:
    return f"{root_name}/{path}"


def _number(value: float | None, unit: str, digits: int = 1) -> str:
    """Number with its unit and a true minus sign; empty where there is none."""
    if value is None or value != value:
        return ""
    return f"{value:.{digits}f} {unit}".replace("-", "−")
