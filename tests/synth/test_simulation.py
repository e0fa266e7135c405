"""Simulated responses against closed forms, against each other, and against what was asked."""

import dataclasses
import itertools
import math
import threading

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from percepkit.dsp import rir
from percepkit.synth import simulation
from percepkit.synth.room_bank import RoomBank
from percepkit.synth.room_geometry import draw_geometry
from percepkit.synth.simulation import simulate_room

SPEED = 343.0
HYBRID = {"method": "hybrid"}
ROOM = {"length_m": 5.2, "width_m": 4.3, "height_m": 3.1}
DULL = {"walls": ["carpet_hairy"], "floor": ["carpet_hairy"], "ceiling": ["carpet_hairy"]}  # absorbs high notes
BOOMLESS = {"walls": ["plywood_thin"], "floor": ["marble_floor"], "ceiling": ["plywood_thin"]}  # absorbs low notes


def bank(**changes):
    needed = {"rooms": 3, "sample_rate": 16000, "seed": 5, "rt60_seconds": 0.3}
    return RoomBank.model_validate(needed | changes)


def shoebox_images(drawn, source, order):
    """Allen and Berkley's lattice: distances and numbers of reflections of all images up to an order."""
    distances, orders = [], []
    for flip in itertools.product((0, 1), repeat=3):
        for n in itertools.product(range(-order, order + 1), repeat=3):
            reflections = sum(abs(2 * a - b) for a, b in zip(n, flip, strict=True))
            if reflections <= order:
                image = (1 - 2 * np.array(flip)) * drawn.sources_m[source] + 2 * np.array(n) * drawn.size_m
                distances.append(np.linalg.norm(image - drawn.microphone_m))
                orders.append(reflections)
    return np.array(distances), np.array(orders)


@pytest.fixture
def without_air(monkeypatch):
    """Hybrid rooms whose absorption is Eyring's, and whose air takes nothing: what closed forms are for."""
    monkeypatch.setattr(simulation, "_scale_to_rt60", lambda *_: 1.0)
    monkeypatch.setattr(simulation, "_air_exponents", lambda _: np.zeros(7))


@pytest.mark.parametrize("method", ["image", "hybrid"])
def test_first_reflections_are_those_of_the_image_lattice(method, without_air):
    drawn = draw_geometry(bank(**ROOM, **HYBRID, rt60_seconds=0.4), 0)
    exponent = 24 * math.log(10) * drawn.volume_m3 / (SPEED * drawn.surfaces_m2.sum() * 0.4)
    if method == "image":
        h = simulation._image_method(drawn, 16000, exponent, 6)[0]
    else:
        h = simulation._by_rays(drawn, 16000)[0]
    distances, orders = shoebox_images(drawn, 0, 4)
    expected = np.zeros(len(h))
    for distance, order in zip(distances, orders, strict=True):
        t = np.arange(len(h)) - 40 - distance / SPEED * 16000
        wing = np.cos(np.pi / 2 * np.clip(t / 41, -1, 1)) ** 2
        expected += np.exp(-0.5 * order * exponent) / distance * np.sinc(t) * wing
    expected = sosfilt(butter(2, 10, "highpass", fs=16000, output="sos"), expected)
    end = int(distances[orders == 4].min() / SPEED * 16000) - 64  # the tail is known in bins of 4 ms
    assert np.count_nonzero(distances / SPEED * 16000 + 40 < end) >= 8
    np.testing.assert_allclose(h[:end], expected[:end], atol=0.01 * np.abs(expected).max())


def test_images_and_rays_bring_the_energy_of_the_image_method(without_air):
    for room in range(2):
        drawn = draw_geometry(bank(**HYBRID, rt60_seconds=0.4), room)
        exponent = 24 * math.log(10) * drawn.volume_m3 / (SPEED * drawn.surfaces_m2.sum() * 0.4)
        whole = simulation._image_method(drawn, 16000, exponent, 50)
        for reference, h in zip(whole, simulation._by_rays(drawn, 16000), strict=True):
            assert rir.drr_db(h, 16000) == pytest.approx(rir.drr_db(reference, 16000), abs=0.7)
            assert rir.c50_db(h, 16000) == pytest.approx(rir.c50_db(reference, 16000), abs=1)
            assert rir.rt60_seconds(h, 16000) == pytest.approx(rir.rt60_seconds(reference, 16000), rel=0.12)


