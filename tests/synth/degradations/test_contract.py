"""What every degradation promises, on all of its examples."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from percepkit.dsp.coloured import white
from percepkit.synth.degradations._interface import Degradation, Degraded, Parameters
from percepkit.synth.degradations.registry import load, names

CASES = [f"{name}-{number}" for name in names() for number in range(len(load(name).examples))]
LINEAR = [case for case in CASES if load(case.partition("-")[0]).linear]
# Filters that have no delay, yet shift some frequencies against others; their own tests show the former.
MINIMUM_PHASE = {"random_filter", "equaliser"}
ALIGNED = [case for case in CASES if case.partition("-")[0] not in MINIMUM_PHASE]
SILENT = 1e-3  # what codecs may make of silence


@cache
def chosen(case: str) -> tuple[Degradation, Parameters]:
    name, _, number = case.partition("-")
    degradation = load(name)
    return degradation, degradation.parameters.model_validate(dict(degradation.examples[int(number)]))


def degrade(case: str, x: np.ndarray, sample_rate: int, key: int = 5) -> Degraded:
    degradation, parameters = chosen(case)
    return degradation.apply(x, sample_rate, parameters, key)


@pytest.fixture(scope="module")
def speech(voice: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Callable[[int], np.ndarray]:
    """Maker of 1 s of vowel-like sound over a faint hiss."""

    @cache
    def make(sample_rate: int) -> np.ndarray:
        x = voice(sample_rate, 1.0)[0]
        x = (x / np.sqrt(np.mean(x**2)) + 0.03 * white(len(x), sample_rate, 1)) * 0.1
        x = x.astype(np.float32)
        x.flags.writeable = False
        return x

    return make


@pytest.mark.parametrize("name", names())
def test_is_described(name: str) -> None:
    degradation = load(name)
    assert degradation.name == name
    assert degradation.summary
    assert degradation.source
    assert degradation.examples
    assert issubclass(degradation.parameters, Parameters)
    for field, about in degradation.parameters.model_fields.items():
        assert about.description, f"{name}.{field} has no description"


@pytest.mark.parametrize("case", CASES)
def test_parameters_are_strict(case: str) -> None:
    degradation, parameters = chosen(case)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        degradation.parameters.model_validate(parameters.model_dump() | {"no_such_parameter": 1})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(parameters, next(iter(type(parameters).model_fields)), 1)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("case", CASES)
def test_keeps_length_type_and_input(case: str, sample_rate: int, speech: Callable[[int], np.ndarray]) -> None:
    x = speech(sample_rate)  # read-only: writing to it would raise
    first, second = degrade(case, x, sample_rate), degrade(case, x, sample_rate)
    assert first.signal.shape == x.shape
    assert first.signal.dtype == np.float32
    assert np.isfinite(first.signal).all()
    assert not np.shares_memory(first.signal, x)
    np.testing.assert_array_equal(first.signal, second.signal)
    assert first.measured == second.measured
    assert all(isinstance(value, float) and math.isfinite(value) for value in first.measured.values())
    assert first.bandwidth_hz is None or 0 < first.bandwidth_hz < sample_rate / 2
    for mask in (first.clipped, first.lost):
        assert mask is None or (mask.shape == x.shape and mask.dtype == np.bool_)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("case", CASES)
def test_takes_any_length(case: str, n_samples: int, speech: Callable[[int], np.ndarray]) -> None:
    degraded = degrade(case, speech(16_000)[:n_samples], 16_000)
    assert degraded.signal.shape == (n_samples,)
    assert degraded.signal.dtype == np.float32
    assert np.isfinite(degraded.signal).all()
    assert all(map(math.isfinite, degraded.measured.values()))


@pytest.mark.parametrize("case", CASES)
def test_silence_stays_silence(case: str) -> None:
    degraded = degrade(case, np.zeros(8_000, np.float32), 16_000)
    assert np.abs(degraded.signal).max() <= SILENT
    assert all(map(math.isfinite, degraded.measured.values()))


@pytest.mark.parametrize("case", CASES)
def test_refuses_what_is_no_signal(case: str) -> None:
    with pytest.raises(ValueError, match="float32"):
        degrade(case, np.zeros((2, 100), np.float32), 16_000)
    with pytest.raises(ValueError, match="float32"):
        degrade(case, np.zeros(100), 16_000)
    with pytest.raises(ValueError, match="NaN or an infinity"):
        degrade(case, np.full(100, np.nan, np.float32), 16_000)


@pytest.mark.parametrize("case", LINEAR)
def test_linear_ones_are_linear(case: str, speech: Callable[[int], np.ndarray]) -> None:
    x = speech(16_000)
    y = (0.1 * white(len(x), 16_000, 2)).astype(np.float32)
    apart = 0.5 * degrade(case, x, 16_000).signal + 2 * degrade(case, y, 16_000).signal
    together = degrade(case, np.float32(0.5) * x + np.float32(2) * y, 16_000).signal
    np.testing.assert_allclose(together, apart, rtol=0, atol=2e-6)


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
@pytest.mark.parametrize("case", ALIGNED)
def test_has_no_delay(case: str, sample_rate: int, speech: Callable[[int], np.ndarray]) -> None:
    y = degrade(case, speech(sample_rate), sample_rate).signal
    # The difference whitens: without it, the first harmonics and their phase alone decide.
    x, y = (np.diff(signal.astype(np.float64)) for signal in (speech(sample_rate), y))
    n_fft = 2 * len(x)
    correlation = np.fft.irfft(np.fft.rfft(y, n_fft) * np.conj(np.fft.rfft(x, n_fft)), n_fft)
    assert np.argmax(correlation) == 0
    before, peak, after = correlation[[-1, 0, 1]]
    lag_samples = (after - before) / (2 * (2 * peak - before - after))
    assert abs(lag_samples) < 0.1
