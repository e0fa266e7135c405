"""Room impulse responses of drawn rooms: pyroomacoustics' image method, or its images and rays together."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import butter, sosfilt

from percepkit.dsp import draws, rir
from percepkit.dsp.room_response import diffuse_tail, early_reflections, octave_centres
from percepkit.synth.room_geometry import Geometry, wall_clearance

__all__ = ["simulate_room"]

SPEED_OF_SOUND = 343.0  # m/s
MAX_ORDER = 100  # of the image sources: about 0.7 s of one core a response; reached from RT60 0.6 s in small rooms
TRIAL_ORDER = 50  # of the run that measures how far a room's RT60 is from the one drawn
HYBRID_ORDER = 3  # of the image sources where rays do the rest
RAYS, TRIAL_RAYS, TRIALS = 5000, 2000, 5
HITS = 20  # of rays on the microphone that an average bin shall hold
BIN_SECONDS = 0.004, 0.02  # shortest and longest
SMOOTHING = 0.2  # of the energy of rays over time, as a share of the time since the sound left its source
RAY_SECONDS = 6.0  # until which rays are followed
RECEIVER_M = 0.5  # radius within which a ray is heard
SCATTERING = 0.1  # of materials: bare walls would throw the sound to and fro between the two that absorb least
MOST_ABSORPTION = 0.99
RT60_TOLERANCE = 0.25
PEAK = 0.5  # of the louder position of a room
KEPT_DB = -60.0  # a response ends where no more than this share of its energy is left
RUMBLE_HZ = 10.0  # corner of the high-pass filter of every response
_SETTINGS = threading.Lock()  # of the simulator


def simulate_room(geometry: Geometry, sample_rate: int) -> list[np.ndarray]:
    """Responses from every source of a room to its microphone.

    The absorption follows from the reverberation time by Sabine's formula in Eyring's form; since neither holds
    in flat rooms or where surfaces differ, trial responses are measured and the absorption is corrected by what
    they miss. The random numbers are those of the room's key. The simulator's settings and its NumPy generator
    return to what they were; its C++ generator, whose state cannot be read, does not.

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

    Raises
    ------
    ValueError
        If the RT60 (median of the sources) is more than 25 % off what was asked.
    """
    simulate = _by_images if geometry.method == "image" else _by_rays
    responses = [_without_tail(h) for h in simulate(geometry, sample_rate)]
    if not math.isnan(geometry.rt60_seconds):
        _check_rt60(geometry, [rir.rt60_seconds(h, sample_rate) for h in responses])
    scale = PEAK / max(float(np.abs(h).max()) for h in responses)
    return [scale * h for h in responses]


def _check_rt60(geometry: Geometry, measured: list[float]) -> None:
    clear = [seconds for seconds in measured if math.isfinite(seconds)]
    reached, asked = float(np.median(clear)) if clear else math.nan, geometry.rt60_seconds
    if abs(reached / asked - 1) <= RT60_TOLERANCE:
        return
    found = f"{reached:.2f} s came out" if clear else "no even decay came out"
    raise ValueError(
        f"an RT60 of {asked:.2f} s was asked and {found} in a room of {geometry.volume_m3:.0f} m3; change the "
        f"rt60_seconds, the sizes or the materials" + ", or use method: hybrid" * (geometry.method == "image")
    )


def _without_tail(h: np.ndarray) -> np.ndarray:
    remaining = np.cumsum(h[::-1] ** 2)[::-1]
    return h[: np.count_nonzero(remaining > 10 ** (KEPT_DB / 10) * remaining[0])]


def _without_rumble(h: np.ndarray, sample_rate: int) -> np.ndarray:
    """High-pass filter; causal, since the simulator's own would put a pedestal before the direct path.

    All reflections have the same sign, which no room's do near 0 Hz.
    """
    return sosfilt(butter(2, RUMBLE_HZ, "highpass", fs=sample_rate, output="sos"), h)


def _needed_absorption(geometry: Geometry) -> float:
    """Absorption area in m2, by exponents in place of the shares absorbed (Eyring), for the RT60 asked."""
    return 24 * math.log(10) * geometry.volume_m3 / (SPEED_OF_SOUND * geometry.rt60_seconds)


def _by_images(geometry: Geometry, sample_rate: int) -> list[np.ndarray]:
    length, width, height = geometry.size_m
    rt60 = geometry.rt60_seconds
    surface = 2 * (length * width + length * height + width * height)
    exponent = _needed_absorption(geometry) / surface
    # Up to this order the images fill a ball as large as sound travels within the RT60.
    shortest = min(a * b / math.hypot(a, b) for a, b in ((length, width), (length, height), (width, height)))
    order = max(math.ceil(SPEED_OF_SOUND * rt60 / shortest - 1), 3)
    trial = _image_method(geometry, sample_rate, exponent, min(order, TRIAL_ORDER), n_sources=1)[0]
    measured = rir.rt60_seconds(trial, sample_rate)
    if math.isfinite(measured):
        exponent *= min(max(measured / rt60, 0.3), 3.0)
    return _image_method(geometry, sample_rate, exponent, min(order, MAX_ORDER))


def _image_method(
    geometry: Geometry, sample_rate: int, exponent: float, order: int, n_sources: int | None = None
) -> list[np.ndarray]:
    # Rounded, so that the last bits of the trial's line fit do not decide the samples.
    absorption = round(-math.expm1(-exponent), 6)
    with _simulator(geometry.key) as pra:
        walls = pra.Material(absorption)
        room = pra.ShoeBox(geometry.size_m, fs=sample_rate, materials=walls, max_order=order)
        room.add_microphone(geometry.microphone_m)
        for source in geometry.sources_m[:n_sources]:
            room.add_source(source)
        room.compute_rir()
    return [_without_rumble(np.asarray(h, dtype=np.float64), sample_rate) for h in room.rir[0]]


@contextmanager
def _simulator(key: int) -> Iterator[Any]:
    """The simulator with our settings and seed; the user's, which are global to the process, return afterwards."""
    import pyroomacoustics as pra

    ours = {"num_threads": 1, "rir_hpf_enable": False, "c": SPEED_OF_SOUND}  # workers share the cores already
    seed = key % 2**64
    with _SETTINGS:
        before, generator = {name: pra.constants.get(name) for name in ours}, pra.random.get_rng()
        try:
            for name, value in ours.items():
                pra.constants.set(name, value)
            pra.random.seed(numpy=seed, libroom=seed)
            yield pra
        finally:
            pra.random.seed(numpy=generator, libroom=seed)
            for name, value in before.items():
                pra.constants.set(name, value)


