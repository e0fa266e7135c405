"""Banks of simulated rooms: shoeboxes by the image method, rendered once and used by many recipes.

A bank is a folder of FLAC files ``room0000_s0.flac`` (where the talker stands), ``room0000_s1.flac`` (where
the noise comes from) and so on, with a manifest in which the positions of one room share a group.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.signal import butter, sosfilt

from percepkit.audio import files
from percepkit.dsp import draws, rir
from percepkit.engine.shards import map_shards, sweep_attempts
from percepkit.engine.tables import ensure_writable, write_text
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.distribution import Distribution
from percepkit.synth.yaml_model import load_yaml, yaml_text

if TYPE_CHECKING:
    from distributed import Client

    from percepkit.engine.cluster import Serial

__all__ = ["Geometry", "RoomBank", "build_bank", "draw_geometry", "load_bank", "simulate_room"]

MANIFEST = "rooms.parquet"
SPEED_OF_SOUND = 343.0  # m/s
MAX_ORDER = 100  # of the image sources: about 0.7 s of one core a response; reached from RT60 0.6 s in small rooms
TRIAL_ORDER = 50  # of the run that measures how far a room's RT60 is from the one drawn
PEAK = 0.5  # of the louder position of a room
KEPT_DB = -60.0  # a response ends where no more than this share of its energy is left
RUMBLE_HZ = 10.0  # corner of the high-pass filter of every response
TRIES = 2000  # draws of a position before a room is declared too small
_SETTINGS = threading.Lock()  # of the simulator


def _distribution(low: float, high: float) -> Distribution:
    return Distribution.model_validate({"uniform": [low, high]})


class RoomBank(BaseModel):
    """What a bank of rooms shall hold, as its YAML file says.

    Attributes
    ----------
    rt60_seconds
        Reverberation time, 0.1 to 1 s: the cost of the image method grows with its cube.
    length_m, width_m, height_m
        Size of the rooms.
    distance_m
        From a source to the microphone; redrawn where it does not fit into the room.
    wall_distance_m
        Every source and the microphone are at least this far from all walls.
    sources_per_room
        Positions with a response each: the first is meant for speech, the others for noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    rooms: Annotated[int, Field(ge=1, le=100_000)]
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)]
    seed: Annotated[int, Field(ge=0)]
    rt60_seconds: Distribution
    length_m: Distribution = _distribution(3, 8)
    width_m: Distribution = _distribution(3, 6)
    height_m: Distribution = _distribution(2.4, 3.5)
    distance_m: Distribution = _distribution(0.5, 3)
    wall_distance_m: Annotated[float, Field(ge=0.1, le=2)] = 0.5
    sources_per_room: Annotated[int, Field(ge=1, le=16)] = 2

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _within("rt60_seconds", self.rt60_seconds, 0.1, 1.0)
        inner = []
        for name in ("length_m", "width_m", "height_m"):
            _within(name, getattr(self, name), 2 * self.wall_distance_m + 0.2, 30.0)
            inner.append(getattr(self, name).bounds()[0] - 2 * self.wall_distance_m)
        _within("distance_m", self.distance_m, 0.1, 50.0)
        if self.distance_m.bounds()[0] > 0.5 * math.hypot(*inner):
            raise ValueError(
                f"distance_m: {self.distance_m.bounds()[0]:g} m and more does not fit into the smallest "
                f"room, where {self.wall_distance_m:g} m are kept from every wall; use larger rooms or less"
            )
        return self


def _within(name: str, distribution: Distribution, low: float, high: float) -> None:
    found = distribution.bounds()
    if found[0] < low or found[1] > high:
        raise ValueError(f"{name}: expected values from {low:g} to {high:g}, found {found[0]:g} to {found[1]:g}")


def load_bank(path: Path) -> RoomBank:
    """Read and check the YAML file of a bank; raises as `percepkit.synth.yaml_model.load_yaml`."""
    return load_yaml(path, RoomBank, "room bank")


