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
    y = stft.synthesise(stft.analyse(x, stft.hop_length(sample_rate)), n_samples)
    assert np.abs(y - x).max() < 1e-12


@pytest.mark.parametrize("sample_rate", RATES)
def test_frames_hold_the_samples_the_docstring_says(sample_rate):
    hop = stft.hop_length(sample_rate)
    x = np.arange(1.0, 5 * hop + 2)
    frames = stft.frame_signal(x, hop)
    assert len(frames) == stft.n_frames(len(x), hop)
    assert frames[0, :hop].max() == 0
    for frame in (1, 3):
        np.testing.assert_array_equal(frames[frame], x[(frame - 1) * hop : (frame + 1) * hop])


def test_energy_of_the_spectra_is_that_of_the_signal():
    # Power-complementary windows: Parseval holds for the whole analysis.
    x = np.random.default_rng(0).standard_normal(4800)
    power = np.abs(stft.analyse(x, 480)) ** 2
    total = (2 * power.sum() - power[:, 0].sum() - power[:, -1].sum()) / 960
    assert total == pytest.approx((x**2).sum(), rel=1e-12)


def test_single_precision_stays_single():
    x = np.zeros(480, np.float32)
    assert stft.analyse(x, 160).dtype == np.complex64
    assert stft.synthesise(stft.analyse(x, 160), 480).dtype == np.float32


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"one channel.*\(2, 10\)"):
        stft.analyse(np.zeros((2, 10)), 160)
    with pytest.raises(ValueError, match="found \\(3, 161\\)"):
        stft.synthesise(np.zeros((3, 161), complex), 1600)
    with pytest.raises(ValueError, match="at least 100 Hz"):
        stft.hop_length(50)


@settings(max_examples=40)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_streams_equal_whole_signals(sample_rate, blocks, seed):
    hop = stft.hop_length(sample_rate)
    x = np.random.default_rng(seed).standard_normal(sum(blocks) * hop)
    analyser, synthesiser = stft.Analyser(hop, x.dtype), stft.Synthesiser(hop, x.dtype)
    cuts = np.split(x, np.cumsum(blocks)[:-1] * hop)
    spectra = [analyser.process(block) for block in [*cuts, np.zeros(hop)]]
    np.testing.assert_allclose(np.concatenate(spectra), stft.analyse(x, hop), rtol=0, atol=1e-12)
    y = np.concatenate([synthesiser.process(spectrum) for spectrum in spectra])
    assert len(y) == len(x) + hop
    np.testing.assert_allclose(y[hop:], x, rtol=0, atol=1e-12)


def test_a_stream_takes_whole_hops_only():
    with pytest.raises(ValueError, match="multiple of 160 samples, found 100"):
        stft.Analyser(160, np.float64).process(np.zeros(100))
