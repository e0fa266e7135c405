from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.level import _envelope, active_level_dbfs, rms_dbfs


def tone(seconds, rate, level_dbfs=-26.0):
    t = np.arange(round(seconds * rate)) / rate
    return np.sqrt(2) * 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * 440 * t)


def p56_by_the_book(x, rate):
    """Method B as the Recommendation's text counts it, sample by sample, thresholds 2**0 ... 2**-15."""
    g = np.exp(-1 / (rate * 0.03))
    thresholds = 2.0 ** -np.arange(16)[::-1]
    counts, hangs = np.zeros(16), np.full(16, round(0.2 * rate))
    p = q = 0.0
    for sample in np.abs(x):
        p = g * p + (1 - g) * sample
        q = g * q + (1 - g) * p
        for j in range(16):
            if q >= thresholds[j]:
                counts[j] += 1
                hangs[j] = 0
            elif hangs[j] < round(0.2 * rate):
                counts[j] += 1
                hangs[j] += 1
    energy = np.sum(x**2)
    levels = [(10 * np.log10(energy / n), 20 * np.log10(c)) for n, c in zip(counts, thresholds, strict=True) if n]
    for (a0, c0), (a1, c1) in pairwise(levels):
        if a0 - c0 >= 15.9 > a1 - c1:
            t = (a0 - c0 - 15.9) / ((a0 - c0) - (a1 - c1))
            return a0 + t * (a1 - a0)
    raise AssertionError("no crossing")


def test_rms():
    assert rms_dbfs(np.ones(10)) == 0
    assert rms_dbfs(tone(1, 16000, -3.01)) == pytest.approx(-3.01, abs=1e-3)
    assert rms_dbfs(np.zeros(10)) == rms_dbfs(np.zeros(0)) == -np.inf
    assert rms_dbfs(np.full(1000, 1e-30, np.float32)) == pytest.approx(-600)
    assert np.isnan(rms_dbfs(np.array([0.1, np.nan])))  # and is not taken for silence


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_a_steady_tone_is_all_active(rate):
    level, activity = active_level_dbfs(tone(10, rate), rate)
    assert level == pytest.approx(-26, abs=0.02)
    assert activity == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_pauses_do_not_count(rate):
    x = np.concatenate([tone(10, rate), np.zeros(10 * rate)])
    level, activity = active_level_dbfs(x, rate)
    # Half is active, and then the hang-over of 0.2 s and the fall of the envelope.
    assert 0.5 + 0.2 / 20 <= activity <= 0.5 + 0.4 / 20
    assert level == pytest.approx(rms_dbfs(x) - 10 * np.log10(activity), abs=1e-9)
    assert level == pytest.approx(-26, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(st.floats(-60, 20), st.integers(0, 1000))
def test_gain_moves_the_level_and_not_the_activity(gain_db, seed):
    x = normal_samples(key_of(seed, "p56"), 8000) * np.repeat([0.1, 0.001, 0.3, 0.01], 2000)
    level, activity = active_level_dbfs(x, 8000)
    moved, same = active_level_dbfs(10 ** (gain_db / 20) * x, 8000)
    assert moved == pytest.approx(level + gain_db, abs=1e-6)
    assert same == pytest.approx(activity, abs=1e-6)


def test_against_a_second_implementation():
    # The book's fixed thresholds and ours, tied to the peak, lie apart: interpolation makes that small.
    bursts = np.repeat([0.3, 0.002, 0.1, 0.0, 0.2, 0.001], 4000)
    x = bursts * normal_samples(key_of("book"), len(bursts))
    assert active_level_dbfs(x, 8000)[0] == pytest.approx(p56_by_the_book(x, 8000), abs=0.15)
    # With the envelope's peak on a power of two they are the same thresholds.
    x *= 0.25 / _envelope(x, 8000).max() * (1 + 1e-12)
    assert active_level_dbfs(x, 8000)[0] == pytest.approx(p56_by_the_book(x, 8000), abs=1e-6)


def test_silence_and_shapes():
    assert active_level_dbfs(np.zeros(1000), 16000) == (-np.inf, 0.0)
    assert active_level_dbfs(np.zeros(0), 16000) == (-np.inf, 0.0)
    assert active_level_dbfs(np.array([0.1]), 16000)[0] == pytest.approx(-20)
    with pytest.raises(ValueError, match="expected one channel"):
        active_level_dbfs(np.zeros((10, 2)), 16000)
    for broken in (np.nan, np.inf):
        with pytest.raises(ValueError, match="holds NaN or infinite samples"):
            active_level_dbfs(np.array([0.1, broken]), 16000)
