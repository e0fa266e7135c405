import numpy as np
import pytest

from percepkit.dsp.activity import effective_bandwidth_hz
from percepkit.dsp.coloured import white
from percepkit.synth.degradations.band_limit import BandLimit, Kind, apply

RATE = 48_000
KINDS: list[Kind] = ["resample", "butterworth", "chebyshev", "elliptic"]


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return (0.1 * white(3 * RATE, RATE, 4)).astype(np.float32)


def power_db(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    return 10 * float(np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cutoff_hz", [3_400.0, 4_000.0, 11_025.0])
def test_nothing_is_left_above_the_reported_bandwidth(noise: np.ndarray, kind: Kind, cutoff_hz: float) -> None:
    degraded = apply(noise, RATE, BandLimit(cutoff_hz=cutoff_hz, kind=kind, order=8), 0)
    end_hz = degraded.bandwidth_hz
    assert end_hz is not None
    assert end_hz >= cutoff_hz
    before, after = (power_db(x, end_hz, RATE / 2) for x in (noise, degraded.signal))
    assert after < before - 50
    kept, given = (power_db(x, 0, 0.8 * cutoff_hz) for x in (degraded.signal, noise))
    assert kept == pytest.approx(given, abs=0.5)
    assert effective_bandwidth_hz(degraded.signal, RATE) == pytest.approx(end_hz, rel=0.05)


def test_resampling_leaves_half_the_lower_rate(noise: np.ndarray) -> None:
    assert apply(noise, RATE, BandLimit(cutoff_hz=3_999.6), 0).bandwidth_hz == 3_999.5


def test_a_gentle_slope_that_never_ends_the_band_reports_none(noise: np.ndarray) -> None:
    gentle = BandLimit(cutoff_hz=3_500, kind="butterworth", order=2)
    assert apply(noise[:16_000], 8_000, gentle, 0).bandwidth_hz is not None  # the bilinear zero at Nyquist
    shallow = BandLimit(cutoff_hz=3_999, kind="chebyshev", order=2)
    assert apply(noise[:16_000], 8_000, shallow, 0).bandwidth_hz is None


@pytest.mark.parametrize("kind", KINDS)
def test_phase_is_zero(kind: Kind) -> None:
    impulse = np.zeros(4_801, np.float32)
    impulse[2_400] = 1
    h = apply(impulse, RATE, BandLimit(cutoff_hz=4_000, kind=kind, order=8), 0).signal
    np.testing.assert_allclose(h, h[::-1], atol=2e-5)
    assert h.argmax() == 2_400


def test_the_energy_lost_is_measured(noise: np.ndarray) -> None:
    degraded = apply(noise, RATE, BandLimit(cutoff_hz=6_000), 0)
    assert degraded.measured["gain_db"] == pytest.approx(10 * np.log10(6 / 24), abs=0.4)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_cutoff_from_nyquist_on(kind: Kind) -> None:
    with pytest.raises(ValueError, match=r"a band at 16000 Hz ends at 8000 Hz already; .* found 8000 Hz"):
        apply(np.ones(9, np.float32), 16_000, BandLimit(cutoff_hz=8_000, kind=kind), 0)
