"""Writing the preview: stems and stages as files, and one page that shows and plays them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.audio.files import AudioError, write
from percepkit.audio.webpage import render_webpage
from percepkit.engine.tables import ensure_writable, write_text
from percepkit.synth.cutting import Cutter
from percepkit.synth.pair_sources import PairSources
from percepkit.synth.placing import Placer
from percepkit.synth.plan import draw_plan, plan_rows
from percepkit.synth.preview.drawn import Fact, describe
from percepkit.synth.preview.figures import Figure, decay_figure, spectrogram_figures, target_figure
from percepkit.synth.preview.stages import Stage, StageRenderer
from percepkit.synth.recipe import Recipe
from percepkit.synth.rendered import Rendered
from percepkit.synth.sources import Sources, check_roots
from percepkit.synth.store import stem_name
from percepkit.synth.yaml_model import yaml_text

__all__ = ["Group", "PreviewedItem", "write_preview"]

PAGE = "index.html"
MARK = '<meta name="generator" content="percepkit synth preview">'
STAGES = "stages"
PEAK = 0.999
STAGES_LEAD = (
    "The speech from its recording to what the mixture hears, every noise at its level, their sum and what is "
    "done to it, and the target: what a denoiser should output."
)


@dataclass(frozen=True)
class Group:
    """Figures under one heading."""

    title: str
    lead: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class PreviewedItem:
    """One item of the page.

    Attributes
    ----------
    item : int
    item_id : str
    status, reason : str
        "ok" and nothing, or why the item is not rendered.
    facts : list of Fact
    groups : list of Group
    files : list of str
        Names of the stems, relative to the page.
    """

    item: int
    item_id: str
    status: str
    reason: str
    facts: list[Fact]
    groups: list[Group] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def write_preview(
    recipe: Recipe,
    sources: Sources | PairSources,
    roots: Mapping[str, Path],
    out: Path,
    *,
    numbers: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> list[PreviewedItem]:
    """Render a few items of a recipe and write their stems, their stages and a page of all.

    Parameters
    ----------
    recipe : Recipe
    sources : Sources
    roots : mapping of root name to folder
    out : path
        Folder; ``index.html`` and sounds of an earlier preview are replaced.
    numbers : sequence of int
        Of the items.
    progress : callable, optional
        Called with (items done, items in all).

    Returns
    -------
    list of PreviewedItem
        One whose source is bad has its status and reason, on the page as well.

    Raises
    ------
    ValueError
        If a root is missing, or ``out`` cannot be written or holds a page of another kind.
    """
    check_roots(sources, roots)
    ensure_writable(out, folder=True)
    page = out / PAGE
    if page.exists() and MARK not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise ValueError(f"{page} is a page of another kind; name another folder")
    (out / STAGES).mkdir(parents=True, exist_ok=True)
    maker = _Maker(recipe, roots, out)
    items: list[PreviewedItem] = []
    for number in numbers:
        items += map(maker, plan_rows(draw_plan(recipe, sources, first=number, count=1)))
        if progress:
            progress(len(items), len(numbers))
    here = Path(__file__).parent
    context = {"recipe": recipe, "recipe_yaml": yaml_text(recipe), "items": items, "facts": _facts(recipe),
               "bad": sum(item.status != "ok" for item in items)}  # fmt: skip
    style = (here / "style.css").read_text(encoding="utf-8")
    write_text(page, render_webpage(here / "page.html", context, style=style))
    return items


def _facts(recipe: Recipe) -> list[tuple[str, str]]:
    share = f"{recipe.rooms.share:.0%} of items" if recipe.rooms else "none"
    degradations = ", ".join(dict.fromkeys(step.kind.replace("_", " ") for step in recipe.degradations))
    return [
        ("Items in all", f"{recipe.items:,}"),
        ("Length", f"{recipe.item_seconds:g} s"),
        ("Sample rate", f"{recipe.sample_rate / 1000:g} kHz"),
        ("Seed", str(recipe.seed)),
        ("Split", recipe.split),
        ("Rooms", share),
        ("Layers", ", ".join(recipe.layers) or "none"),
        ("Degradations", degradations or "none"),
    ]


class _Maker:
    """Makes what the page shows of an item, and writes its sounds."""

    def __init__(self, recipe: Recipe, roots: Mapping[str, Path], out: Path) -> None:
        self._recipe, self._out = recipe, out
        self._render = StageRenderer(recipe, roots)
        cutter = Cutter(recipe.sample_rate, recipe.n_samples, roots)
        self._placer = Placer(recipe.rooms, cutter) if recipe.rooms else None

    def __call__(self, row: Mapping[str, Any]) -> PreviewedItem:
        number, item_id = int(row["item"]), str(row["item_id"])
        try:
            item, stages = self._render(row)
            groups = self._groups(item_id, item, stages, row)
        except AudioError as error:
            return PreviewedItem(number, item_id, error.status, str(error), describe(row, self._recipe, None))
        files = [stem_name(item_id, stem, "wav") for stem in self._recipe.stems]
        for file, stem in zip(files, self._recipe.stems, strict=True):
            write(self._out / file, item.stem(stem), self._recipe.rate_of(stem))
        return PreviewedItem(number, item_id, "ok", "", describe(row, self._recipe, item), groups, files)

    def _groups(self, item_id: str, item: Rendered, stages: list[Stage], row: Mapping[str, Any]) -> list[Group]:
        shown = []
        for number, stage in enumerate(stages, 1):
            address, softer = self._write_stage(f"{item_id}.{number:02d}", stage)
            note = ", ".join(part for part in (stage.level, softer) if part)
            shown.append((stage, f"{note}; {stage.note}" if stage.note else note, address))
        figures = spectrogram_figures(shown, self._recipe.sample_rate)
        if self._placer is not None and isinstance(row["rir_path"], str):
            n_speech = sum(stage.group == "Speech" for stage in stages)
            figures.insert(n_speech, decay_figure(self._recipe, self._placer, row, self._recipe.n_samples))
        groups = [Group("Stages", STAGES_LEAD, figures)]
        targets = [target_figure(name, item) for name in self._recipe.targets]
        if targets:
            groups.append(Group("Oracle targets", "Tables that the corpus stores for training.", targets))
        return groups

    def _write_stage(self, name: str, stage: Stage) -> tuple[str, str]:
        """Write the sound of a stage that is no stem; returns its address, and by how much it is softer."""
        if stage.stem:
            return stem_name(name.split(".")[0], stage.stem, "wav"), ""
        peak = float(np.abs(stage.signal).max())
        gain = min(1.0, PEAK / peak)
        address = f"{STAGES}/{name}.{stage.group.lower()}.wav"
        write(self._out / address, stage.signal * np.float32(gain), self._recipe.sample_rate)
        return address, f"played {-20 * np.log10(gain):.1f} dB softer" if gain < 1 else ""
