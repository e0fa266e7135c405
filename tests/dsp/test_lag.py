"""Alignment of signals with a known delay, gain and polarity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.lag import find_lag

NOISE = np.random.default_rng(0).standard_normal(16_000)


def delayed(x, delay):
    """Delay by a phase ramp, circularly, with silence at both ends."""
    x = np.concatenate([np.zeros(500), x, np.zeros(500)])
    return np.fft.irfft(np.fft.rfft(x) * np.exp(-2j * np.pi * delay / len(x) * np.arange(len(x) // 2 + 1)), len(x))


@given(
    delay=st.floats(-300, 300),
    gain=st.sampled_from([1.0, -1.0, 0.01, -40.0, 1e-150]),
    snr_db=st.sampled_from([100.0, 10.0, -5.0]),
)
def test_known_delay_and_gain_are_found(delay, gain, snr_db):
    speech = np.convolve(NOISE, [1, 1.6, 0.8], "same")  # not white
    noise = np.random.default_rng(1).standard_normal(17_000) * speech.std() * 10 ** (-snr_db / 20)
    found = find_lag(delayed(speech, 0), gain * (delayed(speech, delay) + noise), max_delay=400)
    assert found.delay_samples == pytest.approx(delay, abs=0.02 if snr_db > 0 else 0.3)
    assert found.gain / gain == pytest.approx(1, abs=0.005 if snr_db > 50 else 0.1)
    assert found.prominence > 20


def test_speech_in_noise(shared):
    import soundfile

    clean, rate = soundfile.read(shared / "reference" / "vbd" / "clean" / "p257_008.wav")
    noisy, _ = soundfile.read(shared / "reference" / "vbd" / "noisy" / "p257_008.wav")
    for delay in (0, 1, -8, 1006):
        found = find_lag(clean, -0.3 * np.roll(noisy, delay), max_delay=rate // 5)
        assert found.delay_samples == pytest.approx(delay, abs=0.1)
        assert found.gain == pytest.approx(-0.3, abs=0.03)


@pytest.mark.parametrize("seed", range(1, 6))
def test_unrelated_signals_have_no_prominent_delay(seed):
    rng = np.random.default_rng(seed)
    coloured = np.convolve(rng.standard_normal(16_000), np.hanning(20), "same")
    assert find_lag(NOISE, coloured, max_delay=4_000).prominence < 8
    assert find_lag(coloured, NOISE, max_delay=4_000).prominence < 8


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"two signals of one length, got shapes \(16000,\) and \(3,\)"):
        find_lag(NOISE, NOISE[:3], max_delay=10)
    with pytest.raises(ValueError, match="largest delay between 0 and 16000 samples, got 16000"):
        find_lag(NOISE, NOISE, max_delay=16_000)
