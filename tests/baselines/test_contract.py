"""What every denoiser promises, checked on every one that is registered; oracles are told made-up stems."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate, lfilter

from percepkit.baselines.denoiser import Denoiser, Oracle
from percepkit.baselines.registry import load, names
from percepkit.dsp.stft import n_frames

NAMES = names()
RATES = [8_000, 16_000, 44_100, 48_000]
CAUSAL = [name for name in NAMES if load(name).spec.causal]
LEVEL = [name for name in NAMES if "level" in load(name).spec.invariances]
GAINS = [name for name in NAMES if hasattr(load(name), "gains")]


@cache
def stems(n_samples: int, sample_rate: int) -> dict[str, np.ndarray]:
    """Voiced syllables of falling pitch, and noise 10 dB below; read-only."""
    generator = np.random.default_rng(7)
    time = np.arange(n_samples) / sample_rate
    cycles = np.cumsum(140 + 30 * np.cos(2 * np.pi * 0.7 * time)) / sample_rate
    pulses = (np.diff(np.floor(cycles), prepend=0) > 0) + 0.05 * generator.standard_normal(n_samples)
    speech = lfilter([1.0], [1, -1.3, 0.6], pulses) * np.clip(np.sin(2 * np.pi * 2.5 * time), 0, 1)
    speech *= 0.05 / (np.std(speech) + 1e-9)
    noise = generator.standard_normal(n_samples) * 0.05 / np.sqrt(10)
    made = {"clean": speech, "speech": speech, "noise": noise, "noisy": speech + noise}
    for stem in made.values():
        stem.setflags(write=False)
    return made


def ready(name: str, sample_rate: int, known: dict[str, np.ndarray]) -> Denoiser:
    """The denoiser, or the oracle's denoiser of the item."""
    found = load(name)
    return found.for_item(known, sample_rate) if isinstance(found, Oracle) else found


def constant_item(value: float, n_samples: int, dtype: type) -> dict[str, np.ndarray]:
    """An item whose speech is constant and whose noise is nothing."""
    clean = np.full(n_samples, value, dtype=dtype)
    return {"clean": clean, "speech": clean, "noise": 0 * clean, "noisy": clean}


@pytest.mark.parametrize("name", NAMES)
def test_spec_is_filled_in(name):
    spec = load(name).spec
    assert spec.name == name
    assert spec.summary.endswith(".")
    assert spec.paper


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "silence"])
def test_output_has_no_lag(name, sample_rate):
    item = stems(sample_rate, sample_rate)
    enhanced = ready(name, sample_rate, item)(item["noisy"], sample_rate)
    correlation = correlate(enhanced, item["clean"])
    assert np.argmax(correlation) - (len(enhanced) - 1) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [1, 7, 159, 160, 161, 4_321])
@pytest.mark.parametrize("name", NAMES)
def test_length_and_dtype_are_kept(name, n_samples, dtype):
    item = {key: stem[:n_samples].astype(dtype) for key, stem in stems(16_000, 16_000).items()}
    enhanced = ready(name, 16_000, item)(item["noisy"], 16_000)
    assert enhanced.shape == (n_samples,)
    assert enhanced.dtype == dtype
    assert np.isfinite(enhanced).all()


@pytest.mark.parametrize("name", NAMES)
def test_input_is_unmodified_and_result_repeatable(name):
    item = {key: stem.copy() for key, stem in stems(8_000, 16_000).items()}
    noisy = item["noisy"].copy()
    denoiser = ready(name, 16_000, item)
    first = denoiser(noisy, 16_000)
    assert np.array_equal(noisy, item["noisy"])
    assert not np.shares_memory(first, noisy)
    assert np.array_equal(first, denoiser(noisy, 16_000))


@pytest.mark.parametrize("name", NAMES)
def test_silence_stays_silent(name):
    item = constant_item(0.0, 3_000, np.float32)
    assert not ready(name, 16_000, item)(item["noisy"], 16_000).any()


@pytest.mark.parametrize("name", NAMES)
def test_gap_of_digital_silence_stays_silent(name):
    item = {key: stem.copy() for key, stem in stems(16_000, 16_000).items()}
    for stem in item.values():
        stem[4_000:8_000] = 0
    enhanced = ready(name, 16_000, item)(item["noisy"], 16_000)
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced[4_320:7_680]).max() < 0.01


