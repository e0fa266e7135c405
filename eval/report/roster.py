"""Who was scored: noisy input, denoisers, oracles and anchors, in the order and colours of the whole page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from percepkit.baselines.registry import LADDER
from percepkit.eval.anchors import ANCHORS
from percepkit.eval.score import NOISY

__all__ = ["Entry", "make_roster", "of_role"]

# Okabe and Ito's colours that keep their contrast on white; markers and dashes tell repeats apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b4579b", "#c98a00", "#3f9fd8")
ORACLE_COLOURS = ("#3d3d5c", "#6b5b95", "#94849b", "#4a6b6b", "#7a6a55", "#2f4858")
NOISY_COLOUR = "#767676"
ANCHOR_COLOURS = ("#1f7a4d", "#8a8a8a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GLYPHS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖"}
DASHES = ("", "7 2", "2 2", "7 2 2 2")  # as in SVG; empty for a whole line
ORACLE_DASHES = "5 3"

Role = Literal["noisy", "denoiser", "oracle", "anchor"]
Kind = Literal["", "traditional", "neural"]


@dataclass(frozen=True)
class Entry:
    """One scored denoiser and how the page draws it.

    Attributes
    ----------
    name : str
        As in the scores.
    role : {"noisy", "denoiser", "oracle", "anchor"}
        Anchors are the clean speech and silence: what a metric says at its ends.
    index : int
        Position on the page, 0 for the first entry.
    summary : str
        One line from its spec, empty when it cannot be loaded.
    colour, marker, dashes : str
        Drawing style; marker and dashes differ too, so that colour is never needed to tell two apart.
    instance : Denoiser, Oracle or None
        None for the noisy input and for what cannot be loaded here.
    trouble : str
        Why it could not be loaded, else empty.
    kind : {"traditional", "neural", ""}
        Empty where nobody knows, and for what is no denoiser.
    """

    name: str
    role: Role
    index: int
    summary: str
    colour: str
    marker: str
    dashes: str
    instance: Any = None
    trouble: str = ""
    kind: Kind = ""

    @property
    def glyph(self) -> str:
        """The marker as a character, for legends in text."""
        return GLYPHS[self.marker]


def make_roster(names: Sequence[str], load: Callable[[str], Any]) -> list[Entry]:
    """Sort the scored names into noisy, denoisers and oracles, and give each its style.

    Parameters
    ----------
    names : sequence of str
        Unique names from the scores.
    load : callable
        Name -> denoiser; raises when there is none of that name here (its scores are shown all the same).

    Returns
    -------
    list of Entry
        Noisy first, then denoisers in the order given, oracles from the barest to the richest, and anchors.
    """
    found = {name: _load(name, load) for name in names}
    roles: dict[str, Role] = {name: _role(name, instance) for name, (instance, _) in found.items()}
    sorts: tuple[Role, ...] = ("noisy", "denoiser", "oracle", "anchor")
    of_sort = {role: [name for name in names if roles[name] == role] for role in sorts}
    of_sort["oracle"].sort(key=_rung)
    entries: list[Entry] = []
    for role in sorts:
        for place, name in enumerate(of_sort[role]):
            instance, trouble = found[name]
            summary = "" if instance is None else str(getattr(instance.spec, "summary", ""))
            kind = _kind(name, instance) if role == "denoiser" else ""
            entries.append(Entry(name, role, len(entries), summary, *_style(role, place), instance, trouble, kind))
    return entries


def of_role(entries: Sequence[Entry], *roles: Role) -> list[Entry]:
    """Entries with one of ``roles``, in order."""
    return [entry for entry in entries if entry.role in roles]


def _load(name: str, load: Callable[[str], Any]) -> tuple[Any, str]:
    if name == NOISY:
        return None, ""
    try:
        return load(name), ""
    except Exception as error:  # a third party's module can raise anything on import
        return None, f"{type(error).__name__}: {error}"


def _role(name: str, instance: Any) -> Role:
    if name == NOISY:
        return "noisy"
    if name in ANCHORS:
        return "anchor"
    spec = getattr(instance, "spec", None)
    return "oracle" if getattr(spec, "needs", "nothing") == "stems" else "denoiser"


def _kind(name: str, instance: Any) -> Kind:
    """Tell networks from signal processing; only of those whose code or file says so."""
    module = type(instance).__module__
    if name == "peer-rnnoise" or name.startswith("onnx:") or ".baselines.dnn" in module:
        return "neural"
    return "traditional" if module.startswith("percepkit.baselines.") and ":" not in name else ""


def _rung(name: str) -> tuple[int, str]:
    return (LADDER.index(name) if name in LADDER else len(LADDER), name)


def _style(role: Role, place: int) -> tuple[str, str, str]:
    if role == "noisy":
        return NOISY_COLOUR, "o", ""
    if role == "anchor":
        return ANCHOR_COLOURS[place % 2], "D", "2 2"
    if role == "oracle":
        return ORACLE_COLOURS[place % len(ORACLE_COLOURS)], MARKERS[place % len(MARKERS)], ORACLE_DASHES
    # Seven markers and four dashes against six colours: a pair repeats only after many entries.
    dashes = DASHES[place // len(COLOURS) % len(DASHES)]
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], dashes
