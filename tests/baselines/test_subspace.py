"""The subspace filter against the published non-symmetric form, at its ends, and on coloured noise."""

import numpy as np
import pytest
from scipy.linalg import eig, toeplitz
from scipy.signal import lfilter

from percepkit.baselines.registry import load
from percepkit.baselines.subspace import GAIN_MIN, NU, klt_filter, mu_of_snr, whitening

SPEECH = 30 * 0.95 ** np.arange(16) * np.cos(0.7 * np.arange(16))
NOISE = 0.6 ** np.arange(16)


def filter_of(speech: np.ndarray, noise: np.ndarray, coloured: bool) -> np.ndarray:
    return klt_filter(speech + noise, *whitening(noise, coloured), coloured)


def test_mu_at_its_knots():
    assert [mu_of_snr(snr) for snr in (-20, -5, 0, 10, 20, 40)] == pytest.approx([5, 5, 4.2, 2.6, 1, 1])


def test_whitening_whitens():
    root, inverse = whitening(NOISE, coloured=True)
    assert np.allclose(root @ root.T, toeplitz(NOISE), atol=1e-5)
    assert np.allclose(inverse @ toeplitz(NOISE) @ inverse.T, np.eye(16), atol=1e-5)


def test_filter_is_the_published_generalised_one():
    """Hu and Loizou: eigenvectors V of R_n^-1 R_y - I, H = V^-T G V^T."""
    values, vectors = eig(np.linalg.inv(toeplitz(NOISE)) @ toeplitz(SPEECH + NOISE) - np.eye(16))
    ratio = np.maximum(values.real, 1e-10)
    gains = np.maximum(ratio / (ratio + mu_of_snr(10 * np.log10(ratio.mean()))), GAIN_MIN)
    expected = np.linalg.inv(vectors.real.T) @ np.diag(gains) @ vectors.real.T
    assert np.abs(filter_of(SPEECH, NOISE, True) - expected).max() < 1e-4


def test_white_filter_is_the_published_one():
    values, vectors = np.linalg.eigh(toeplitz(SPEECH))
    gains = np.maximum(np.exp(-NU / np.maximum(values, 1e-10)), GAIN_MIN)
    white = np.append(1.0, np.zeros(15))
    expected = vectors @ np.diag(gains) @ vectors.T
    assert np.abs(filter_of(SPEECH, white, False) - expected).max() < 1e-4


def test_noise_alone_is_at_the_floor_and_clean_speech_passes():
    assert np.allclose(filter_of(0 * NOISE, NOISE, True), GAIN_MIN * np.eye(16), atol=1e-6)
    flat = np.append(1e6, np.zeros(15))
    assert np.allclose(filter_of(flat, NOISE, True), np.eye(16), atol=1e-4)


@pytest.mark.parametrize("name", ["subspace", "subspace-white"])
def test_white_noise_goes_down_and_a_tone_stays(name):
    generator = np.random.default_rng(0)
    time = np.arange(48_000) / 16_000
    tone = np.where(time > 1, np.sin(2 * np.pi * 440 * time), 0)
    noise = 0.1 * generator.standard_normal(48_000)
    enhanced = load(name)(tone + noise, 16_000)
    assert 20 * np.log10(np.std(enhanced[8_000:15_000]) / 0.1) < -15
    error = (enhanced - tone)[20_000:40_000]
    assert 20 * np.log10(np.std(error) / 0.1) < -4


def test_coloured_noise_needs_the_generalised_filter():
    noise = lfilter([1.0], [1, -0.95], np.random.default_rng(1).standard_normal(48_000))
    left = {name: np.std(load(name)(noise, 16_000)[24_000:]) for name in ("subspace", "subspace-white")}
    assert 20 * np.log10(left["subspace"] / np.std(noise)) < -15
    assert left["subspace"] < 0.5 * left["subspace-white"]
