"""What every noise estimator must do, on noise whose power is known."""

import numpy as np
import pytest

from percepkit.baselines.estimators import ESTIMATORS
from percepkit.baselines.grid import Grid, grid_of
from percepkit.dsp.stft import analyse, hop_length

NAMES = sorted(ESTIMATORS)
BIAS_DB = {"imcra": 0.5, "leading": 0.3, "mcra": 0.5, "minimum": 0.7, "quantile": 0.6, "spp": 1.4}
SPREAD_DB = {"imcra": 1.4, "leading": 0.7, "mcra": 1.1, "minimum": 0.9, "quantile": 1.2, "spp": 1.4}
# A second of speech-like bursts 20 dB above the noise: by how much the estimate rises until half a second after.
LEAK_DB = {"imcra": 1.0, "leading": 0.5, "mcra": 3.0, "minimum": 1.0, "quantile": 3.0, "spp": 3.0}
# Seconds after which a step of the noise by 10 dB is known to 2 dB; the detector of "leading" takes it for speech.
STEP_SECONDS = {"imcra": 2.2, "mcra": 2.2, "minimum": 2.0, "spp": 1.5, "quantile": 9.0}


def white_power(sample_rate: int, seconds: float, seed: int = 0) -> np.ndarray:
    """Power of frames of white noise, mean 1."""
    hop = hop_length(sample_rate)
    noise = np.random.default_rng(seed).standard_normal(int(seconds * sample_rate)) / np.sqrt(hop)
    return np.abs(analyse(noise, hop)[1:-1]) ** 2


def follow(name: str, power: np.ndarray, sample_rate: int = 16_000) -> np.ndarray:
    return ESTIMATORS[name](grid_of(sample_rate)).track(power)


def mean_db(power: np.ndarray) -> float:
    """Of the bins away from DC and Nyquist, whose power is spread differently."""
    return float(10 * np.log10(power[..., 3:-3].mean()))


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("name", NAMES)
def test_stationary_noise_is_known_after_half_a_second(name, sample_rate):
    estimate = follow(name, white_power(sample_rate, 8), sample_rate)
    for second in (0.5, 1, 2, 4, 6):
        first = int(second * 100)
        assert abs(mean_db(estimate[first : first + 100])) < BIAS_DB[name]
    assert np.std(10 * np.log10(estimate[300:, 3:-3])) < SPREAD_DB[name]


@pytest.mark.parametrize("name", NAMES)
def test_speech_does_not_leak(name):
    power = white_power(16_000, 6)
    for syllable in range(200, 300, 25):  # 150 ms each, over every third bin
        power[syllable : syllable + 15, ::3] *= 100
    before, after = follow(name, power)[195:200], follow(name, power)[200:350]
    assert max(mean_db(after[t : t + 5]) for t in range(0, 150, 5)) - mean_db(before) < LEAK_DB[name]


@pytest.mark.parametrize("name", sorted(STEP_SECONDS))
def test_step_of_the_noise_is_followed(name):
    power = white_power(16_000, 14)
    power[300:] *= 10
    estimate = follow(name, power)[300 + int(100 * STEP_SECONDS[name]) :]
    assert abs(mean_db(estimate) - 10) < 2


@pytest.mark.parametrize("name", NAMES)
def test_fall_of_the_noise_is_followed(name):
    power = white_power(16_000, 8)
    power[300:] /= 100
    assert mean_db(follow(name, power)[600:]) == pytest.approx(-20, abs=2)


@pytest.mark.parametrize("name", NAMES)
def test_scale_of_the_input_is_that_of_the_estimate(name):
    power = white_power(16_000, 3)
    assert np.allclose(follow(name, 1e-4 * power), 1e-4 * follow(name, power), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_pieces_give_what_the_whole_gives(name):
    power = white_power(16_000, 3)
    estimator = ESTIMATORS[name](grid_of(16_000))
    pieces = [estimator.track(piece) for piece in np.split(power, [1, 4, 4, 9, 30, 31, 200])]
    assert np.array_equal(np.concatenate(pieces), follow(name, power))


@pytest.mark.parametrize("name", NAMES)
def test_digital_silence_is_passed_over(name):
    power = white_power(16_000, 2)
    gaps = np.insert(power, [0, 0, 3, 30, 30, 30], 0, axis=0)
    assert np.array_equal(follow(name, gaps)[-1], follow(name, power)[-1])
    assert not follow(name, np.zeros((30, 161))).any()


@pytest.mark.parametrize("name", NAMES)
def test_empty_bins_and_sudden_sound_stay_finite(name):
    power = white_power(16_000, 3)
    power[:200, 40:80] = 0
    power[250] *= 1e12
    estimate = follow(name, power)
    assert np.isfinite(estimate).all()
    assert estimate.min() >= 0
    assert estimate[190, 45:75].max() < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_constants_are_times_not_frames(name):
    """Twice the frame rate with the same course in time gives nearly the same estimate."""
    level = np.where(np.arange(1_000) % 100 < 70, 1.0, 30.0)[:, None] * np.ones(161)
    slow = ESTIMATORS[name](Grid(161, 50.0, 0.01)).track(level)
    fast = ESTIMATORS[name](Grid(161, 50.0, 0.005)).track(np.repeat(level, 2, axis=0))[1::2]
    difference_db = 10 * np.log10(fast[:, 80] / slow[:, 80])
    assert np.abs(difference_db).mean() < (2 if name == "mcra" else 1)  # its presence lasts half a frame
