"""What a file of weights needs to run, and what people should know about it: the card beside an ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["FORMAT_VERSION", "Card", "read_card", "write_card"]

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Card:
    """Description of a network.

    Parameters
    ----------
    name, summary, paper : str
        As of `percepkit.baselines.denoiser.Spec`.
    sample_rate : int
        In Hz; the network runs at no other.
    features : str
        Name of `percepkit.baselines.dnn.features.FEATURES`.
    objective : str
        Name of `percepkit.baselines.dnn.objectives.OBJECTIVES`.
    model : str
        Name in `percepkit.baselines.dnn.models`.
    features_options, model_options : mapping
        What `make` and `build` were called with besides.
    look_ahead_frames : int
        Of the model; that of the features comes on top.
    causal : bool
        Whether the file holds one frame's step or the whole network.
    parameters : int, optional
        Number of weights.
    macs_per_second : float, optional
        Multiplications with addition for a second of audio.
    about : mapping
        For people: data, recipe, seed, hours, scores, limits.
    format_version : int
    """

    name: str
    summary: str
    paper: str
    sample_rate: int
    features: str
    objective: str
    model: str
    features_options: Mapping[str, Any] = field(default_factory=dict)
    model_options: Mapping[str, Any] = field(default_factory=dict)
    look_ahead_frames: int = 0
    causal: bool = True
    parameters: int | None = None
    macs_per_second: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


def write_card(card: Card, path: Path) -> None:
    """Write a card as JSON."""
    path.write_text(json.dumps(asdict(card), indent=2) + "\n")


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    ValueError
        If the file is missing, is not a card, or has another format; the message names it.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; an ONNX file comes with a card of the same name") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error}); write it with percepkit.baselines.dnn.export") from None
    known = {f.name for f in fields(Card)}
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION or set(content) != known:
        raise ValueError(f"{path}: expected a card of format {FORMAT_VERSION}; export the network again")
    return Card(**content)
