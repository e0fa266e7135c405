"""Where targets mean nothing: damage of recordings, found and put into frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.erb import layout
from percepkit.dsp.percepnet import compute_targets
from percepkit.dsp.stft import analyse
from percepkit.dsp.validity import Damage, Invalid, clipped_samples, lost_samples, silence_floor, touched_frames


def speech(n=16_000, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(n) * np.repeat(rng.uniform(0.3, 1, 40), n // 40)).astype(np.float32)


@given(st.lists(st.integers(0, 999), max_size=5), st.sampled_from([40, 80, 161]))
def test_touched_frames_hold_the_samples(positions, hop):
    samples = np.zeros(1000, bool)
    samples[positions] = True
    frames = touched_frames(samples, hop)
    for frame, touched in enumerate(frames):
        begin, end = max((frame - 1) * hop, 0), (frame + 1) * hop
        assert touched == samples[begin:end].any()


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


def test_flags_follow_the_bandwidth_of_each_stretch():
    bandwidth = np.full(1600, np.inf)
    bandwidth[800:] = 4000.0
    flags = Damage(bandwidth_hz=bandwidth).flags(1600, 160, np.array([1000.0, 4000.0, 6000.0]))
    assert not flags[:, :2].any()
    np.testing.assert_array_equal(flags[:, 2] == Invalid.ABOVE_BANDWIDTH, np.arange(11) >= 5)
    both = Damage(clipped=np.arange(1600) < 10, lost=np.arange(1600) > 1590).flags(1600, 160, np.array([1000.0]))
    assert both[:, 0].tolist() == [8, 8, 0, 0, 0, 0, 0, 0, 0, 16, 16]


def test_silence_is_what_sixteen_bits_cannot_hold():
    rng = np.random.default_rng(0)
    sound = 1e-3 * rng.standard_normal(16_000)
    rounding = np.rint(sound * 2**15) / 2**15 - sound
    bands = layout(16_000)
    floor = silence_floor(bands.n_bins, 160)
    from percepkit.dsp.erb import band_energy

    present = bands.mask
    assert (band_energy(analyse(rounding, 160), bands)[:, present].mean(axis=0) < floor[present]).all()
    assert (band_energy(analyse(sound, 160), bands)[:, present] > floor[present]).all()


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
    assert (Damage(lost=True).flags(100, 80, np.array([1.0, 2.0])) == Invalid.LOST).all()
    with pytest.raises(ValueError, match="broadcast"):
        Damage(clipped=np.zeros(50, bool)).flags(1000, 80, np.array([1.0]))
