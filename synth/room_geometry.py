"""Rooms as they are drawn: floor plan, positions, materials; a pure function of a bank and a room's number."""

import math
from dataclasses import dataclass

import numpy as np

from percepkit.dsp import draws
from percepkit.synth.distribution import Distribution
from percepkit.synth.room_bank import RoomBank

__all__ = ["Geometry", "draw_geometry", "in_sight", "wall_clearance"]

TRIES = 2000  # draws of a position before a room is declared too small
NOTCH = (0.3, 0.55)  # of an L-shaped room, as a share of its sides
CHAMFER = (0.1, 0.4)  # of a convex room's corners, as a share of its sides


@dataclass(frozen=True)
class Geometry:
    """One room as it was drawn.

    Attributes
    ----------
    size_m : float64 array, shape (3,)
        Length, width and height of the box around the room, whose lowest corner is the origin.
    shape : str
        ``shoebox``, ``l_shaped`` or ``convex``.
    corners_m : float64 array, shape (corners, 2)
        Floor plan, counterclockwise; wall i goes from corner i to the next.
    microphone_m : float64 array, shape (3,)
    sources_m : float64 array, shape (sources, 3)
    sees : bool array, shape (sources,)
        Whether the straight line from a source to the microphone stays inside the room.
    rt60_seconds : float
        The reverberation time asked for; NaN where the materials decide.
    method : str
        ``image`` or ``hybrid``.
    materials : tuple of str, or None
        Of every wall, the floor and the ceiling, in this order.
    key : int
        Of the late reverberation's noise.
    """

    size_m: np.ndarray
    shape: str
    corners_m: np.ndarray
    microphone_m: np.ndarray
    sources_m: np.ndarray
    sees: np.ndarray
    rt60_seconds: float
    method: str
    materials: tuple[str, ...] | None
    key: int

    @property
    def surfaces_m2(self) -> np.ndarray:
        """Area of every wall, the floor and the ceiling, shape (walls + 2,)."""
        sides = np.roll(self.corners_m, -1, axis=0) - self.corners_m
        return np.append(np.hypot(*sides.T) * self.size_m[2], [_area(self.corners_m)] * 2)

    @property
    def volume_m3(self) -> float:
        """Of the room itself, not of the box around it."""
        return float(_area(self.corners_m) * self.size_m[2])


def draw_geometry(bank: RoomBank, room: int) -> Geometry:
    """Draw a room; it depends on the bank's seed and distributions and on the room's number only.

    Raises
    ------
    ValueError
        If no position at a distance as asked for fits into the room.
    """
    key = draws.key_of(bank.seed, "room", room)
    u = draws.uniform(draws.words(key, 0, 2)).ravel()
    dimensions = zip((bank.length_m, bank.width_m, bank.height_m), u[:3], strict=True)
    size = np.array([float(distribution.sample(draw)) for distribution, draw in dimensions])
    shape, corners = _floor_plan(bank, room, size)
    low, high = bank.wall_distance_m, size - bank.wall_distance_m
    if shape == "shoebox":
        microphone = low + u[3:6] * (high - low)
    else:
        raw = draws.words(draws.key_of(bank.seed, "microphone", room), 0, TRIES)
        candidates = low + draws.uniform(raw)[:, :3] * (high - low)
        microphone = _first(candidates, _fits(candidates, size, corners, low), room, size, "the microphone")
    sources, sees = [], []
    for source in range(bank.sources_per_room):
        raw = draws.words(draws.key_of(bank.seed, "source", room, source), 0, TRIES)
        candidates = microphone + _directions(bank.distance_m, draws.uniform(raw))
        fits = _fits(candidates, size, corners, low)
        seen = in_sight(microphone, candidates, corners)
        chosen = fits & seen if source == 0 else fits
        sources.append(_first(candidates, chosen, room, size, "a source at the distance_m drawn"))
        sees.append(seen[np.argmax(chosen)])
    rt60 = math.nan if bank.rt60_seconds is None else float(bank.rt60_seconds.sample(u[6]))
    return Geometry(
        size, shape, corners, microphone, np.array(sources), np.array(sees), rt60, bank.method,
        _draw_materials(bank, room, len(corners)), draws.key_of(bank.seed, "tail", room),
    )  # fmt: skip


def _directions(distance_m: Distribution, u: np.ndarray) -> np.ndarray:
    """Vectors of drawn length, every direction equally likely."""
    height, azimuth = 2 * u[:, 1] - 1, 2 * np.pi * u[:, 2]
    across = np.sqrt(1 - height**2)
    unit = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), height], axis=1)
    return distance_m.sample(u[:, 0])[:, None] * unit


