"""Lines, sweeps and levels of the noises of machines."""

import numpy as np
import pytest
from scipy.signal import get_window

from percepkit.dsp.draws import key_of
from percepkit.dsp.tonal import car, fan, hum, siren

RATE = 16_000


def spectrum_db(x: np.ndarray, sample_rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power in dB of one windowed periodogram."""
    power = np.abs(np.fft.rfft(x * get_window("blackmanharris", x.size))) ** 2
    return np.fft.rfftfreq(x.size, 1 / sample_rate), 10 * np.log10(power + 1e-30)


@pytest.mark.parametrize("frequency_hz", [50.0, 60.0])
def test_hum_has_lines_at_the_harmonics_and_nothing_between(frequency_hz):
    hz, level_db = spectrum_db(hum(4 * RATE, RATE, 8, frequency_hz=frequency_hz, decay_db=6.0))
    for harmonic in range(1, 21):
        near = np.abs(hz - harmonic * frequency_hz) < frequency_hz / 2
        peak = np.argmax(np.where(near, level_db, -np.inf))
        assert hz[peak] == pytest.approx(harmonic * frequency_hz, rel=1e-3, abs=0.26)
        between = near & (np.abs(hz - harmonic * frequency_hz) > 0.4 * frequency_hz)
        assert level_db[between].max() < level_db[peak] - 50


def test_hum_falls_by_its_decay():
    levels = []
    for i in range(30):
        hz, level_db = spectrum_db(hum(RATE, RATE, i, frequency_hz=50.0, decay_db=9.0))
        levels.append([level_db[np.abs(hz - 50 * 2**octave) < 10].max() for octave in range(5)])
    slope, _ = np.polyfit(np.arange(5), np.mean(levels, axis=0), 1)
    assert slope == pytest.approx(-9, abs=0.7)


def test_hum_drifts_slightly():
    x = hum(60 * RATE, RATE, 2, frequency_hz=50.0, decay_db=6.0)
    carrier = np.exp(-2j * np.pi * 50 * np.arange(x.size) / RATE)
    line = (x * carrier).reshape(60, -1).mean(axis=1)  # the fundamental, second by second
    offset_hz = np.diff(np.unwrap(np.angle(line))) / (2 * np.pi)
    assert 0.003 < offset_hz.std() < 0.03
    assert 0.1 < np.std(20 * np.log10(np.abs(line))) < 0.6


@pytest.mark.parametrize(
    ("line_hz", "noise"),
    [
        (50, lambda key: hum(RATE, RATE, key, frequency_hz=50.0, decay_db=6.0)),
        (600, lambda key: siren(RATE, RATE, key, low_hz=600, high_hz=600, period_seconds=1.0)),
    ],
    ids=["hum", "siren"],
)
def test_phases_of_two_keys_differ(line_hz, noise):
    carrier = np.exp(-2j * np.pi * line_hz * np.arange(RATE) / RATE)
    phasors = np.array([np.sum(noise(key_of("phase", i)) * carrier) for i in range(60)])
    assert np.abs(np.mean(phasors / np.abs(phasors))) < 0.3


def test_hum_of_a_low_rate_does_not_fold():
    hz, level_db = spectrum_db(hum(16_000, 8_000, 8, frequency_hz=60.0, decay_db=3.0), 8_000)
    assert level_db[hz > 2_500].max() < level_db.max() - 60


@pytest.mark.parametrize(("period_seconds", "low_hz", "high_hz"), [(2.0, 500, 900), (0.8, 700, 1_300)])
def test_siren_sweeps_between_its_ends(period_seconds, low_hz, high_hz):
    x = siren(12 * RATE, RATE, 6, low_hz=low_hz, high_hz=high_hz, period_seconds=period_seconds)
    hop, size = 160, 640
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::hop] * np.hanning(size)
    hz = np.fft.rfftfreq(4_096, 1 / RATE)
    inside = (hz > 0.9 * low_hz) & (hz < 1.07 * min(high_hz, 2 * low_hz))
    ridge_hz = hz[inside][np.argmax(np.abs(np.fft.rfft(frames, 4_096))[:, inside], axis=1)]
    assert ridge_hz.min() == pytest.approx(low_hz, rel=0.03)
    assert ridge_hz.max() == pytest.approx(high_hz, rel=0.03)
    lines = np.abs(np.fft.rfft(ridge_hz - ridge_hz.mean(), 16 * ridge_hz.size))
    assert RATE / hop * np.argmax(lines) / (16 * ridge_hz.size) == pytest.approx(1 / period_seconds, rel=0.03)


def test_siren_keeps_under_the_nyquist_frequency():
    hz, level_db = spectrum_db(siren(16_000, 8_000, 1, low_hz=750, high_hz=1_700, period_seconds=1.0), 8_000)
    assert level_db[hz > 3_600].max() < level_db.max() - 50  # the second harmonic ends at 3400 Hz
    assert level_db[hz < 700].max() < level_db.max() - 50


@pytest.mark.parametrize(("low_hz", "high_hz"), [(900, 800), (0, 800), (600, 3_900)])
def test_siren_refuses_sweeps_it_cannot_make(low_hz, high_hz):
    with pytest.raises(ValueError, match="must rise and stay under 3800 Hz at 8000 Hz"):
        siren(100, 8_000, 1, low_hz=low_hz, high_hz=high_hz, period_seconds=1.0)


def test_fan_air_falls_by_12_db_an_octave_over_its_cutoff():
    x = fan(20 * 48_000, 48_000, 3, blade_hz=60, tone_db=-15, cutoff_hz=400)
    hz, level_db = spectrum_db(x, 48_000)
    power = 10 ** (level_db / 10)
    octaves = [10 * np.log10(power[(hz >= low) & (hz < 2 * low)].mean()) for low in (2_000, 4_000, 8_000)]
    assert np.diff(octaves) == pytest.approx([-12, -12], abs=0.5)


def test_fan_and_car_tones_stand_at_their_level_over_the_rest():
    for noise, line_hz, options in (
        (fan, 200, {"blade_hz": 200, "cutoff_hz": 300}),
        (car, 100, {"engine_hz": 100}),
    ):
        share = []
        for tone_db in (-12.0, 0.0):
            hz, level_db = spectrum_db(noise(20 * RATE, RATE, 4, tone_db=tone_db, **options))
            power = 10 ** (level_db / 10)
            share.append(power[np.abs(hz / line_hz - 1) < 0.03].sum() / power.sum())
        assert share[1] > 2 * share[0]
        assert share[1] > 0.15


def test_fan_blades_pass_at_their_frequency():
    hz, level_db = spectrum_db(fan(20 * RATE, RATE, 4, blade_hz=120, tone_db=0, cutoff_hz=250))
    peak_hz = hz[np.argmax(np.where(hz > 60, level_db, -np.inf))]
    assert min(abs(peak_hz / (120 * k) - 1) for k in range(1, 9)) < 0.015


def test_car_is_mostly_rumble():
    hz, level_db = spectrum_db(car(20 * RATE, RATE, 4, engine_hz=30, tone_db=-6))
    power = 10 ** (level_db / 10)
    assert power[hz < 200].sum() > 0.8 * power.sum()
    assert power[hz > 1_000].sum() > 1e-5 * power.sum()
