"""The stages of an item on its way, named and brought to the level that they have in the mix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.dsp.level import rms_dbfs
from percepkit.synth.degradations.registry import load
from percepkit.synth.recipe import Recipe
from percepkit.synth.render import Renderer
from percepkit.synth.rendered import Rendered

__all__ = ["Stage", "StageRenderer"]

GROUPS = {"speech": "Speech", "noise": "Noise", "layer": "Noise", "noisy": "Mixture"}
FIRST = {"speech": "As cut", "noise": "As cut or generated", "noisy": "Mixed"}
LAST = {"speech placed": "In its room", "noise room": "In its room", "noise gained": "Background"}
TARGET = "Target"
Seen = Sequence[tuple[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Stage:
    """A signal on the way from the sources to the item's files.

    Attributes
    ----------
    group : str
        "Speech", "Noise", "Mixture" or "Target".
    title : str
    signal : float32 array, shape (n_samples,)
        At the level that it has in the mix.
    note : str
        What the stage does; may be empty.
    stem : str
        The item's stem that this is; empty for what no corpus stores.
    """

    group: str
    title: str
    signal: np.ndarray
    note: str = ""
    stem: str = ""

    @property
    def level(self) -> str:
        """RMS level in words."""
        return f"{rms_dbfs(self.signal):.1f} dBFS".replace("-", "−") if self.signal.any() else "silent"


class StageRenderer:
    """Renders rows of a recipe's plan and keeps every stage.

    Parameters
    ----------
    recipe : Recipe
    roots : mapping of root name to folder
    """

    def __init__(self, recipe: Recipe, roots: Mapping[str, Path]) -> None:
        self._recipe = recipe
        self._seen: list[tuple[str, np.ndarray]] = []
        self._renderer = Renderer(recipe, roots, watch=lambda stage, x: self._seen.append((stage, x.copy())))

    def __call__(self, row: Mapping[str, Any]) -> tuple[Rendered, list[Stage]]:
        """Render one row; raises as `Renderer`.

        Returns
        -------
        Rendered and list of Stage
            Stages without sound, and those that repeat the one before, are left out.
        """
        self._seen.clear()
        item = self._renderer(row)
        placed = isinstance(row["rir_path"], str)
        return item, [*_on_the_way(self._seen, item, placed), *_targets(item, self._recipe, placed)]


def _on_the_way(seen: Seen, item: Rendered, placed: bool) -> list[Stage]:
    gains = _gains(seen)
    last_noisy = [name for name, _ in seen if name.startswith("noisy")][-1]
    changed = any(name.startswith("noise ") and name != "noise gained" for name, _ in seen)
    stages = []
    for name, signal in seen:
        source, _, kind = name.partition(" ")
        repeats = (name == "speech placed" and not placed) or (name == "noise" and not changed)
        if repeats or not signal.any():
            continue
        title, note = _in_words(name, source, kind)
        stem = "noisy" if name == last_noisy else ""
        stages.append(Stage(GROUPS[source], title, signal * gains.get(name, np.float32(1)), note, stem))
    return stages


def _in_words(name: str, source: str, kind: str) -> tuple[str, str]:
    if name in LAST:
        return LAST[name], ""
    if source == "layer":
        return f"Layer {kind}", ""
    if not kind:
        return FIRST[source], ""
    return f"After {kind.replace('_', ' ')}", load(kind).summary


def _gains(seen: Seen) -> dict[str, np.float32]:
    """What brings each stage to its level in the mix: noise gets its gain, then all the gain of the item."""
    signals = dict(seen)
    parts = [x for name, x in seen if name in ("speech placed", "noise gained") or name.startswith("layer ")]
    item = _ratio(signals["noisy"], np.sum(parts, axis=0))
    noises = [x for name, x in seen if name.startswith("noise") and name != "noise gained"]
    noise = _ratio(signals["noise gained"], noises[-1]) if noises else 1.0
    gains = {name: item for name in signals if not name.startswith("noisy")}
    gains |= {name: item * noise for name in signals if name.startswith("noise") and name != "noise gained"}
    return {name: np.float32(gain) for name, gain in gains.items()}


def _ratio(above: np.ndarray, below: np.ndarray) -> float:
    return float(10 ** ((rms_dbfs(above) - rms_dbfs(below)) / 20)) if above.any() and below.any() else 1.0


def _targets(item: Rendered, recipe: Recipe, placed: bool) -> list[Stage]:
    names = {name: name.removeprefix("target_") for name in item.also}
    if not item.clean.any():
        return []
    if not placed or recipe.rooms is None:
        note = f"without a room, {', '.join(names.values())} are the same" if names else ""
        return [Stage(TARGET, "Clean", item.clean, note, "clean")]
    clean = Stage(
        TARGET, "Clean", item.clean, f"what its target, {recipe.rooms.target}, keeps of the room", "clean"
    )
    return [clean, *(Stage(TARGET, f"Also {word}", item.also[name], "", name) for name, word in names.items())]
