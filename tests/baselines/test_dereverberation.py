"""WPE: reverberation of known decay is shortened, and what is early stays."""

import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from percepkit.baselines.dereverberation import FRAMES_PER_HOP, Wpe, _transform
from percepkit.dsp.draws import key_of, normal_samples, uniform

RATE = 16_000
RT60 = 0.6


@pytest.fixture(scope="module")
def room():
    """Direct sound, and a tail of as much energy that falls by 60 dB in 0.6 s."""
    t = np.arange(int(RT60 * RATE)) / RATE
    tail = normal_samples(3, len(t)) * 10 ** (-3 * t / RT60) * (t > 0.002)
    h = tail / np.linalg.norm(tail)
    h[0] = 1.0
    return h


@pytest.fixture(scope="module")
def speech():
    """Bursts of coloured noise, 80 to 240 ms long, with pauses as long: 8 s."""
    lengths = uniform(np.random.Philox(key=key_of("bursts")).random_raw(100)) * 0.16 + 0.08
    gate = np.concatenate([np.full(int(s * RATE), i % 2) for i, s in enumerate(lengths)])[: 8 * RATE]
    colour = lfilter([1.0], [1, -1.2, 0.5], normal_samples(4, 8 * RATE))
    return 0.02 * colour * gate


def distortion_db(wanted: np.ndarray, found: np.ndarray) -> float:
    scaled = wanted * (wanted @ found) / (wanted @ wanted)
    return float(10 * np.log10(np.sum((found - scaled) ** 2) / np.sum(scaled**2)))


def test_late_energy_falls_and_the_early_sound_stays(room, speech):
    early = fftconvolve(speech, room[: int(0.05 * RATE)])[: len(speech)]
    wet = fftconvolve(speech, room)[: len(speech)]
    dry = Wpe()(wet, RATE)
    assert distortion_db(early, dry) < distortion_db(early, wet) - 1.5
    assert dry @ early > 0.8 * (early @ early)


def test_decay_after_the_last_sound_is_quieter(room, speech):
    speech = speech.copy()
    speech[-RATE:] = 0
    wet = fftconvolve(speech, room)[: len(speech)]
    dry = Wpe()(wet, RATE)
    late = slice(len(speech) - RATE + int(0.1 * RATE), len(speech) - RATE + int(0.3 * RATE))
    assert np.sum(dry[late] ** 2) < 0.63 * np.sum(wet[late] ** 2)  # 2 dB


def test_no_bin_gets_louder(room, speech):
    wet = fftconvolve(speech, room)[: len(speech)]
    assert np.sum(Wpe()(wet, RATE) ** 2) < np.sum(wet**2)


def test_anechoic_noise_is_kept():
    noise = 0.1 * normal_samples(6, 4 * RATE)
    assert distortion_db(noise, Wpe()(noise, RATE)) < -8  # 40 weights, fitted to 500 frames, take a little


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
def test_frames_are_32_ms_long_and_invert(sample_rate):
    transform = _transform(sample_rate)
    assert transform.m_num == FRAMES_PER_HOP * transform.hop
    assert transform.m_num / sample_rate == pytest.approx(0.032, rel=0.001)
    x = normal_samples(1, sample_rate)
    assert np.allclose(transform.istft(transform.stft(x), k1=len(x)), x)


def test_short_recordings_pass_unchanged():
    x = 0.1 * normal_samples(2, 500)
    assert np.array_equal(Wpe()(x, RATE), x)
