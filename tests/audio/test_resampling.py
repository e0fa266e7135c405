import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.audio.resampling import resample

RATES = [8000, 16000, 22050, 24000, 44100, 48000]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.sampled_from(RATES), st.sampled_from(RATES), st.sampled_from(["f4", "f8"]))
def test_length_and_dtype(n, from_rate, to_rate, dtype):
    y = resample(np.ones(n, dtype), from_rate, to_rate)
    assert len(y) == -(-n * to_rate // from_rate)
    assert y.dtype == dtype


@pytest.mark.parametrize("from_rate, to_rate", [(48000, 16000), (16000, 48000), (8000, 44100)])
def test_a_tone_stays_where_it_is(from_rate, to_rate):
    def tone(rate):
        return 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)

    y = resample(tone(from_rate), from_rate, to_rate)
    middle = slice(to_rate // 10, -to_rate // 10)
    assert np.abs(y - tone(to_rate))[middle].max() < 1e-4


def test_equal_rates_return_the_array_itself():
    x = np.zeros(10, np.float32)
    assert resample(x, 16000, 16000) is x


def test_channels_are_resampled_alone():
    x = np.random.default_rng(0).standard_normal((1000, 2))
    y = resample(x, 16000, 24000)
    assert np.allclose(y[:, 1], resample(np.ascontiguousarray(x[:, 1]), 16000, 24000))


def test_wrong_rates():
    with pytest.raises(ValueError, match="must be positive, got 0 and 16000"):
        resample(np.zeros(4), 0, 16000)
