"""What every denoiser promises, checked on every one that is registered; oracles are told made-up stems."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate, lfilter

from percepkit.baselines.denoiser import Denoiser, Oracle
from percepkit.baselines.registry import load, names
from percepkit.baselines.trained import DENOISERS as TRAINED
from percepkit.dsp.stft import analyse, hop_length, n_frames, synthesise

NAMES = names()
NETWORKS = [network.spec.name for network in TRAINED]
RATES = [8_000, 16_000, 44_100, 48_000]


def rates_of(name: str) -> list[int]:
    """Rates at which a denoiser is checked, in Hz: its own, or some."""
    return list(load(name).spec.native_sample_rates or RATES)


def rate_of(name: str) -> int:
    """The rate at which it is checked where one is enough."""
    return 16_000 if 16_000 in rates_of(name) else rates_of(name)[0]


AT_RATES = [(name, sample_rate) for name in NAMES for sample_rate in rates_of(name)]
CAUSAL = [name for name in NAMES if load(name).spec.causal]
LEVEL = [name for name in NAMES if "level" in load(name).spec.invariances]
#: What gives strengths as well filters along the pitch besides, so that gains alone do not make its output.
GAINS = [name for name in NAMES if hasattr(load(name), "gains") and not hasattr(load(name), "predict")]


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


@pytest.mark.parametrize("name, sample_rate", [pair for pair in AT_RATES if pair[0] != "silence"])
def test_output_has_no_lag(name, sample_rate):
    item = stems(sample_rate, sample_rate)
    enhanced = ready(name, sample_rate, item)(item["noisy"], sample_rate)
    correlation = correlate(enhanced, item["clean"])
    assert np.argmax(correlation) - (len(enhanced) - 1) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [1, 7, 159, 160, 161, 4_321])
@pytest.mark.parametrize("name", NAMES)
def test_length_and_dtype_are_kept(name, n_samples, dtype):
    rate = rate_of(name)
    item = {key: stem[:n_samples].astype(dtype) for key, stem in stems(16_000, rate).items()}
    enhanced = ready(name, rate, item)(item["noisy"], rate)
    assert enhanced.shape == (n_samples,)
    assert enhanced.dtype == dtype
    assert np.isfinite(enhanced).all()


@pytest.mark.parametrize("name", NAMES)
def test_input_is_unmodified_and_result_repeatable(name):
    rate = rate_of(name)
    item = {key: stem.copy() for key, stem in stems(8_000, rate).items()}
    noisy = item["noisy"].copy()
    denoiser = ready(name, rate, item)
    first = denoiser(noisy, rate)
    assert np.array_equal(noisy, item["noisy"])
    assert not np.shares_memory(first, noisy)
    assert np.array_equal(first, denoiser(noisy, rate))


@pytest.mark.parametrize("name", NAMES)
def test_silence_stays_silent(name):
    item, rate = constant_item(0.0, 3_000, np.float32), rate_of(name)
    assert not ready(name, rate, item)(item["noisy"], rate).any()


@pytest.mark.parametrize("name", NAMES)
def test_gap_of_digital_silence_stays_silent(name):
    rate = rate_of(name)
    item = {key: stem.copy() for key, stem in stems(rate, rate).items()}
    for stem in item.values():
        stem[rate // 4 : rate // 2] = 0
    enhanced = ready(name, rate, item)(item["noisy"], rate)
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced[rate // 4 + rate // 50 : rate // 2 - rate // 50]).max() < 0.01


@pytest.mark.parametrize("value", [0.5, 1.0, -1.0])
@pytest.mark.parametrize("name", NAMES)
def test_dc_and_full_scale_are_finite_and_bounded(name, value):
    item, rate = constant_item(value, 3_000, np.float32), rate_of(name)
    enhanced = ready(name, rate, item)(item["noisy"], rate)
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced).max() <= 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_nan_and_infinity_are_refused(name, bad):
    rate = rate_of(name)
    item = stems(1_000, rate)
    noisy = item["noisy"].copy()
    noisy[500] = bad
    with pytest.raises(ValueError, match="1 of 1000 samples are NaN or infinite"):
        ready(name, rate, item)(noisy, rate)


@pytest.mark.parametrize(
    "noisy, expected",
    [(np.zeros(9, np.int16), "float32 or float64"), (np.zeros((9, 2)), "one channel")],
)
@pytest.mark.parametrize("name", NAMES)
def test_other_input_is_refused(name, noisy, expected):
    with pytest.raises(ValueError, match=expected):
        ready(name, rate_of(name), stems(9, rate_of(name)))(noisy, rate_of(name))


@pytest.mark.parametrize("gain_db", [-20, 20])
@pytest.mark.parametrize("name", LEVEL)
def test_level_invariance(name, gain_db):
    rate = rate_of(name)
    item = stems(rate, rate)
    gain = 10 ** (gain_db / 20)
    plain = ready(name, rate, item)(item["noisy"], rate)
    scaled_item = {key: gain * stem for key, stem in item.items()}
    scaled = ready(name, rate, scaled_item)(scaled_item["noisy"], rate)
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


def tolerance(name: str) -> float:
    """Largest difference between stream and whole signal; networks compute in single precision."""
    return 1e-4 if name in NETWORKS else 1e-6


@pytest.mark.parametrize("name", CAUSAL)
@settings(max_examples=15, deadline=None)
@given(
    n_samples=st.integers(1, 9_000),
    sizes=st.lists(st.integers(0, 2_000), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 200),
    turn=st.integers(0, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_stream_without_its_latency_equals_batch(name, n_samples, sizes, turn, dtype):
    sample_rate = rates_of(name)[turn % len(rates_of(name))]
    noisy = stems(9_000, sample_rate)["noisy"][:n_samples].astype(dtype)
    late = streamed(name, noisy, sample_rate, sizes)
    latency = load(name).latency_samples(sample_rate)
    assert late.dtype == dtype
    assert len(late) == n_samples + latency
    assert not late[:latency].any()
    assert np.abs(late[latency:] - load(name)(noisy, sample_rate)).max() < tolerance(name)


@pytest.mark.parametrize("name", CAUSAL)
def test_stream_takes_single_samples(name):
    rate = rates_of(name)[0]
    noisy = stems(1_000, rate)["noisy"]
    latency = load(name).latency_samples(rate)
    late = streamed(name, noisy, rate, [1])
    assert np.abs(late[latency:] - load(name)(noisy, rate)).max() < tolerance(name)


@pytest.mark.parametrize("name, sample_rate", [(name, rate) for name, rate in AT_RATES if name in CAUSAL])
def test_impulse_comes_out_after_the_latency(name, sample_rate):
    impulse = np.zeros(sample_rate // 5)
    impulse[sample_rate // 10 + 3] = 0.5
    late = streamed(name, impulse, sample_rate, [100])
    latency = load(name).latency_samples(sample_rate)
    # A network without gains to show makes spectra of its own, whose phases may move an impulse within its frame.
    slack = hop_length(sample_rate) if name in NETWORKS and not hasattr(load(name), "gains") else 0
    assert abs(np.argmax(np.abs(late)) - (sample_rate // 10 + 3 + latency)) <= slack


@pytest.mark.parametrize("name", CAUSAL)
def test_latency_is_all_the_future_there_is(name):
    rate = rate_of(name)
    noisy, at = stems(rate // 2, rate)["noisy"], rate // 4
    latency = load(name).latency_samples(rate)
    changed = noisy.copy()
    changed[at + latency :] = 0.3  # sample `at` is the first that may feel it
    plain, other = load(name)(noisy, rate), load(name)(changed, rate)
    assert np.array_equal(plain[:at], other[:at])
    assert not np.array_equal(plain[at : at + latency + 1], other[at : at + latency + 1])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_answer_within_40_ms(name):
    assert load(name).latency_samples(rate_of(name)) <= 0.04 * rate_of(name)


@pytest.mark.parametrize("name", GAINS)
def test_gains_are_gains_and_give_the_output(name):
    rate, hop = rate_of(name), hop_length(rate_of(name))
    noisy = stems(5_001, rate)["noisy"]
    gains = load(name).gains(noisy, rate)
    assert gains.shape == (n_frames(5_001, hop), hop + 1)
    assert gains.min() >= 0
    assert gains.max() <= 1
    expected = synthesise(gains * analyse(noisy, hop), 5_001)
    assert np.allclose(load(name)(noisy, rate), expected, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(load(name), "predict")])
def test_predicted_gains_and_strengths_are_shares(name):
    rate = rate_of(name)
    found = load(name).predict(stems(rate, rate)["noisy"], rate)
    mask = found.settings.layout(rate).mask
    for values in (found.gains, found.strengths):
        assert values.shape == (n_frames(rate, hop_length(rate)), len(mask))
        assert values.min() >= 0
        assert values.max() <= 1
        assert np.ptp(values[:, mask]) > 0
        assert not values[:, ~mask].any()