@dataclass(frozen=True)
class Geometry:
    """One room as it was drawn.

    Attributes
    ----------
    size_m, microphone_m : float64 array, shape (3,)
        Metres; the corner of the room is the origin.
    sources_m : float64 array, shape (sources, 3)
    rt60_seconds : float
        The reverberation time asked for.
    """

    size_m: np.ndarray
    microphone_m: np.ndarray
    sources_m: np.ndarray
    rt60_seconds: float


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
    low, high = bank.wall_distance_m, size - bank.wall_distance_m
    microphone = low + u[3:6] * (high - low)
    sources = []
    for source in range(bank.sources_per_room):
        raw = draws.words(draws.key_of(bank.seed, "source", room, source), 0, TRIES)
        candidates = microphone + _directions(bank.distance_m, draws.uniform(raw))
        fits = ((candidates >= low) & (candidates <= high)).all(axis=1)
        if not fits.any():
            raise ValueError(
                f"room {room} ({' x '.join(f'{side:.1f}' for side in size)} m) has no place for a source "
                f"at the distance_m drawn; make the rooms larger or distance_m smaller"
            )
        sources.append(candidates[np.argmax(fits)])
    return Geometry(size, microphone, np.array(sources), float(bank.rt60_seconds.sample(u[6])))


def _directions(distance_m: Distribution, u: np.ndarray) -> np.ndarray:
    """Vectors of drawn length, every direction equally likely."""
    height, azimuth = 2 * u[:, 1] - 1, 2 * np.pi * u[:, 2]
    across = np.sqrt(1 - height**2)
    unit = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), height], axis=1)
    return distance_m.sample(u[:, 0])[:, None] * unit


def simulate_room(geometry: Geometry, sample_rate: int) -> list[np.ndarray]:
    """Responses from every source of a room to its microphone.

    The absorption follows from the reverberation time by Sabine's formula in Eyring's form; since neither
    holds in flat rooms, a trial response is measured and the absorption corrected by what it misses.

    Parameters
    ----------
    geometry : Geometry
    sample_rate : int
        In Hz.

    Returns
    -------
    list of float64 array
        One response a source, all with the same scale: the highest peak is 0.5, so that the ratio between
        the positions stands. Each ends where its energy has fallen by 60 dB.
    """
    length, width, height = size = geometry.size_m
    surface = 2 * (length * width + length * height + width * height)
    rt60 = geometry.rt60_seconds
    exponent = 24 * math.log(10) * float(np.prod(size)) / (SPEED_OF_SOUND * surface * rt60)
    # Up to this order the images fill a ball as large as sound travels within the RT60.
    shortest = min(a * b / math.hypot(a, b) for a, b in ((length, width), (length, height), (width, height)))
    order = max(math.ceil(SPEED_OF_SOUND * rt60 / shortest - 1), 3)
    trial = _image_method(geometry, sample_rate, exponent, min(order, TRIAL_ORDER), n_sources=1)[0]
    measured = rir.rt60_seconds(trial, sample_rate)
    if math.isfinite(measured):
        exponent *= min(max(measured / rt60, 0.3), 3.0)
    responses = _image_method(geometry, sample_rate, exponent, min(order, MAX_ORDER))
    scale = PEAK / max(float(np.abs(h).max()) for h in responses)
    return [scale * _without_tail(h) for h in responses]


def _image_method(
    geometry: Geometry, sample_rate: int, exponent: float, order: int, n_sources: int | None = None
) -> list[np.ndarray]:
    # Rounded, so that the last bits of the trial's line fit do not decide the samples.
    absorption = round(-math.expm1(-exponent), 6)
    with _simulator() as pra:
        walls = pra.Material(absorption)
        room = pra.ShoeBox(geometry.size_m, fs=sample_rate, materials=walls, max_order=order)
        room.add_microphone(geometry.microphone_m)
        for source in geometry.sources_m[:n_sources]:
            room.add_source(source)
        room.compute_rir()
    # All reflections have the same sign, which no room's do near 0 Hz. The filter is causal: the simulator's
    # own would put a pedestal before the direct path.
    sections = butter(2, RUMBLE_HZ, "highpass", fs=sample_rate, output="sos")
    return [sosfilt(sections, np.asarray(h, dtype=np.float64)) for h in room.rir[0]]