@dataclass(frozen=True)
class _Traced:
    """What the simulator found on the way from one source to the microphone; air not yet counted.

    `distances_m` (images,) and `gains` (bands, images) are of the images, `energy` (bands, bins) of the rays.
    """

    distances_m: np.ndarray
    gains: np.ndarray
    energy: np.ndarray
    bin_samples: int


def _by_rays(geometry: Geometry, sample_rate: int) -> list[np.ndarray]:
    exponents = _exponents(geometry, sample_rate)
    if not math.isnan(geometry.rt60_seconds):
        exponents = exponents * _scale_to_rt60(geometry, exponents, sample_rate)
    traced = _trace(geometry, exponents, sample_rate, RAYS)
    return [_response(geometry, source, found, sample_rate) for source, found in enumerate(traced)]


def _exponents(geometry: Geometry, sample_rate: int) -> np.ndarray:
    """Minus the logarithm of the energy a surface reflects, shape (surfaces, bands); one band if all are alike."""
    if geometry.materials is None:
        return np.full((len(geometry.surfaces_m2), 1), _needed_absorption(geometry) / geometry.surfaces_m2.sum())
    from pyroomacoustics.parameters import materials_absorption_table as table

    rows = []
    for name in geometry.materials:
        octaves = np.log2(table[name].get("center_freqs", [125.0]))
        rows.append(np.interp(np.log2(octave_centres(sample_rate)), octaves, table[name]["coeffs"]))
    return -np.log1p(-np.minimum(rows, MOST_ABSORPTION))


def _scale_to_rt60(geometry: Geometry, exponents: np.ndarray, sample_rate: int) -> float:
    area = float(np.einsum("s,sb->b", geometry.surfaces_m2, exponents).mean())
    scale = _needed_absorption(geometry) / max(area, 1e-6)
    slope, tried = -1.0, (0.0, 0.0)  # of log RT60 over log scale; nearer to 0 where surfaces differ
    for trial in range(TRIALS):
        found = _trace(geometry, scale * exponents, sample_rate, TRIAL_RAYS, n_sources=1)[0]
        measured = rir.rt60_seconds(_without_tail(_response(geometry, 0, found, sample_rate)), sample_rate)
        missed = math.log(measured / geometry.rt60_seconds)
        if not math.isfinite(missed) or abs(missed) < 0.02:
            break
        if trial and math.log(scale) != tried[0]:
            slope = min(max((missed - tried[1]) / (math.log(scale) - tried[0]), -1.2), -0.4)
        tried = math.log(scale), missed
        scale *= math.exp(min(max(-missed / slope, -1.5), 1.5))
    return round(scale, 6)  # so that the last bits of the trials' line fits do not decide the samples


def _trace(
    geometry: Geometry, exponents: np.ndarray, sample_rate: int, n_rays: int, n_sources: int | None = None
) -> list[_Traced]:
    clearance = wall_clearance(geometry.microphone_m[None, :2], geometry.corners_m)[0]
    radius = float(
        min(RECEIVER_M, clearance, geometry.microphone_m[2], geometry.size_m[2] - geometry.microphone_m[2])
    )
    hits_a_second = n_rays * math.pi * radius**2 * SPEED_OF_SOUND / geometry.volume_m3
    bin_seconds = min(max(HITS / hits_a_second, BIN_SECONDS[0]), BIN_SECONDS[1])
    scattering = 0.0 if geometry.materials is None else SCATTERING
    with _simulator(geometry.key) as pra:
        room = _build(pra, geometry, exponents, scattering, sample_rate)
        room.set_ray_tracing(
            n_rays=n_rays, receiver_radius=radius, hist_bin_size=bin_seconds, time_thres=RAY_SECONDS
        )
        room.add_microphone(geometry.microphone_m)
        for source in geometry.sources_m[:n_sources]:
            room.add_source(source)
        room.image_source_model()
        room.ray_tracing()
    return [_found(room, geometry, source, scattering) for source in range(len(room.sources))]