@pytest.mark.parametrize("value", [0.5, 1.0, -1.0])
@pytest.mark.parametrize("name", NAMES)
def test_dc_and_full_scale_are_finite_and_bounded(name, value):
    item = constant_item(value, 3_000, np.float32)
    enhanced = ready(name, 16_000, item)(item["noisy"], 16_000)
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced).max() <= 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_nan_and_infinity_are_refused(name, bad):
    item = stems(1_000, 16_000)
    noisy = item["noisy"].copy()
    noisy[500] = bad
    with pytest.raises(ValueError, match="1 of 1000 samples are NaN or infinite"):
        ready(name, 16_000, item)(noisy, 16_000)


@pytest.mark.parametrize(
    "noisy, expected",
    [(np.zeros(9, np.int16), "float32 or float64"), (np.zeros((9, 2)), "one channel")],
)
@pytest.mark.parametrize("name", NAMES)
def test_other_input_is_refused(name, noisy, expected):
    with pytest.raises(ValueError, match=expected):
        ready(name, 16_000, stems(9, 16_000))(noisy, 16_000)


@pytest.mark.parametrize("gain_db", [-20, 20])
@pytest.mark.parametrize("name", LEVEL)
def test_level_invariance(name, gain_db):
    item = stems(16_000, 16_000)
    gain = 10 ** (gain_db / 20)
    plain = ready(name, 16_000, item)(item["noisy"], 16_000)
    scaled_item = {key: gain * stem for key, stem in item.items()}
    scaled = ready(name, 16_000, scaled_item)(scaled_item["noisy"], 16_000)
    assert np.linalg.norm(scaled / gain - plain) < 1e-4 * np.linalg.norm(plain)


def streamed(name: str, noisy: np.ndarray, sample_rate: int, sizes: list[int]) -> np.ndarray:
    """Run a stream over blocks of the given sizes, round and round, to the last sample of its flush."""
    stream, position, turn, parts = load(name).stream(sample_rate), 0, 0, []
    while position < len(noisy):
        block = noisy[position : position + sizes[turn % len(sizes)]]
        parts.append(stream.process(block))
        assert parts[-1].shape == block.shape
        position, turn = position + len(block), turn + 1
    parts.append(stream.flush())
    return np.concatenate(parts)


@pytest.mark.parametrize("name", CAUSAL)
@settings(max_examples=15, deadline=None)
@given(
    n_samples=st.integers(1, 9_000),
    sizes=st.lists(st.integers(0, 2_000), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 200),
    sample_rate=st.sampled_from(RATES),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_stream_without_its_latency_equals_batch(name, n_samples, sizes, sample_rate, dtype):
    noisy = stems(9_000, sample_rate)["noisy"][:n_samples].astype(dtype)
    late = streamed(name, noisy, sample_rate, sizes)
    latency = load(name).latency_samples(sample_rate)
    assert late.dtype == dtype
    assert len(late) == n_samples + latency
    assert not late[:latency].any()
    assert np.abs(late[latency:] - load(name)(noisy, sample_rate)).max() < 1e-6


@pytest.mark.parametrize("name", CAUSAL)
def test_stream_takes_single_samples(name):
    noisy = stems(1_000, 8_000)["noisy"]
    latency = load(name).latency_samples(8_000)
    late = streamed(name, noisy, 8_000, [1])
    assert np.abs(late[latency:] - load(name)(noisy, 8_000)).max() < 1e-6


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", CAUSAL)
def test_impulse_comes_out_after_the_latency(name, sample_rate):
    impulse = np.zeros(sample_rate // 5)
    impulse[sample_rate // 10 + 3] = 0.5
    late = streamed(name, impulse, sample_rate, [100])
    latency = load(name).latency_samples(sample_rate)
    assert np.argmax(np.abs(late)) == sample_rate // 10 + 3 + latency


@pytest.mark.parametrize("name", CAUSAL)
def test_latency_is_all_the_future_there_is(name):
    noisy = stems(8_000, 16_000)["noisy"]
    latency = load(name).latency_samples(16_000)
    changed = noisy.copy()
    changed[4_000 + latency :] = 0.3  # sample 4,000 is the first that may feel it
    plain, other = load(name)(noisy, 16_000), load(name)(changed, 16_000)
    assert np.array_equal(plain[:4_000], other[:4_000])
    assert not np.array_equal(plain[4_000 : 4_000 + latency + 1], other[4_000 : 4_000 + latency + 1])


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_gains_and_give_the_output(name):
    from percepkit.dsp.stft import analyse, synthesise

    noisy = stems(5_001, 16_000)["noisy"]
    gains = load(name).gains(noisy, 16_000)
    assert gains.shape == (n_frames(5_001, 160), 161)
    assert gains.min() >= 0
    assert gains.max() <= 1
    expected = synthesise(gains * analyse(noisy, 160), 5_001)
    assert np.allclose(load(name)(noisy, 16_000), expected, atol=1e-12)