@contextmanager
def _simulator() -> Iterator[Any]:
    """The simulator with our settings; the user's, which are global to the process, return afterwards."""
    import pyroomacoustics as pra

    ours = {"num_threads": 1, "rir_hpf_enable": False, "c": SPEED_OF_SOUND}  # workers share the cores already
    with _SETTINGS:
        before = {name: pra.constants.get(name) for name in ours}
        try:
            for name, value in ours.items():
                pra.constants.set(name, value)
            yield pra
        finally:
            for name, value in before.items():
                pra.constants.set(name, value)


def _without_tail(h: np.ndarray) -> np.ndarray:
    remaining = np.cumsum(h[::-1] ** 2)[::-1]
    return h[: np.count_nonzero(remaining > 10 ** (KEPT_DB / 10) * remaining[0])]


def build_bank(
    bank: RoomBank,
    folder: Path,
    *,
    client: "Client | Serial",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate the rooms of a bank; rooms that the folder holds already are kept.

    The same bank gives the same bytes of audio, whatever the number of workers and however often the work
    was interrupted.

    Parameters
    ----------
    bank : RoomBank
    folder : Path
        Where the FLAC files (PCM_24), ``bank.yaml`` and the manifest go.
    client : distributed.Client or Serial
        From `percepkit.engine.cluster.client`.
    progress : callable, optional
        Called with the number of rooms done and of all rooms.

    Returns
    -------
    Path
        The manifest, ``rooms.parquet``; its measured columns (RT60, DRR, C50) are of the files as written.

    Raises
    ------
    ValueError
        If the folder holds another bank or cannot be written.
    """
    ensure_writable(folder, folder=True)
    sweep_attempts(folder)
    _claim(bank, folder)
    finished = map_shards(_write_room, range(bank.rooms), client=client, payload=(bank, folder.resolve()))
    for done, _ in enumerate(finished, 1):
        if progress is not None:
            progress(done, bank.rooms)
    return _write_bank_manifest(bank, folder, client)


def _claim(bank: RoomBank, folder: Path) -> None:
    note = folder / "bank.yaml"
    if not note.exists():
        write_text(note, yaml_text(bank))
    elif load_bank(note) != bank:
        raise ValueError(f"{folder} holds another bank of rooms (its bank.yaml differs); choose another folder")


def _names(bank: RoomBank, room: int) -> list[str]:
    return [f"room{room:04d}_s{source}.flac" for source in range(bank.sources_per_room)]


def _write_room(room: int, payload: tuple[RoomBank, Path]) -> None:
    bank, folder = payload
    paths = [folder / name for name in _names(bank, room)]
    if all(_is_whole(path, bank.sample_rate) for path in paths):
        return
    for path, h in zip(paths, simulate_room(draw_geometry(bank, room), bank.sample_rate), strict=True):
        files.write(path, h, bank.sample_rate, subtype="PCM_24")


def _is_whole(path: Path, sample_rate: int) -> bool:
    try:
        return files.read(path, channel=0)[1] == sample_rate
    except files.AudioError:
        return False


def _write_bank_manifest(bank: RoomBank, folder: Path, client: "Client | Serial") -> Path:
    names = {name for room in range(bank.rooms) for name in _names(bank, room)}
    table = scan(folder, kind="rir", root_name="rooms", pattern="{group}_s*", client=client)
    write_manifest(table[table["path"].isin(names)], folder / MANIFEST)
    return folder / MANIFEST