def _first(candidates: np.ndarray, fits: np.ndarray, room: int, size: np.ndarray, what: str) -> np.ndarray:
    if not fits.any():
        raise ValueError(
            f"room {room} ({' x '.join(f'{side:.1f}' for side in size)} m) has no place for {what}; make the "
            f"rooms larger, or distance_m or wall_distance_m smaller"
        )
    return candidates[np.argmax(fits)]


def _floor_plan(bank: RoomBank, room: int, size: np.ndarray) -> tuple[str, np.ndarray]:
    box = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    if bank.shape == "shoebox":
        return "shoebox", box * size[:2]
    u = draws.uniform(draws.words(draws.key_of(bank.seed, "floor plan", room), 0, 4))
    if u[0, 3] < 0.5:
        return "l_shaped", _with_notch(box, u) * size[:2]
    return "convex", _with_chamfers(box, u) * size[:2]


def _with_notch(box: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Unit square without a rectangle at one of its corners."""
    x, y = NOTCH[0] + (NOTCH[1] - NOTCH[0]) * u[0, :2]
    corners = np.array([[0.0, 0.0], [1, 0], [1, 1 - y], [1 - x, 1 - y], [1 - x, 1], [0, 1]])
    mirrored_x, mirrored_y = u[0, 2] < 0.5, u[1, 0] < 0.5
    corners = np.abs([mirrored_x, mirrored_y] - corners)
    return corners[::-1] if mirrored_x != mirrored_y else corners


def _with_chamfers(box: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Unit square with one to four corners cut off; the first corner always is."""
    corners = []
    for i, corner in enumerate(box):
        if i > 0 and u[i, 2] < 0.5:
            corners.append(corner)
            continue
        before, after = CHAMFER[0] + (CHAMFER[1] - CHAMFER[0]) * u[i, :2]
        corners.append(corner + before * (box[i - 1] - corner))
        corners.append(corner + after * (box[(i + 1) % 4] - corner))
    return np.array(corners)


def _draw_materials(bank: RoomBank, room: int, n_walls: int) -> tuple[str, ...] | None:
    if bank.materials is None:
        return None
    raw = draws.words(draws.key_of(bank.seed, "materials", room), 0, n_walls + 2)
    lists = [*[bank.materials.walls] * n_walls, bank.materials.floor, bank.materials.ceiling]
    return tuple(names[int(u * len(names))] for names, u in zip(lists, draws.uniform(raw)[:, 0], strict=True))


def _area(corners: np.ndarray) -> float:
    x, y = corners.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _fits(points: np.ndarray, size: np.ndarray, corners: np.ndarray, distance: float) -> np.ndarray:
    """Which points, shape (points, 3), are inside the room and far enough from every surface."""
    high_enough = (points[:, 2] >= distance) & (points[:, 2] <= size[2] - distance)
    return high_enough & (wall_clearance(points[:, :2], corners) >= distance)


def wall_clearance(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Distance of points on a floor plan to the nearest wall; negative outside.

    Parameters
    ----------
    points : float array, shape (points, 2)
        In metres.
    corners : float array, shape (corners, 2)

    Returns
    -------
    float64 array, shape (points,)

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [4, 0], [4, 4], [0, 4]])
    >>> wall_clearance(np.array([[1.0, 2.0], [5.0, 2.0]]), square)
    array([ 1., -1.])
    """
    sides = np.roll(corners, -1, axis=0) - corners
    to_point = points[:, None] - corners
    along = np.clip((to_point * sides).sum(axis=2) / (sides**2).sum(axis=1), 0, 1)
    distances = np.linalg.norm(to_point - along[..., None] * sides, axis=2).min(axis=1)
    # Even-odd rule: how many walls lie to the right of the point.
    (x, y), (next_x, next_y) = corners.T, (corners + sides).T
    beside = (y > points[:, 1:]) != (next_y > points[:, 1:])
    rise = np.where(next_y == y, 1.0, next_y - y)
    crossing = x + (points[:, 1:] - y) * (next_x - x) / rise
    inside = (beside & (points[:, :1] < crossing)).sum(axis=1) % 2 == 1
    return np.where(inside, distances, -distances)


def in_sight(microphone: np.ndarray, points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether no wall stands between points and the microphone.

    Parameters
    ----------
    microphone : float array, shape (3,)
    points : float array, shape (points, 3)
    corners : float array, shape (corners, 2)
        Floor plan.

    Returns
    -------
    bool array, shape (points,)
    """
    start, ends = microphone[:2], points[:, None, :2]
    first, second = corners, np.roll(corners, -1, axis=0)
    crosses_line = _side(start, ends, first) * _side(start, ends, second) < 0
    crosses_wall = _side(first, second, start) * _side(first, second, ends) < 0
    return ~(crosses_line & crosses_wall).any(axis=1)


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Positive where a point lies to the left of the line from a to b."""
    ahead, across = b - a, point - a
    return ahead[..., 0] * across[..., 1] - ahead[..., 1] * across[..., 0]
