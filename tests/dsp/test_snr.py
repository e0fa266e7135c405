"""SNRs of every kind are what is asked, and levels that do not exist are refused."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.snr import SnrKind, noise_gain, realised_snr_db, trajectory_gain

KINDS = get_args(SnrKind)


def speech_and_noise(seed, sample_rate=16_000, seconds=2.0):
    """Bursts of noise with pauses, as speech has them, against noise of another colour."""
    rng = np.random.default_rng(seed)
    n = int(seconds * sample_rate)
    gate = np.repeat(rng.uniform(size=20) < 0.6, n // 20)
    gate[: n // 20] = True
    speech = 0.1 * rng.standard_normal(n) * gate
    return speech, 0.03 * np.cumsum(rng.standard_normal(n)) / 50 + 0.01 * rng.standard_normal(n)


@settings(max_examples=30)
@given(st.sampled_from(KINDS), st.floats(-8, 30), st.integers(0, 100), st.floats(1e-3, 10))
def test_the_snr_asked_for_is_realised(kind, snr_db, seed, level):
    speech, noise = speech_and_noise(seed)
    speech *= level
    gain = noise_gain(speech, noise, snr_db, 16_000, kind=kind)
    assert realised_snr_db(speech, gain * noise, 16_000, kind=kind) == pytest.approx(snr_db, abs=1e-6)
    # An SNR does not change when both are turned up: a peer applied the ratio of before to signals of after.
    assert realised_snr_db(7 * speech, 7 * gain * noise, 16_000, kind=kind) == pytest.approx(snr_db, abs=1e-6)


def test_closed_forms():
    rng = np.random.default_rng(0)
    burst, white = np.zeros(32_000), rng.standard_normal(32_000)
    burst[8000:16_000] = 0.1 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)
    white /= np.sqrt(np.mean(white**2))
    expected = 20 * np.log10(0.1 / np.sqrt(2))
    found = {kind: realised_snr_db(burst, white, 16_000, kind=kind) for kind in KINDS}
    assert found["rms"] == pytest.approx(expected - 10 * np.log10(4), abs=1e-9)
    assert found["simultaneous"] == pytest.approx(expected, abs=0.1)
    assert found["active"] == pytest.approx(expected, abs=2.0)  # with P.56's hang-over
    assert found["rms"] + 2 < found["active"] <= found["simultaneous"] + 0.1
    assert realised_snr_db(10 * burst, white, 16_000, kind="segmental") == pytest.approx(expected + 20, abs=0.2)


def test_segmental_frames_are_held_between_their_bounds():
    speech, noise = speech_and_noise(1)
    assert realised_snr_db(speech, 1e-9 * noise, 16_000, kind="segmental") == 35
    assert realised_snr_db(1e-9 * speech, noise, 16_000, kind="segmental") == -10
    with pytest.raises(ValueError, match="segmental SNR of 40 dB cannot be reached"):
        noise_gain(speech, noise, 40, 16_000, kind="segmental")


def test_what_has_no_snr_is_refused():
    speech, noise = speech_and_noise(2)
    for kind in KINDS:
        with pytest.raises(ValueError, match="the speech is silent"):
            noise_gain(np.zeros(100), noise, 0, 16_000, kind=kind)
    first, second = np.zeros((2, 32_000))
    first[:8000] = second[16_000:] = 1.0
    with pytest.raises(ValueError, match="never sound together"):
        realised_snr_db(first, second, 16_000, kind="simultaneous")
    with pytest.raises(ValueError, match=r"loudness needs 0.4 s, found 0.100 s"):
        realised_snr_db(speech[:1600], noise[:1600], 16_000, kind="lufs")
    with pytest.raises(ValueError, match="no SNR is called 'peak'; choose from rms, active, simul"):
        realised_snr_db(speech, noise, 16_000, kind="peak")


def test_loudness_of_a_sine_is_that_of_the_standard():
    # BS.1770: a full-scale sine at 997 Hz has -3.01 LUFS; K-weighting attenuates 100 Hz by about 1.1 dB.
    t = np.arange(48_000) / 48_000
    sine = {f: np.sin(2 * np.pi * f * t) for f in (100, 997)}
    assert realised_snr_db(sine[997], sine[100], 48_000, kind="lufs") == pytest.approx(1.8, abs=0.3)
    assert realised_snr_db(0.001 * sine[997], sine[997], 48_000, kind="lufs") == pytest.approx(-60, abs=1e-6)


def test_a_trajectory_passes_through_its_knots():
    gain = trajectory_gain(np.array([0.0, 1.0, 3.0]), np.array([0.0, -6.0, 6.0]), 400, 100)
    assert gain.dtype == np.float32
    np.testing.assert_allclose(20 * np.log10(gain[[0, 50, 100, 200, 300, 399]]), [0, -3, -6, 0, 6, 6], atol=1e-5)
