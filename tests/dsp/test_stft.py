"""Analysis and synthesis: perfect reconstruction, energies and frame positions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp import stft

RATES = [8000, 11_025, 16_000, 22_050, 44_100, 48_000]


@settings(max_examples=40)
@given(st.sampled_from(RATES), st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_synthesis_inverts_analysis(sample_rate, n_samples, seed):
    x = np.random.default_rng(seed).standard_normal(n_samples)
    y = stft.synthesise(stft.analyse(x, sample_rate), n_samples, sample_rate)
    assert np.abs(y - x).max() < 1e-12


@pytest.mark.parametrize("sample_rate", RATES)
def test_frames_hold_the_samples_the_docstring_says(sample_rate):
    hop = stft.hop_length(sample_rate)
    x = np.arange(1.0, 5 * hop + 2)
    frames = stft.frame_signal(x, sample_rate)
    assert len(frames) == stft.n_frames(len(x), sample_rate)
    assert frames[0, :hop].max() == 0
    for frame in (1, 3):
        np.testing.assert_array_equal(frames[frame], x[(frame - 1) * hop : (frame + 1) * hop])


def test_energy_of_the_spectra_is_that_of_the_signal():
    # Power-complementary windows: Parseval holds for the whole analysis.
    x = np.random.default_rng(0).standard_normal(4800)
    power = np.abs(stft.analyse(x, 48_000)) ** 2
    total = (2 * power.sum() - power[:, 0].sum() - power[:, -1].sum()) / 960
    assert total == pytest.approx((x**2).sum(), rel=1e-12)


def test_single_precision_stays_single():
    x = np.zeros(480, np.float32)
    assert stft.analyse(x, 16_000).dtype == np.complex64
    assert stft.synthesise(stft.analyse(x, 16_000), 480, 16_000).dtype == np.float32


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"one channel.*\(2, 10\)"):
        stft.analyse(np.zeros((2, 10)), 16_000)
    with pytest.raises(ValueError, match="found \\(3, 161\\)"):
        stft.synthesise(np.zeros((3, 161), complex), 1600, 16_000)
    with pytest.raises(ValueError, match="at least 100 Hz"):
        stft.hop_length(50)
