"""Where targets mean nothing: damage of recordings, found and put into frames."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.erb import LAYOUTS, band_energy, layout
from percepkit.dsp.percepnet import compute_targets
from percepkit.dsp.stft import analyse, n_frames
from percepkit.dsp.validity import Damage, Invalid, clipped_samples, lost_samples, silence_floor, touched_frames


def speech(n=16_000, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(n) * np.repeat(rng.uniform(0.3, 1, 40), n // 40)).astype(np.float32)


def held(x, frame, hop):
    """Samples of a frame, by the definition of the analysis."""
    return x[max((frame - 1) * hop, 0) : (frame + 1) * hop]


@given(st.lists(st.integers(0, 999), max_size=5), st.integers(0, 1000), st.sampled_from([1, 40, 80, 161, 2000]))
def test_touched_frames_hold_the_samples(positions, n, hop):
    samples = np.zeros(1000, bool)
    samples[positions] = True
    samples = samples[:n]
    frames = touched_frames(samples, hop)
    assert len(frames) == n_frames(n, hop)
    assert frames.tolist() == [held(samples, frame, hop).any() for frame in range(len(frames))]


def test_clipping_is_found_at_any_level_and_polarity_and_nothing_else():
    x = speech()
    assert not clipped_samples(x).any()
    for level in (1.0, 0.1):
        limited = level * np.clip(x, -0.15, 0.15)
        found = clipped_samples(limited.astype(np.float32))
        flat = np.abs(x) >= 0.15
        assert found.any()
        assert not found[~flat].any()
    assert not clipped_samples(np.zeros(100)).any()
    assert not clipped_samples(np.zeros(0)).any()
    # A single peak, or two equal samples, is no clipping.
    assert not clipped_samples(np.array([0, 0.5, 1, 1, 0.5, 0, -1, 0.2])).any()


@given(st.lists(st.tuples(st.sampled_from([-1.0, -0.985, -0.9, 0.0, 0.9, 0.985, 1.0]), st.integers(1, 5))))
def test_clipping_equals_a_walk_through_the_runs(pieces):
    x = np.array([value for value, length in pieces for _ in range(length)])
    grid = np.unique(np.abs(x))
    near = grid[grid >= 0.5 * np.abs(x).max(initial=0)]
    grid = grid if len(near) == 1 else near
    step = np.diff(grid).min() if len(grid) > 1 else 1e-7
    expected, place = [], 0
    for value, run in groupby(x):
        length = len(list(run))
        ends = [x[place - 1]] * (place > 0) + list(x[place + length :][:1])
        drops = any(abs(value - end) > 5 * step for end in ends)
        near_rail = abs(value) >= 0.98 * np.abs(x).max() and value != 0
        expected += [length >= 3 and near_rail and drops] * length
        place += length
    assert clipped_samples(x).tolist() == expected


@given(
    st.sampled_from([8000, 16_000, 44_100, 48_000]),
    st.floats(20, 3000),
    st.floats(0.001, 0.95),
    st.sampled_from([8, 16, 24]),
)
def test_rounded_tones_are_not_clipped_and_clipped_ones_are(sample_rate, frequency_hz, amplitude, bits):
    scale = 2.0 ** (bits - 1)
    tone = np.sin(2 * np.pi * frequency_hz * np.arange(sample_rate // 2) / sample_rate)
    rounded = np.round(amplitude * tone * scale) / scale
    assert not clipped_samples(rounded.astype(np.float32)).any()


@given(st.floats(200, 500), st.floats(0.3, 1), st.floats(0.5, 0.95))
def test_the_share_of_clipped_samples_is_that_of_the_tone_above_the_limit(frequency_hz, amplitude, limit):
    t = np.arange(48_000) / 48_000
    glide = np.sin(2 * np.pi * frequency_hz * (t + 0.1 * t**2))  # a steady one takes few values: no step shows
    limited = np.round(amplitude * np.clip(glide, -limit, limit) * 2**15) / 2**15
    assert clipped_samples(limited).mean() == pytest.approx(2 * np.arccos(limit) / np.pi, abs=0.01)


def test_lost_packets_are_found_and_digital_pauses_are_not():
    x = speech()
    assert not lost_samples(x, 16_000).any()
    lost = x.copy()
    lost[4000:4320] = 0
    np.testing.assert_array_equal(np.flatnonzero(lost_samples(lost, 16_000)), np.arange(4000, 4320))
    gated = x.copy()
    gated[8000:12_000] = 0
    gated[7800:8000] *= np.linspace(1, 0, 200) ** 4
    gated[12_000:12_200] *= np.linspace(0, 1, 200) ** 4
    assert not lost_samples(gated, 16_000).any()
    assert not lost_samples(np.concatenate([np.zeros(1000), x]).astype(np.float32), 16_000).any()
    short = x.copy()
    short[4000:4040] = 0  # 2.5 ms
    assert not lost_samples(short, 16_000).any()
    assert not lost_samples(np.zeros(500), 16_000).any()
    # Nor are packets amid what is quieter than -30 dB of the whole.
    pause = lost.copy()
    pause[3000:5000] *= 0.01
    assert not lost_samples(pause, 16_000).any()


@given(
    st.lists(st.tuples(st.integers(300, 900), st.integers(1, 400)), min_size=1, max_size=12),
    st.sampled_from([8000, 16_000, 44_100, 48_000]),
    st.integers(0, 2**32 - 1),
)
def test_gaps_in_steady_sound_are_lost_from_five_milliseconds(pieces, sample_rate, seed):
    rng = np.random.default_rng(seed)
    sound, expected = [], []
    for length, gap in pieces:
        sound += [rng.choice([-1.0, 1.0], length) * rng.uniform(0.05, 0.1, length), np.zeros(gap)]
        expected += [np.zeros(length, bool), np.full(gap, gap >= round(0.005 * sample_rate))]
    x = np.concatenate([*sound, np.full(300, 0.07)])  # between gaps at least 5 ms of sound
    np.testing.assert_array_equal(lost_samples(x, sample_rate), np.concatenate([*expected, np.zeros(300, bool)]))


@given(
    st.integers(1, 1200),
    st.sampled_from([80, 161, 500]),
    st.lists(st.sampled_from([2000.0, 4000.0, 7999.0, np.inf]), min_size=1, max_size=6),
    st.lists(st.integers(0, 1199), max_size=4),
    st.lists(st.integers(0, 1199), max_size=4),
)
def test_flags_equal_a_loop_over_frames(n, hop, limits, clipped_at, lost_at):
    bandwidth = np.repeat(limits, 1200)[:: len(limits)][:n].astype(np.float32)
    clipped, lost = np.zeros((2, 1200), bool)
    clipped[clipped_at] = lost[lost_at] = True
    centres = np.array([0.0, 3000.0, 4000.0, 7999.5])
    flags = Damage(bandwidth, clipped[:n], lost[:n]).flags(n, hop, centres)
    assert flags.dtype == np.uint8
    assert flags.shape == (n_frames(n, hop), 4)
    for frame, row in enumerate(flags):
        for centre, flag in zip(centres, row, strict=True):
            expected = Invalid.ABOVE_BANDWIDTH * bool(centre > held(bandwidth, frame, hop).min())
            expected += Invalid.CLIPPED * bool(held(clipped[:n], frame, hop).any())
            expected += Invalid.LOST * bool(held(lost[:n], frame, hop).any())
            assert flag == expected


def test_flags_follow_the_bandwidth_of_each_stretch():
    bandwidth = np.full(1600, np.inf)
    bandwidth[800:] = 4000.0
    flags = Damage(bandwidth_hz=bandwidth).flags(1600, 160, np.array([1000.0, 4000.0, 6000.0]))
    assert not flags[:, :2].any()
    np.testing.assert_array_equal(flags[:, 2] == Invalid.ABOVE_BANDWIDTH, np.arange(11) >= 5)
    both = Damage(clipped=np.arange(1600) < 10, lost=np.arange(1600) > 1590).flags(1600, 160, np.array([1000.0]))
    assert both[:, 0].tolist() == [8, 8, 0, 0, 0, 0, 0, 0, 0, 16, 16]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("sample_rate, hop", [(16_000, 160), (48_000, 480), (48_000, 240)])
def test_silence_is_what_sixteen_bits_cannot_hold(name, sample_rate, hop):
    sound = 1e-3 * np.random.default_rng(0).standard_normal(10 * sample_rate)
    rounding = np.rint(sound * 2**15) / 2**15 - sound
    bands = layout(sample_rate, name, hop=hop)
    floor = silence_floor(bands.n_bins, hop)[bands.mask]
    assert not silence_floor(bands.n_bins, hop)[~bands.mask].any()
    left, heard = (band_energy(analyse(s, hop), bands)[5:-5, bands.mask] for s in (rounding, sound))
    np.testing.assert_allclose(left.mean(axis=0), floor / 2, rtol=0.15)  # 3 dB below the floor
    assert (heard > floor).mean() > 0.999


def test_targets_carry_every_reason(voice):
    x, _ = voice(16_000, 1)
    noisy = x + 0.01 * np.random.default_rng(1).standard_normal(len(x))
    x[8000:] = noisy[8000:] = 0
    clipped = np.zeros(len(x), bool)
    clipped[1600:1700] = True
    targets = compute_targets(x, noisy, 16_000, damage=Damage(bandwidth_hz=3000.0, clipped=clipped))
    flags, bands = targets.flags, layout(16_000)
    assert (flags[60:, bands.mask] & Invalid.SILENT).all()
    assert (flags[:, ~bands.mask] & Invalid.ABOVE_NYQUIST).all()
    assert ((flags & Invalid.ABOVE_BANDWIDTH) > 0)[:, bands.mask].any(axis=0).tolist() == (
        bands.centre_hz[bands.mask] > 3000
    ).tolist()
    assert ((flags & Invalid.CLIPPED) > 0).any(axis=1).nonzero()[0].tolist() == [10, 11]
    unvoiced = targets.period == 0
    assert (flags[unvoiced] & Invalid.UNVOICED).all()
    # Gains do not need a pitch.
    only_unvoiced = flags == Invalid.UNVOICED
    assert targets.gains_valid[only_unvoiced].all()
    assert not targets.strengths_valid[only_unvoiced].any()
    assert not targets.gains_valid[flags & ~np.uint8(Invalid.UNVOICED) > 0].any()


def test_damage_of_a_whole_item_may_be_one_value():
    centres = np.array([1.0, 2.0])
    assert (Damage(lost=True).flags(100, 80, centres) == Invalid.LOST).all()
    assert not Damage().flags(100, 80, centres).any()
    # Whole hertz will do.
    whole = Damage(bandwidth_hz=np.full(100, 1)).flags(100, 80, centres)
    assert whole.tolist() == [[0, Invalid.ABOVE_BANDWIDTH]] * 3


@pytest.mark.parametrize("length", [0, 50, 999, 1001])
@pytest.mark.parametrize("name", ["bandwidth_hz", "clipped", "lost"])
def test_damage_of_another_length_is_refused(name, length):
    damage = Damage(**{name: np.zeros(length, float if name == "bandwidth_hz" else bool)})
    text = rf"expected {name} for 1000 samples, or one value, found shape \({length},\)"
    with pytest.raises(ValueError, match=text):
        damage.flags(1000, 80, np.array([1.0]))
