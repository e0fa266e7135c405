"""Ideal targets and their application, on synthetic speech with known parts."""

import numpy as np
import pytest

from percepkit.dsp import percepnet
from percepkit.dsp.erb import band_energy, layout
from percepkit.dsp.reconstruct import apply_targets
from percepkit.dsp.stft import analyse


def test_gains_are_amplitude_ratios_not_energy_ratios(voice):
    # A peer forgot the square root.
    x, _ = voice(16_000, 0.5)
    gains, silent = percepnet.ideal_gains(analyse(x, 160), analyse(2 * x, 160), layout(16_000))
    np.testing.assert_allclose(gains[~silent], 0.5, atol=1e-6)


def test_bands_above_the_nyquist_frequency_and_silence_are_invalid(voice):
    x, _ = voice(16_000, 0.5)
    targets = percepnet.compute_targets(x, x, 16_000)
    assert not targets.gains_valid[:, 26:].any()
    silent = percepnet.compute_targets(np.zeros(8000), np.zeros(8000), 16_000)
    assert not silent.gains_valid.any()
    assert not silent.strengths_valid.any()
    assert np.isfinite(silent.gains).all()


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 44_100, 48_000])
def test_clean_input_is_left_as_it_is(voice, sample_rate):
    x, _ = voice(sample_rate, 1)
    targets = percepnet.compute_targets(x, x, sample_rate)
    assert not targets.strengths.any()
    y = apply_targets(x, targets, sample_rate)
    assert 10 * np.log10(np.sum(x**2) / np.sum((y - x) ** 2)) > 50


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
def test_comb_removes_noise_between_the_harmonics(voice, sample_rate):
    x, _ = voice(sample_rate, 2, glide=0.05)
    noise = np.random.default_rng(0).standard_normal(len(x))
    y = x + noise * np.sqrt(np.mean(x**2) / np.mean(noise**2))
    targets = percepnet.compute_targets(x, y, sample_rate)
    error = [np.sum((apply_targets(y, targets, sample_rate, comb=c) - x) ** 2) for c in (False, True)]
    assert 10 * np.log10(error[0] / error[1]) > 3
    assert targets.strengths[targets.strengths_valid].mean() > 0.5


def test_bands_have_the_wanted_energy_after_the_comb(voice):
    # Peers skip the rescaling and lose energy in combed bands.
    x, _ = voice(16_000, 2)
    y = x + 0.05 * np.random.default_rng(1).standard_normal(len(x))
    targets = percepnet.compute_targets(x, y, 16_000)
    enhanced = apply_targets(y, targets, 16_000)
    bands = layout(16_000)
    wanted, got = (band_energy(analyse(s, 160), bands)[20:180, :10].sum() for s in (x, enhanced))
    assert 10 * np.log10(got / wanted) == pytest.approx(0, abs=0.7)


def test_single_precision_agrees_with_double(voice):
    x, _ = voice(48_000, 2)
    y = x + 0.02 * np.random.default_rng(2).standard_normal(len(x))
    double = percepnet.compute_targets(x, y, 48_000)
    single = percepnet.compute_targets(x.astype(np.float32), y.astype(np.float32), 48_000)
    valid = double.gains_valid & single.gains_valid
    assert np.abs(single.gains - double.gains)[valid].max() < 1e-4
    both = double.strengths_valid & single.strengths_valid
    assert np.quantile(np.abs(single.strengths - double.strengths)[both], 0.99) < 1e-3


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match=r"clean has shape \(10,\) and noisy \(11,\)"):
        percepnet.compute_targets(np.zeros(10), np.zeros(11), 16_000)
