"""The noise tracker on power whose mean is known."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from percepkit.baselines.estimators.spp import Spp
from percepkit.baselines.grid import Grid

N_BINS = 400


def noise_frames(n_frames: int, seed: int = 0) -> np.ndarray:
    """Periodograms of white noise of unit power."""
    return np.random.default_rng(seed).exponential(size=(n_frames, N_BINS))


def track(frames: np.ndarray) -> np.ndarray:
    return Spp(Grid(frames.shape[1], 50.0, 0.01)).track(frames)


def mean_db(power: np.ndarray) -> float:
    return float(10 * np.log10(power.mean()))


def test_start_is_unbiased():
    assert mean_db(track(noise_frames(10))[1:]) == pytest.approx(0, abs=0.3)


def test_stationary_noise_settles_at_the_fixed_point():
    """The article's rule swaps strong noise for its own estimate, and so comes to rest 0.9 dB low."""

    def drift(noise):
        absent = lambda y: 1 - 1 / (1 + (1 + 10**1.5) * np.exp(-y / noise * 10**1.5 / (1 + 10**1.5)))  # noqa: E731
        return quad(lambda y: np.exp(-y) * (y - noise) * absent(y), 0, 60)[0]

    fixed_db = 10 * np.log10(brentq(drift, 0.3, 2))
    assert fixed_db == pytest.approx(-0.9, abs=0.05)
    assert mean_db(track(noise_frames(500))[100:]) == pytest.approx(fixed_db, abs=0.3)


def test_speech_presence_does_not_leak():
    frames = noise_frames(300)
    frames[100:120] *= 1_000
    assert mean_db(track(frames)[120]) < 2


def test_start_within_speech_is_forgotten():
    frames = noise_frames(300)
    frames[2:6] *= 1_000
    assert mean_db(track(frames)[9]) < 5, "fewer than half of the first frames hold speech"
    frames[:10] *= 1_000
    assert mean_db(track(frames)[80]) < 2, "all of them do: forgotten in 0.8 s"


@pytest.mark.parametrize("step_db, frames_needed", [(-20, 50), (6, 50), (10, 100)])
def test_step_of_the_noise_is_followed(step_db, frames_needed):
    frames = noise_frames(600)
    frames[200:] *= 10 ** (step_db / 10)
    assert mean_db(track(frames)[200 + frames_needed :]) == pytest.approx(step_db - 1, abs=0.5)


def test_scale_invariance():
    frames = noise_frames(100)
    assert np.allclose(track(1e-4 * frames), 1e-4 * track(frames), rtol=1e-9)


def test_digital_silence_is_passed_over():
    frames = noise_frames(60)
    gaps = np.insert(frames, [0, 0, 3, 30, 30, 30], 0, axis=0)
    assert np.array_equal(track(gaps)[-1], track(frames)[-1])
    assert not track(np.zeros((3, N_BINS))).any()


def test_zero_bins_do_not_divide_by_zero():
    frames = noise_frames(60)
    frames[:, 7] = 0
    estimate = track(frames)
    assert np.isfinite(estimate).all()
    assert not estimate[:, 7].any()


def test_update_follows_the_published_recursion():
    frames = noise_frames(40) * np.where(np.arange(40) > 20, 30, 1)[:, None]
    estimate = track(frames)
    smooth, mean_smooth = np.exp(-10 / 71.7), np.exp(-10 / 152)
    for bin_ in range(5):
        noise, mean = estimate[9, bin_], 0.5
        for frame in range(10, 40):
            power = frames[frame, bin_]
            ratio = 10**1.5
            present = 1 / (1 + (1 + ratio) * np.exp(-power / noise * ratio / (1 + ratio)))
            mean = mean_smooth * mean + (1 - mean_smooth) * present
            if mean > 0.99:
                present = min(present, 0.99)
            noise = smooth * noise + (1 - smooth) * ((1 - present) * power + present * noise)
            assert estimate[frame, bin_] == pytest.approx(noise, rel=1e-9)