@pytest.mark.parametrize(
    "changes",
    [
        {"rt60_seconds": {"uniform": [0.2, 0.45]}},
        {"rt60_seconds": {"uniform": [0.2, 2]}, **HYBRID},
        {"rt60_seconds": {"uniform": [0.3, 0.8]}, **HYBRID, "shape": "polygon"},
    ],
)
def test_rooms_reverberate_as_long_as_asked(changes):
    errors = []
    for room in range(3):
        drawn = draw_geometry(bank(**changes), room)
        errors += [rir.rt60_seconds(h, 16000) / drawn.rt60_seconds - 1 for h in simulate_room(drawn, 16000)]
    assert np.median(np.abs(errors)) < 0.05
    assert np.max(np.abs(errors)) < 0.25


def octave_rt60(h, sample_rate, centre):
    sections = butter(3, [centre / 2**0.5, centre * 2**0.5], "bandpass", fs=sample_rate, output="sos")
    return rir.rt60_seconds(sosfilt(sections, h), sample_rate)


@pytest.mark.parametrize("materials, low_longer", [(DULL, True), (BOOMLESS, False)])
def test_materials_decide_which_octaves_last(materials, low_longer):
    drawn = draw_geometry(bank(**ROOM, **HYBRID, materials=materials, rt60_seconds=None), 0)
    for h in simulate_room(drawn, 16000):
        low, high = octave_rt60(h, 16000, 125), octave_rt60(h, 16000, 2000)
        assert (low > 1.5 * high) if low_longer else (high > 1.5 * low)


def test_materials_are_scaled_to_the_rt60_asked():
    free = draw_geometry(bank(**ROOM, **HYBRID, materials=DULL, rt60_seconds=None), 0)
    by_themselves = rir.rt60_seconds(simulate_room(free, 16000)[0], 16000)
    for asked in (0.6 * by_themselves, 1.3 * by_themselves):
        h = simulate_room(dataclasses.replace(free, rt60_seconds=asked), 16000)[0]
        assert rir.rt60_seconds(h, 16000) == pytest.approx(asked, rel=0.15)
        assert octave_rt60(h, 16000, 250) > 1.2 * octave_rt60(h, 16000, 4000)


@pytest.mark.parametrize("method", ["image", "hybrid"])
def test_delays_and_levels_of_the_positions_follow_their_distances(method):
    drawn = draw_geometry(bank(rt60_seconds=0.2, method=method), 0)
    responses = simulate_room(drawn, 48000)
    distances = np.linalg.norm(drawn.sources_m - drawn.microphone_m, axis=1)
    paths = [rir.direct_path(h, 48000) for h in responses]
    for (delay, _), distance in zip(paths, distances, strict=True):
        assert delay == pytest.approx(distance / SPEED * 48000 + 40, abs=0.3 if method == "hybrid" else 0.05)
    assert paths[0][1] / paths[1][1] == pytest.approx(distances[1] / distances[0], rel=0.05)
    assert max(np.abs(h).max() for h in responses) == pytest.approx(0.5)


def test_the_further_away_the_more_reverberant():
    ratios = [[], [], []]
    for levels, distance in zip(ratios, (0.5, 1, 2), strict=True):
        for room in range(4):
            drawn = draw_geometry(bank(**HYBRID, distance_m=distance, length_m=6, width_m=5), room)
            levels += [rir.drr_db(h, 16000) for h in simulate_room(drawn, 16000)]
    near, middle, far = np.mean(ratios, axis=1)
    assert near > middle + 2 > far + 4


@pytest.mark.parametrize("sample_rate", [16000, 48000])
@pytest.mark.parametrize("changes", [{}, HYBRID, HYBRID | {"materials": DULL, "shape": "polygon"}])
def test_nothing_sounds_before_the_direct_path(sample_rate, changes):
    drawn = draw_geometry(bank(rt60_seconds=0.25, **changes), 1)
    distance = np.linalg.norm(drawn.sources_m[0] - drawn.microphone_m)
    h = simulate_room(drawn, sample_rate)[0]
    assert not h[: int(distance / SPEED * sample_rate)].any()  # 40 samples before the arrival
    assert abs(rir.onset(h) - distance / SPEED * sample_rate - 40) < 10


