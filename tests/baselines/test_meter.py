"""Meter: levels and attenuation in closed form."""

import numpy as np
import pytest

from percepkit.baselines.meter import SILENCE_DB, Meter


def test_levels_of_a_steady_sine():
    meter = Meter()
    sine = np.sin(2 * np.pi * 0.01 * np.arange(100))
    for _ in range(500):  # 5 s
        meter(0.5 * sine, 0.05 * sine, 10_000, 0.002)
    reading = meter.reading
    assert reading.seconds == pytest.approx(5)
    assert reading.input_db == pytest.approx(10 * np.log10(0.5**2 / 2), abs=0.01)
    assert reading.output_db == pytest.approx(reading.input_db - 20)
    assert reading.attenuation_db == pytest.approx(20)
    assert reading.real_time_factor == pytest.approx(0.2)


def test_levels_follow_and_the_attenuation_remembers():
    meter = Meter()
    meter(np.ones(1_000), np.ones(1_000), 1_000, 0.0)
    meter(np.zeros((400, 2)), np.zeros((400, 2)), 1_000, 0.0)  # one time constant of silence
    assert meter.reading.input_db == pytest.approx(10 * np.log10((1 - np.exp(-2.5)) * np.exp(-1)))
    assert meter.reading.attenuation_db == 0


def test_nothing_and_silence_have_readings():
    meter = Meter()
    assert meter.reading.real_time_factor == 0
    meter(np.zeros(0), np.zeros(0), 16_000, 0.0)
    meter(np.zeros(10), np.zeros(10), 16_000, 0.0)
    assert (meter.reading.input_db, meter.reading.attenuation_db) == (SILENCE_DB, 0)
