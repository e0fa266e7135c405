"""Frequency-weighted segmental SNR: a plain loop and the limits."""

import numpy as np
import pytest

from percepkit.eval.metrics import _loizou, fwsegsnr

RATE = 16_000


def band_weights():
    """Filters of the 25 bands over 512 bins, straight from their definition."""
    centre, width = (np.array(text.split(), dtype=float) for text in (_loizou._CENTRE_HZ, _loizou._WIDTH_HZ))
    distance = (np.arange(512) - np.floor(centre * 1024 / RATE)[:, None]) / (width * 1024 / RATE)[:, None]
    weights = np.exp(-11 * distance**2 + np.log(70 / width)[:, None])
    return np.where(weights > np.exp(-30 / (2 * 2.303)), weights, 0)


def test_value_is_that_of_a_plain_loop():
    rng = np.random.default_rng(0)
    clean = rng.standard_normal(4_000)
    estimate = clean + 0.3 * rng.standard_normal(4_000)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 481) / 481))
    values = []
    for start in range(0, (4_000 - 480) // 120 * 120, 120):
        bands = []
        for x in (clean, estimate):
            magnitude = np.abs(np.fft.fft(x[start : start + 480] * window, 1024))[:512]
            bands.append(band_weights() @ magnitude / magnitude.sum())
        weight = bands[0] ** 0.2
        ratio = 10 * np.log10(bands[0] ** 2 / (bands[0] - bands[1]) ** 2)
        values.append(np.clip(np.sum(weight * ratio) / np.sum(weight), -10, 35))
    value = fwsegsnr.score(fwsegsnr.prepare(clean, RATE), estimate)["fwsegsnr"]
    assert value == pytest.approx(np.mean(values), abs=1e-9)


def test_limits():
    time = np.arange(RATE)
    low, high = np.sin(0.05 * time), np.sin(1.2 * time)
    state = fwsegsnr.prepare(low, RATE)
    assert fwsegsnr.score(state, -0.01 * low)["fwsegsnr"] == pytest.approx(35)
    assert -10 <= fwsegsnr.score(state, high)["fwsegsnr"] < 0.1


def test_nothing_above_the_last_band_is_heard():
    clean = np.random.default_rng(1).standard_normal(RATE)
    spectrum = np.fft.rfft(clean)
    low, high = (np.fft.irfft(spectrum * part) for part in (np.arange(8_001) < 5_000, np.arange(8_001) > 7_000))
    state = fwsegsnr.prepare(low + high, RATE)
    # The high band takes part in the scaling of the spectrum's sum only.
    assert fwsegsnr.score(state, low + np.roll(high, 7))["fwsegsnr"] > 20