@pytest.mark.parametrize("sample_rate", [16000, 48000])
@pytest.mark.parametrize("method", ["image", "hybrid"])
def test_the_highest_frequencies_are_those_of_a_room(sample_rate, method):
    h = simulate_room(draw_geometry(bank(rt60_seconds=0.35, method=method), 0), sample_rate)[0]
    power = np.abs(np.fft.rfft(h)) ** 2
    hertz = np.fft.rfftfreq(len(h), 1 / sample_rate)
    middle = power[(hertz > 1000) & (hertz < 4000)].mean()
    top_db = 10 * np.log10(power[(hertz > 0.42 * sample_rate) & (hertz < 0.48 * sample_rate)].mean() / middle)
    assert (-6 if method == "hybrid" and sample_rate == 48000 else -2) < top_db < 2
    assert power[0] < 1e-3 * middle


def test_a_rectangular_polygon_is_a_shoebox(without_air):
    box = draw_geometry(bank(**ROOM, **HYBRID), 2)
    first = simulation._by_rays(box, 16000)
    second = simulation._by_rays(dataclasses.replace(box, shape="convex"), 16000)
    for h, other in zip(first, second, strict=True):
        start = int(rir.direct_peak(h))
        np.testing.assert_allclose(other[: start + 150], h[: start + 150], atol=1e-3 * np.abs(h).max())
        assert rir.c50_db(other, 16000) == pytest.approx(rir.c50_db(h, 16000), abs=0.7)
        assert rir.rt60_seconds(other, 16000) == pytest.approx(rir.rt60_seconds(h, 16000), rel=0.1)


def test_around_the_corner_no_direct_path_arrives():
    far = {"length_m": 8, "width_m": 6, "distance_m": {"uniform": [3, 6]}, "sources_per_room": 16}
    rooms = (draw_geometry(bank(**HYBRID, **far, shape="polygon"), room) for room in range(20))
    drawn = next(room for room in rooms if not room.sees.all())
    hidden = drawn.sources_m[~drawn.sees][:1]
    h = simulate_room(dataclasses.replace(drawn, sources_m=hidden, sees=np.array([False])), 16000)[0]
    direct = np.linalg.norm(hidden[0] - drawn.microphone_m) / SPEED * 16000 + 40
    assert np.abs(h[: int(direct) + 5]).max() < 0.2 * np.abs(h).max()


def test_random_states_of_others_do_not_matter_and_are_left_alone():
    import pyroomacoustics as pra

    drawn = draw_geometry(
        bank(**HYBRID, shape="polygon", materials=DULL, rt60_seconds=None, sources_per_room=1), 0
    )
    first = simulate_room(drawn, 16000)
    pra.random.seed(7)
    user, legacy = pra.random.get_rng().bit_generator.state, np.random.get_state()[1].copy()  # noqa: NPY002
    settings = {name: pra.constants.get(name) for name in ("num_threads", "rir_hpf_enable", "c")}
    second = simulate_room(drawn, 16000)
    assert pra.random.get_rng().bit_generator.state == user
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert settings == {name: pra.constants.get(name) for name in settings}
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            np.random.seed(1)  # noqa: NPY002
            np.random.standard_normal(50)  # noqa: NPY002

    other = threading.Thread(target=draw)
    other.start()
    try:
        third = simulate_room(drawn, 16000)
    finally:
        stop.set()
        other.join()
    for a, b, c in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_rooms_that_miss_the_rt60_are_refused(monkeypatch):
    monkeypatch.setattr(simulation, "MAX_ORDER", 2)
    with pytest.raises(ValueError, match=r"RT60 of 0.60 s was asked and .* in a room of .* or use method: hybrid"):
        simulate_room(draw_geometry(bank(rt60_seconds=0.6), 0), 16000)


def test_decays_have_neither_bursts_nor_holes():
    absorbers = {"walls": ["brickwork", "plasterboard", "glass_window"], "floor": ["carpet_thin"]}
    changes = HYBRID | {"shape": "polygon", "materials": absorbers | {"ceiling": ["ceiling_fissured_tile"]}}
    drawn = draw_geometry(bank(**changes, rt60_seconds=0.35, sources_per_room=1), 1)
    h = simulate_room(drawn, 16000)[0][800:]
    level_db = 10 * np.log10((h[: len(h) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1))
    places = np.arange(len(level_db))
    curve = np.polyval(np.polyfit(places, level_db, 2), places)
    assert np.abs(level_db - curve).max() < 6  # 7.8 of rays as they come
