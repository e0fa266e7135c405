"""Pitch on a stream: known voices, any blocks, and how it bears noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.draws import normal_samples
from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.pitch_stream import PitchStream
from percepkit.dsp.stft import hop_length


def track(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Periods of the frames of `analyse`: the stream's, without its delay."""
    hop = hop_length(sample_rate)
    stream = PitchStream(sample_rate, hop)
    whole = len(x) // hop * hop
    return stream.process(np.append(x[:whole], np.zeros(stream.delay_hops * hop)))[stream.delay_hops - 1 :]


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
def test_follows_a_gliding_voice(voice, sample_rate):
    x, f0 = voice(sample_rate, 1.0, 140.0, glide=0.3)
    found = track(x, sample_rate)[5:95]
    truth = sample_rate / f0[hop_length(sample_rate) * np.arange(5, 95)]
    assert np.count_nonzero(found) == len(found)
    assert np.median(np.abs(found / truth - 1)) < 0.002
    assert np.abs(found / truth - 1).max() < 0.03


def test_agrees_with_the_tracker_of_whole_recordings_in_noise(voice):
    x, _ = voice(16_000, 2.0, 180.0)
    noisy = x + np.std(x) * normal_samples(3, len(x))
    whole, found = track_pitch(x, 16_000), track(noisy, 16_000)
    both = (whole[: len(found)] > 0) & (found > 0)
    assert np.mean(both) > 0.6
    assert np.mean(np.abs(found[both] / whole[: len(found)][both] - 1) < 0.05) > 0.95


def test_noise_and_silence_have_no_pitch():
    assert np.mean(track(normal_samples(1, 32_000), 16_000) > 0) < 0.02
    assert not track(np.zeros(16_000), 16_000).any()


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any))
def test_any_blocks_give_the_same_periods(voice, sizes):
    x = voice(16_000, 0.6)[0]
    x = x + 0.05 * normal_samples(2, len(x))
    stream, parts, position, turn = PitchStream(16_000, 160), [], 0, 0
    while position < len(x):
        block = x[position : position + 160 * sizes[turn % len(sizes)]]
        parts.append(stream.process(block))
        position, turn = position + len(block), turn + 1
    assert np.array_equal(np.concatenate(parts), PitchStream(16_000, 160).process(x))


def test_nothing_after_the_delay_matters(voice):
    x = voice(16_000, 0.6)[0]
    other = x.copy()
    stream = PitchStream(16_000, 160)
    other[(30 + stream.delay_hops) * 160 :] = 0
    assert np.array_equal(track(x, 16_000)[:31], track(other, 16_000)[:31])


def test_low_rates_and_part_hops_are_refused():
    with pytest.raises(ValueError, match="at least 8000 Hz, found 4000; resample"):
        PitchStream(4_000, 40)
    with pytest.raises(ValueError, match="multiple of 160 samples, found 100"):
        PitchStream(16_000, 160).process(np.zeros(100))
