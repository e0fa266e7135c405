"""Spectra of the Gaussian noises against their closed forms."""

from itertools import pairwise

import numpy as np
import pytest

from percepkit.dsp.coloured import (
    LTASS_HZ,
    LTASS_LEVEL_DB,
    brown,
    pink,
    shaped_noise,
    speech_shaped,
    unit_rms,
    white,
)


def band_levels_db(x: np.ndarray, sample_rate: int, edges_hz: np.ndarray) -> np.ndarray:
    """Level of each band between two edges, from one periodogram; the bands of white noise add to 0 dB."""
    power = np.abs(np.fft.rfft(x * np.hanning(x.size))) ** 2
    hz = np.arange(power.size) * sample_rate / x.size
    sums = [power[(hz >= low) & (hz < high)].sum() for low, high in pairwise(edges_hz)]
    return 10 * np.log10(np.array(sums) / power.sum())


@pytest.mark.parametrize(
    ("noise", "slope_db"), [(white, 0.0), (pink, -3.0103), (brown, -6.0206)], ids=["white", "pink", "brown"]
)
@pytest.mark.parametrize("sample_rate", [8_000, 48_000])
def test_slope_in_db_an_octave(noise, slope_db, sample_rate):
    octaves = np.arange(np.log2(sample_rate / 2 / 40) // 1 + 1)
    edges_hz = 40 * 2.0**octaves
    levels = np.mean(
        [band_levels_db(noise(10 * sample_rate, sample_rate, i), sample_rate, edges_hz) for i in (1, 2)], 0
    )
    density_db = levels - 10 * np.log10(np.diff(edges_hz))
    slope, _ = np.polyfit(octaves[1:], density_db, 1)
    assert slope == pytest.approx(slope_db, abs=0.1)
    assert density_db - density_db[-1] == pytest.approx(slope_db * (octaves[1:] - octaves[-1]), abs=0.6)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 96_000])
def test_third_octave_levels_of_speech(sample_rate):
    centres_hz = 1_000 * 2 ** (np.arange(-12, 13) / 3)  # exact bands; the nominal ones are rounded
    assert np.abs(centres_hz / LTASS_HZ - 1).max() < 0.02
    edges_hz = np.append(centres_hz / 2 ** (1 / 6), centres_hz[-1] * 2 ** (1 / 6))
    edges_hz = edges_hz[edges_hz < sample_rate / 2]
    measured = band_levels_db(speech_shaped(30 * sample_rate, sample_rate, 5), sample_rate, edges_hz)
    wanted = LTASS_LEVEL_DB[: measured.size]
    assert measured - measured.mean() == pytest.approx(wanted - wanted.mean(), abs=1.5)


def test_speech_levels_add_up_to_70_db():
    assert 10 * np.log10(np.sum(10 ** (LTASS_LEVEL_DB / 10))) == pytest.approx(70, abs=0.1)


def test_samples_are_gaussian():
    x = pink(400_000, 16_000, 3)
    assert np.mean(x**4) == pytest.approx(3, abs=0.15)
    assert np.mean(x**3) == pytest.approx(0, abs=0.1)


def test_white_samples_do_not_correlate():
    x = white(200_000, 16_000, 3)
    spectrum = np.abs(np.fft.rfft(x, 2 * x.size)) ** 2
    correlation = np.fft.irfft(spectrum)[1:1_000] / x.size
    assert np.abs(correlation).max() < 5 / np.sqrt(x.size)


def test_gain_is_asked_up_to_the_nyquist_frequency_and_never_at_0():
    asked = []
    shaped_noise(1_000, 8_000, 1, lambda hz: asked.append(hz) or np.ones_like(hz))
    assert asked[0].min() > 0
    assert asked[0].max() == pytest.approx(4_000)


def test_unit_rms_of_very_quiet_signals():
    assert unit_rms(np.array([1e-200, -1e-200])) == pytest.approx([1, -1])
