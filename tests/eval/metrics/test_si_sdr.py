"""SI-SDR against its closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.eval.metrics import Unscorable, si_sdr


def orthogonal_pair(n_samples=4096):
    phase = 2 * np.pi * np.arange(n_samples) / n_samples
    return np.sin(5 * phase), np.sin(9 * phase)


@given(snr_db=st.floats(-120, 120), gain=st.floats(1e-6, 1e6), sign=st.sampled_from([-1, 1]))
def test_orthogonal_noise_gives_the_snr(snr_db, gain, sign):
    speech, noise = orthogonal_pair()
    estimate = sign * gain * (speech + 10 ** (-snr_db / 20) * noise)
    value = si_sdr.score(si_sdr.prepare(speech, 16_000), estimate)["si_sdr"]
    assert value == pytest.approx(snr_db, abs=1e-6)


def test_no_mean_is_removed():
    speech, _ = orthogonal_pair()
    value = si_sdr.score(si_sdr.prepare(speech, 16_000), speech + 0.1)["si_sdr"]
    assert value == pytest.approx(10 * np.log10(0.5 / 0.01))


@pytest.mark.parametrize("gain", [1.0, 0.3, -7.7, 1e-9])
def test_estimate_equal_to_the_reference_has_no_finite_value(gain):
    speech = np.random.default_rng(0).standard_normal(100_000)
    with pytest.raises(Unscorable, match=r"infinite: \+inf"):
        si_sdr.score(si_sdr.prepare(speech, 16_000), gain * speech)


def test_estimate_without_any_reference_in_it_has_no_finite_value():
    speech, noise = orthogonal_pair()
    with pytest.raises(Unscorable, match="infinite: -inf"):
        si_sdr.score(si_sdr.prepare(speech, 16_000), noise * 3)


@pytest.mark.parametrize("level", [1e-30, 1e-200, 1e200])
def test_level_of_either_signal_plays_no_role(level):
    speech, noise = orthogonal_pair()
    for a, b in ((level, 1.0), (1.0, level), (level, level)):
        value = si_sdr.score(si_sdr.prepare(a * speech, 16_000), b * (speech + noise))["si_sdr"]
        assert value == pytest.approx(0, abs=1e-9)
