import numpy as np
import pytest

from percepkit.dsp.wind import gusty_wind

RATE = 16_000


def test_spectrum_falls_as_described() -> None:
    x = gusty_wind(60 * RATE, RATE, 5, corner_hz=400, gust_db=0, gust_hz=0.7)
    power = np.abs(np.fft.rfft(x)) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / RATE)

    def density_db(low_hz: float) -> float:
        return 10 * float(np.log10(power[(hz >= low_hz) & (hz < 1.1 * low_hz)].mean()))

    assert density_db(30) - density_db(120) == pytest.approx(6, abs=1.5)
    assert density_db(5_000) < density_db(30) - 50
    assert np.sqrt(np.mean(x**2)) == pytest.approx(1)


def test_gusts_swell_and_carry_higher_frequencies() -> None:
    def frames(gust_db: float) -> np.ndarray:
        x = gusty_wind(60 * RATE, RATE, 6, corner_hz=250, gust_db=gust_db, gust_hz=0.5)
        return np.abs(np.fft.rfft(x.reshape(-1, RATE // 4), axis=1)) ** 2

    levels_db = [10 * np.log10(frames(gust_db).sum(axis=1)) for gust_db in (0.0, 8.0)]
    assert np.std(levels_db[0]) < 3
    assert np.std(levels_db[1]) > 6
    gusty = frames(8.0)
    high_share = gusty[:, 100:].sum(axis=1) / gusty.sum(axis=1)  # above 400 Hz
    assert np.corrcoef(10 * np.log10(high_share), levels_db[1])[0, 1] > 0.5


def test_keys_give_other_winds_and_do_not_repeat() -> None:
    first, second = (gusty_wind(10 * RATE, RATE, key, corner_hz=250, gust_db=0, gust_hz=0.7) for key in (1, 2))
    assert abs(np.mean(first * second)) < 0.2
    n_fft = 2 * len(first)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(first, n_fft)) ** 2, n_fft)[: len(first)]
    assert np.abs(correlation[RATE // 2 :]).max() < 0.2 * correlation[0]
