"""Responses made of reflections: pulses where and as loud as they arrive, a tail with the energy asked."""

import numpy as np
import pytest

from percepkit.dsp.room_response import HALF_TAPS, diffuse_tail, early_reflections, octave_centres

SPEED = 343.0


@pytest.mark.parametrize("sample_rate, highest", [(8000, 4000), (16000, 8000), (44100, 16000), (48000, 16000)])
def test_octaves_end_below_half_the_rate(sample_rate, highest):
    assert octave_centres(sample_rate)[0] == 125
    assert octave_centres(sample_rate)[-1] == highest


@pytest.mark.parametrize("sample_rate", [16000, 48000])
def test_a_pulse_stands_where_it_arrives_and_rings_no_further_ahead_than_its_wing(sample_rate):
    gains = np.linspace(0.9, 0.2, len(octave_centres(sample_rate)))[:, None]
    delay = 5.2 / SPEED * sample_rate
    h = early_reflections(np.array([5.2]), gains, sample_rate, speed_of_sound=SPEED)
    assert not h[: int(delay)].any()
    assert abs(np.argmax(np.abs(h)) - delay - HALF_TAPS) < 2


@pytest.mark.parametrize("sample_rate", [16000, 48000])
def test_octaves_have_the_gains_asked(sample_rate):
    centres = octave_centres(sample_rate)
    gains = np.array([0.9, 0.5, 0.8, 0.3, 0.6, 0.2, 0.4, 0.1])[: len(centres), None]
    h = early_reflections(np.array([2.0]), gains, sample_rate, speed_of_sound=SPEED)
    spectrum = np.abs(np.fft.rfft(h, sample_rate))
    inside = centres < 0.49 * sample_rate
    # Lowest octaves last: their curve is finer than 20 ms of filter can follow.
    measured = spectrum[centres[inside].astype(int)]
    np.testing.assert_allclose(measured[2:], gains[inside, 0][2:], rtol=0.03)
    np.testing.assert_allclose(measured[:2], gains[:2, 0], rtol=0.2)


def test_reflections_add_up():
    distances, gains = np.array([1.0, 3.3, 4.7]), np.full((7, 3), [0.9, -0.0 + 0.4, 0.2])
    together = early_reflections(distances, gains, 16000, speed_of_sound=SPEED)
    alone = np.zeros_like(together)
    for i in range(3):
        h = early_reflections(distances[[i]], gains[:, [i]], 16000, speed_of_sound=SPEED)
        alone[: len(h)] += h
    np.testing.assert_allclose(together, alone, atol=1e-12)


def test_a_tail_has_the_energy_of_each_octave_over_time():
    sample_rate, bin_samples = 48000, 192
    decay = 10 ** (-6 * np.arange(200) * bin_samples / sample_rate / np.linspace(0.3, 1.2, 8)[:, None])
    h = diffuse_tail(decay, bin_samples, sample_rate, start=0, volume_m3=60, speed_of_sound=SPEED, key=4)[
        HALF_TAPS:
    ]
    for first, last in ((20, 60), (60, 120)):
        power = np.abs(np.fft.rfft(h[first * bin_samples : last * bin_samples])) ** 2
        hertz = np.fft.rfftfreq((last - first) * bin_samples, 1 / sample_rate)
        for band in (2, 4, 6, 7):
            centre = 125 * 2**band
            inside = (hertz > centre / 1.1) & (hertz < centre * 1.1)
            level_db = 10 * np.log10(power[inside].mean() / decay[band, first:last].sum())
            assert abs(level_db) < 2.5 if band > 2 else 5, (band, first)


def test_tails_depend_on_their_key_and_start_in_time():
    made = {"bin_samples": 64, "sample_rate": 16000, "start": 300, "volume_m3": 40.0, "speed_of_sound": SPEED}
    first, same, other = (diffuse_tail(np.ones((7, 30)), **made, key=key) for key in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.2
    assert not first[: HALF_TAPS + 300].any()
    assert first[HALF_TAPS + 300 : HALF_TAPS + 400].any()
