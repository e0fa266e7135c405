"""The plain SDR and that of BSS Eval against closed forms in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import lstsq, toeplitz

from percepkit.eval.metrics import Unscorable, score_all, sdr, sdr_512

SPEECH, NOISE = np.random.default_rng(0).standard_normal((2, 6_000))


def plain(reference, estimate):
    return sdr.score(sdr.prepare(reference, 16_000), estimate)["sdr"]


def filtered(reference, estimate):
    return sdr_512.score(sdr_512.prepare(reference, 16_000), estimate)["sdr_512"]


@given(snr_db=st.floats(-150, 150), level=st.sampled_from([1e-200, 1e-6, 1.0, 1e150]))
def test_additive_noise_gives_the_snr_at_any_level(snr_db, level):
    noise = NOISE / np.linalg.norm(NOISE) * np.linalg.norm(SPEECH) * 10 ** (-snr_db / 20)
    assert plain(level * SPEECH, level * (SPEECH + noise)) == pytest.approx(
        snr_db, abs=1e-2 if snr_db > 120 else 1e-6
    )


@pytest.mark.parametrize("gain, expected_db", [(0.9, 20.0), (-1.0, -6.0206), (2.0, 0.0)])
def test_gain_and_polarity_are_errors_of_the_plain_one(gain, expected_db):
    assert plain(SPEECH, gain * SPEECH) == pytest.approx(expected_db, abs=1e-4)


def test_equal_signals_have_no_finite_value():
    for score in (plain, filtered):
        with pytest.raises(Unscorable, match=r"infinite: \+inf"):
            score(SPEECH, SPEECH.copy())


def test_filter_is_that_of_least_squares():
    estimate = np.convolve(SPEECH, np.random.default_rng(1).standard_normal(40))[:6_000] + 3 * NOISE
    delayed = toeplitz(np.concatenate([SPEECH, np.zeros(511)]), np.zeros(512))
    padded = np.concatenate([estimate, np.zeros(511)])
    target = delayed @ lstsq(delayed, padded)[0]
    expected = 10 * np.log10(np.sum(target**2) / np.sum((padded - target) ** 2))
    assert filtered(SPEECH, estimate) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("delay", [1, 100, 500])
def test_delay_below_512_samples_is_no_distortion(delay):
    speech = np.concatenate([SPEECH, np.zeros(600)])
    noise = np.concatenate([NOISE, np.zeros(600)])
    delayed = np.roll(speech, delay) + 0.1 * noise
    assert filtered(speech, delayed) == pytest.approx(20, abs=0.8)  # 512 free taps also fit some of the noise
    assert plain(speech, delayed) < 0


def test_earlier_or_later_is_distortion():
    speech = np.concatenate([np.zeros(600), SPEECH, np.zeros(600)])
    for delay in (-1, 512):
        assert filtered(speech, np.roll(speech, delay)) < 0


def test_band_limited_reference():
    spectrum = np.fft.rfft(SPEECH)
    low = np.fft.irfft(spectrum * (np.arange(3_001) < 600))
    noise = 0.1 * np.std(low) / np.std(NOISE) * NOISE
    assert filtered(low, low + noise) == pytest.approx(20, abs=0.6)


@pytest.mark.parametrize("n_samples, status", [(1023, "too_short"), (1024, "ok")])
def test_taps_need_samples(n_samples, status):
    assert score_all(["sdr_512"], SPEECH[:n_samples], NOISE[:n_samples], 16_000)["sdr_512"].status == status
