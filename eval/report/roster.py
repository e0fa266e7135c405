"""Who was scored: the noisy input, denoisers and oracles, in the order and colours of the whole page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from percepkit.baselines.registry import LADDER
from percepkit.eval.score import NOISY

__all__ = ["Entry", "make_roster", "of_role"]

# Okabe and Ito's colours that keep their contrast on white; markers and dashes tell repeats apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b4579b", "#c98a00", "#3f9fd8")
ORACLE_COLOURS = ("#3d3d5c", "#6b5b95", "#94849b", "#4a6b6b", "#7a6a55", "#2f4858")
NOISY_COLOUR = "#767676"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GLYPHS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖"}
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (5, 1.5, 1.5, 1.5)))

Role = Literal["noisy", "denoiser", "oracle"]


@dataclass(frozen=True)
class Entry:
    """One scored denoiser and how the page draws it.

    Attributes
    ----------
    name : str
        As in the scores.
    role : {"noisy", "denoiser", "oracle"}
    index : int
        Position on the page, 0 for the first entry.
    summary : str
        One line from its spec, empty when it cannot be loaded.
    colour, marker, dashes
        Drawing style; marker and dashes differ too, so that colour is never needed to tell two apart.
    instance : Denoiser, Oracle or None
        None for the noisy input and for what cannot be loaded here.
    trouble : str
        Why it could not be loaded, else empty.
    """

    name: str
    role: Role
    index: int
    summary: str
    colour: str
    marker: str
    dashes: Any
    instance: Any = None
    trouble: str = ""

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
        Noisy first, then denoisers in the order given, then oracles from the barest to the richest.
    """
    found = {name: _load(name, load) for name in names}
    roles: dict[str, Role] = {name: _role(name, instance) for name, (instance, _) in found.items()}
    denoisers = [name for name in names if roles[name] == "denoiser"]
    oracles = sorted((name for name in names if roles[name] == "oracle"), key=_rung)
    ordered = [name for name in names if roles[name] == "noisy"] + denoisers + oracles
    entries = []
    for index, name in enumerate(ordered):
        instance, trouble = found[name]
        place = (oracles if roles[name] == "oracle" else denoisers).index(name) if name != NOISY else 0
        colour, marker, dashes = _style(roles[name], place)
        summary = "" if instance is None else str(getattr(instance.spec, "summary", ""))
        entries.append(Entry(name, roles[name], index, summary, colour, marker, dashes, instance, trouble))
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
    spec = getattr(instance, "spec", None)
    return "oracle" if getattr(spec, "needs", "nothing") == "stems" else "denoiser"


def _rung(name: str) -> tuple[int, str]:
    return (LADDER.index(name) if name in LADDER else len(LADDER), name)


def _style(role: Role, place: int) -> tuple[str, str, Any]:
    if role == "noisy":
        return NOISY_COLOUR, "o", "-"
    colours = ORACLE_COLOURS if role == "oracle" else COLOURS
    # Seven markers and four dashes against six colours: a pair repeats only after many entries.
    return (
        colours[place % len(colours)],
        MARKERS[place % len(MARKERS)],
        DASHES[place // len(colours) % len(DASHES)],
    )
