import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.dsp.coloured import white
from percepkit.dsp.wind import gusty_wind
from percepkit.synth.degradations.wind import Wind, apply

RATE = 16_000
X = (0.1 * white(2 * RATE, RATE, 8)).astype(np.float32)


def energy_db(x: np.ndarray) -> float:
    return 10 * float(np.log10(np.sum(x.astype(np.float64) ** 2)))


@given(st.floats(-20, 30), st.floats(1, 20), st.integers(0, 2**128 - 1))
def test_snr_is_the_wanted_one(snr_db: float, duck_ratio: float, key: int) -> None:
    degraded = apply(X, RATE, Wind(snr_db=snr_db, duck_ratio=duck_ratio), key)
    assert degraded.measured["snr_db"] == pytest.approx(snr_db, abs=0.01)


def test_speech_keeps_its_level_and_nothing_is_clipped() -> None:
    # A peer leaves the target at another level than in the mix, halves the mix, and always clips.
    parameters = Wind(snr_db=-10)
    degraded = apply(X, RATE, parameters, 3)
    added = degraded.signal.astype(np.float64) - X
    assert energy_db(X) - energy_db(added) == pytest.approx(-10, abs=0.01)
    wind = gusty_wind(len(X), RATE, 3, corner_hz=250, gust_db=6, gust_hz=0.7)
    np.testing.assert_allclose(added, wind * np.sqrt(np.mean(added**2)), atol=1e-6)
    assert degraded.measured["smallest_duck_gain_db"] == 0
    assert degraded.clipped is None
    assert np.abs(added).max() > 0.3


def test_speech_gives_way_where_the_wind_blows() -> None:
    plain, ducked = (Wind(snr_db=60, duck_ratio=ratio, gust_db=12) for ratio in (1, 20))
    wind = np.abs(gusty_wind(len(X), RATE, 9, corner_hz=250, gust_db=12, gust_hz=0.7))
    kept = apply(X, RATE, ducked, 9).signal / apply(X, RATE, plain, 9).signal
    loudness = np.convolve(wind, np.ones(800) / 800, "same")
    calm, stormy = (np.median(kept[part]) for part in (loudness < 0.2, loudness > np.quantile(loudness, 0.95)))
    assert calm > 0.9
    assert stormy < 0.5
    measured = apply(X, RATE, ducked, 9).measured
    # At most the whole range from the threshold to the peak, times 1 - 1 / ratio.
    assert measured["smallest_duck_gain_db"] == pytest.approx(20 * np.log10(0.2) * 0.95, abs=1e-6)


def test_level_of_the_input_does_not_matter() -> None:
    parameters = Wind(snr_db=0, duck_ratio=8)
    quiet, loud = (apply(np.float32(gain) * X, RATE, parameters, 4).signal for gain in (0.25, 4))
    np.testing.assert_allclose(16 * quiet, loud, rtol=1e-4, atol=1e-5)


def test_refuses_rates_that_no_noise_is_generated_at() -> None:
    with pytest.raises(ValueError, match="8000 to 96000 Hz, not 4000 Hz"):
        apply(X, 4_000, Wind(), 1)