def _build(pra: Any, geometry: Geometry, exponents: np.ndarray, scattering: float, sample_rate: int) -> Any:
    if exponents.shape[1] == 1:
        surfaces = [pra.Material(float(-np.expm1(-e[0])), scattering) for e in exponents]
    else:
        centres = octave_centres(sample_rate)
        surfaces = [
            pra.Material({"coeffs": -np.expm1(-e), "center_freqs": centres, "description": ""}, scattering)
            for e in exponents
        ]
    *walls, floor, ceiling = surfaces
    # Rays are heard after as many reflections as the simulator takes images for; those are left out in `_found`.
    options = {"fs": sample_rate, "max_order": HYBRID_ORDER + 1}
    if geometry.shape == "shoebox":
        names = ("south", "east", "north", "west", "floor", "ceiling")
        return pra.ShoeBox(geometry.size_m, materials=dict(zip(names, surfaces, strict=True)), **options)
    room = pra.Room.from_corners(geometry.corners_m.T, materials=walls, **options)
    room.extrude(geometry.size_m[2], materials={"floor": floor, "ceiling": ceiling})
    return room


def _found(room: Any, geometry: Geometry, source: int, scattering: float) -> _Traced:
    images = room.sources[source]
    heard = room.visibility[source][0].astype(bool)
    if heard.any():
        heard &= images.orders <= HYBRID_ORDER
        positions, damping = np.asarray(images.images, dtype=np.float64)[:, heard], images.damping[:, heard]
    else:
        positions, damping = np.zeros((3, 0)), np.zeros((1, 0))
    distances = np.linalg.norm(positions - geometry.microphone_m[:, None], axis=0)
    energy = np.asarray(room.rt_histograms[0][source][0], dtype=np.float64)
    # The simulator hears a scattered ray both where it is scattered and where it goes on with all its energy.
    energy = _smoothed(energy / (1 + scattering))
    return _Traced(
        distances, damping.astype(np.float64) / distances, energy, room.rt_args["hist_bin_size_samples"]
    )


def _smoothed(energy: np.ndarray) -> np.ndarray:
    """Mean over a window that grows with time: late, few rays hold all energy and leave bursts and holes."""
    n_bins = energy.shape[1]
    places = np.arange(n_bins)
    half = (0.5 * SMOOTHING * places).astype(np.intp)
    first, end = places - half, np.minimum(places + half + 1, n_bins)
    summed = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=1)
    return np.maximum(summed[:, end] - summed[:, first], 0) / (end - first)


def _response(geometry: Geometry, source: int, found: _Traced, sample_rate: int) -> np.ndarray:
    air = _air_exponents(sample_rate)[:, None]  # 1/m
    parts = []
    if len(found.distances_m):
        gains = np.maximum(found.gains, 1e-9) * np.exp(-0.5 * air * found.distances_m)
        parts.append(early_reflections(found.distances_m, gains, sample_rate, speed_of_sound=SPEED_OF_SOUND))
    if found.energy.any():
        last = np.flatnonzero(found.energy.any(axis=0))[-1] + 1
        metres = (np.arange(last) + 0.5) * found.bin_samples / sample_rate * SPEED_OF_SOUND
        direct = float(np.linalg.norm(geometry.sources_m[source] - geometry.microphone_m))
        parts.append(
            diffuse_tail(
                found.energy[:, :last] * np.exp(-air * metres),
                found.bin_samples,
                sample_rate,
                start=math.floor(direct / SPEED_OF_SOUND * sample_rate),
                volume_m3=geometry.volume_m3,
                speed_of_sound=SPEED_OF_SOUND,
                key=draws.key_of(str(geometry.key), source),
            )
        )
    h = np.zeros(max(map(len, parts), default=0))
    for part in parts:
        h[: len(part)] += part
    return _without_rumble(h, sample_rate)


def _air_exponents(sample_rate: int) -> np.ndarray:
    """Energy that air at 20 degrees C takes on each metre, in nepers at `octave_centres`.

    The table is that of the simulator, for a relative humidity of 30 to 50 %; above 8 kHz its slope goes on.
    """
    from pyroomacoustics.parameters import air_absorption_table as table

    octaves, centres = np.log2(table["center_freqs"]), np.log2(octave_centres(sample_rate))
    levels = np.log2(table["20C_30-50%"])
    beyond = np.maximum(centres - octaves[-1], 0) * (levels[-1] - levels[-2])
    return 2.0 ** (np.interp(centres, octaves, levels) + beyond)
