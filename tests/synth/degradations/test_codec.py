"""The coders: aligned, complete, repeatable, and mu-law equal to the formula of G.711."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.signal import butter, sosfilt

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.manifests.demo import demo_folder
from percepkit.synth.degradations import codec
from percepkit.synth.degradations._coders import CODERS, MP3_DELAY, Kind, round_trip
from percepkit.synth.degradations._interface import Degraded
from percepkit.synth.degradations.codec import Codec

KINDS = tuple(CODERS)


def lag_samples(x: np.ndarray, y: np.ndarray) -> float:
    """Delay of y behind x: the peak of their cross-correlation, interpolated by its exact Fourier series."""
    length = 2 * len(x)
    cross = np.fft.rfft(y, length) * np.conj(np.fft.rfft(x, length))
    peak = int(np.argmax(np.fft.irfft(cross, length)))
    peak -= length * (peak > len(x))
    turn = 2j * np.pi * np.arange(len(cross)) / length
    found = minimize_scalar(
        lambda lag: -float(np.sum((cross * np.exp(turn * lag)).real)),
        bounds=(peak - 1, peak + 1),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(found.x)


def noise(n_samples: int, sample_rate: int, seed: int = 0) -> np.ndarray:
    """Noise with most energy below 800 Hz, but some everywhere."""
    white = np.random.default_rng(seed).standard_normal(n_samples)
    low = sosfilt(butter(1, 800, fs=sample_rate, output="sos"), white)
    return (0.1 * low / np.sqrt(np.mean(low**2))).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> Callable[[int, float], np.ndarray]:
    files = sorted((demo_folder() / "speech").rglob("*.flac"))[::5]
    x = np.concatenate([read(path, channel=0)[0] for path in files])

    def at(sample_rate: int, seconds: float) -> np.ndarray:
        return resample(x[: int(16_000 * seconds)], 16_000, sample_rate)

    return at


def tolerance(kind: Kind, quality: float) -> float:
    """Of the lag in samples; below 20 kbit/s Opus keeps a noise's spectrum, not its waveform."""
    return 0.1 if kind == "opus" and quality < 0.3 else 0.05


def lag_at_coder_rate(x: np.ndarray, degraded: Degraded, sample_rate: int) -> float:
    return lag_samples(x, degraded.signal) * degraded.measured["coder_rate_hz"] / sample_rate


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize(
    ("kind", "quality"),
    [(kind, quality) for kind in ("mp3", "opus", "vorbis") for quality in (0.1, 0.4, 0.9)]
    + [(kind, 0.5) for kind in ("gsm", "mu-law", "a-law")],
)
def test_no_lag(kind: Kind, quality: float, sample_rate: int, speech: Callable[[int, float], np.ndarray]) -> None:
    for x in (speech(sample_rate, 2.017), noise(2 * sample_rate + 17, sample_rate)):
        degraded = codec.apply(x, sample_rate, Codec(kind=kind, quality=quality), 0)
        assert degraded.signal.shape == x.shape
        assert abs(lag_at_coder_rate(x, degraded, sample_rate)) < tolerance(kind, quality)


@pytest.mark.parametrize("kbps", [6.5, 11.5, 12.5, 24, 48, 63, 65])
def test_opus_modes_have_no_lag_where_the_modes_change(
    kbps: float, speech: Callable[[int, float], np.ndarray]
) -> None:
    """At 48 kHz its speech mode would lag by -2 samples, narrowband by +3."""
    quality = np.log(kbps / 6) / np.log(256 / 6)
    x = speech(48_000, 3)
    degraded = codec.apply(x, 48_000, Codec(kind="opus", quality=quality), 0)
    assert abs(lag_at_coder_rate(x, degraded, 48_000)) < 0.05


@pytest.mark.parametrize("n_samples", [1, 100, 575, 1105, 1152, 4_001, 70_001])
@pytest.mark.parametrize("kind", KINDS)
def test_any_length_comes_back_whole_and_aligned(kind: Kind, n_samples: int) -> None:
    """70,001 samples are more than one block of writing."""
    x = noise(n_samples, 8_000)
    for quality in (0.1, 0.9):
        y = round_trip(x, 8_000, kind, quality).signal
        assert y.dtype == np.float32
        assert y.shape == x.shape
        if n_samples > 4_000:
            assert abs(lag_samples(x, y)) < tolerance(kind, quality)


@pytest.mark.parametrize("n_samples", [4_000, 4_001, 4_321])
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_is_as_good_as_the_rest(kind: Kind, n_samples: int) -> None:
    x = noise(n_samples, 8_000)
    for quality in (0.4, 1.0):
        power = np.square(round_trip(x, 8_000, kind, quality).signal - x)
        assert power[-80:].mean() < 4 * power.mean()


def test_mp3_delay_with_and_without_the_tag_that_tells_it() -> None:
    """LAME has no room for its tag in frames of low bitrates; libsndfile then leaves the delay in."""
    x = noise(16_000, 16_000)
    trips = [round_trip(x, 16_000, "mp3", quality) for quality in (0.0, 1.0)]
    assert [trip.delay_samples for trip in trips] == [MP3_DELAY, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_repeatable(kind: Kind) -> None:
    x = noise(20_000, 44_100)
    first, second = (codec.apply(x, 44_100, Codec(kind=kind), key) for key in (1, 2))
    assert np.array_equal(first.signal, second.signal)
    assert first.measured == second.measured


@pytest.mark.parametrize("kind", KINDS)
def test_silence(kind: Kind) -> None:
    degraded = codec.apply(np.zeros(48_000, np.float32), 48_000, Codec(kind=kind), 0)
    assert np.abs(degraded.signal).max() < 1e-3
    assert "sdr_db" not in degraded.measured


@pytest.mark.parametrize("kind", ["mp3", "opus", "vorbis"])
def test_quality_raises_bitrate_and_sdr(kind: Kind, speech: Callable[[int, float], np.ndarray]) -> None:
    x = speech(48_000, 2)
    measured = [codec.apply(x, 48_000, Codec(kind=kind, quality=q), 0).measured for q in (0, 0.4, 0.8)]
    assert np.all(np.diff([m["bitrate_kbps"] for m in measured]) > 0)
    assert np.all(np.diff([m["sdr_db"] for m in measured]) > 1)


@pytest.mark.parametrize("kbps", [8, 16, 32, 64, 128])
def test_mp3_bitrate_is_as_asked(kbps: int) -> None:
    x = noise(16_000 * 10, 16_000)
    quality = np.log(kbps / 8) / np.log(20) + 1e-6
    measured = codec.apply(x, 16_000, Codec(kind="mp3", quality=quality), 0).measured
    assert measured["bitrate_kbps"] == pytest.approx(kbps, rel=0.03)


def test_bandwidth_is_what_the_coder_kept() -> None:
    x = noise(24_000, 48_000)
    for parameters, bandwidth_hz in [
        (Codec(kind="gsm"), 3_800),
        (Codec(kind="vorbis", quality=1, rate_limit_hz=16_000), 7_700),
        (Codec(kind="opus", quality=0.5), 7_700),
        (Codec(kind="opus", quality=1), 20_000),  # fullband ends at 20 kHz (RFC 6716, table 1)
        (Codec(kind="mp3", quality=1), 20_300),  # LAME's low-pass at 320 kbit/s
        (Codec(kind="mp3", quality=0), 8_200),
    ]:
        degraded = codec.apply(x, 48_000, parameters, 0)
        assert degraded.bandwidth_hz == pytest.approx(bandwidth_hz, abs=150)
        power = np.square(np.abs(np.fft.rfft(degraded.signal * np.hanning(len(x)))))
        above = np.fft.rfftfreq(len(x), 1 / 48_000) > 1.03 * degraded.bandwidth_hz
        assert power[above].mean() < 1e-2 * power.mean()


def mu_law(x: np.ndarray) -> np.ndarray:
    """G.711, table 2: full scale 8192; from 33 on, each doubling of magnitude + 33 has 16 equal steps."""
    biased = np.minimum(np.abs(x) * 8192, 8158) + 33
    step = 2.0 ** (np.floor(np.log2(biased)) - 4)
    return np.sign(x) * ((np.floor(biased / step) + 0.5) * step - 33) / 8192


def a_law(x: np.ndarray) -> np.ndarray:
    """G.711, table 1: full scale 4096; equal steps up to 64, then 16 to each doubling."""
    magnitude = np.minimum(np.abs(x) * 4096, 4095)
    step = 2.0 ** (np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))), 5) - 4)
    return np.where(x < 0, -1, 1) * (np.floor(magnitude / step) + 0.5) * step / 4096


@pytest.mark.parametrize(("kind", "law", "bits"), [("mu-law", mu_law, 14), ("a-law", a_law, 13)])
def test_g711_is_the_formula(kind: Kind, law: Callable[[np.ndarray], np.ndarray], bits: int) -> None:
    """Beside decision values, the rounding of the input to the coder's bits may choose the next step."""
    x = np.linspace(-1, 1, 40_001)
    y = round_trip(x.astype(np.float32), 8_000, kind, 0.5).signal
    beside = 2.0 ** (1 - bits)
    assert np.all(law(x - beside) <= y)
    assert np.all(y <= law(x + beside))
    assert np.mean(np.isclose(y, law(x), atol=1e-7)) > 0.95


@pytest.mark.parametrize(("kind", "law"), [("mu-law", mu_law), ("a-law", a_law)])
@pytest.mark.parametrize("amplitude", [0.9, 0.3, 0.05])
def test_g711_sdr_of_a_sine(kind: Kind, law: Callable[[np.ndarray], np.ndarray], amplitude: float) -> None:
    x = (amplitude * np.sin(np.sqrt(2) * np.arange(20_000))).astype(np.float32)
    expected = 10 * np.log10(np.mean(x**2) / np.mean((law(x) - x) ** 2))
    measured = codec.apply(x, 8_000, Codec(kind=kind), 0).measured["sdr_db"]
    # At a low level the rounding to 13 or 14 bits before the coder counts too.
    assert measured == pytest.approx(expected, abs=0.2 if amplitude > 0.1 else 1.5)
    assert 34 < measured < 41


@given(st.sampled_from(KINDS), st.integers(0, 1_500), st.integers(8_000, 96_000), st.floats(0, 1))
@settings(max_examples=40)
def test_any_request(kind: Kind, n_samples: int, sample_rate: int, quality: float) -> None:
    x = noise(n_samples, sample_rate) if n_samples else np.zeros(0, np.float32)
    degraded = codec.apply(x, sample_rate, Codec(kind=kind, quality=quality), 0)
    assert degraded.signal.shape == x.shape
    assert degraded.signal.dtype == np.float32
    assert np.isfinite(degraded.signal).all()
    assert degraded.measured["coder_rate_hz"] in CODERS[kind].rates


@pytest.mark.parametrize("kind", KINDS)
def test_far_beyond_full_scale_is_clipped(kind: Kind) -> None:
    """LAME would end the whole process by an assertion."""
    x = noise(9_000, 48_000) * np.float32(1e6)
    degraded = codec.apply(x, 48_000, Codec(kind=kind), 0)
    assert np.abs(degraded.signal).max() < 4
    assert degraded.clipped is not None
    assert np.array_equal(degraded.clipped, np.abs(x) > 1)


def test_refusals() -> None:
    for wrong in ({"kind": "amr"}, {"quality": 1.5}, {"rate_limit_hz": 7_999}, {"bitrate": 3}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Codec(**wrong)  # type: ignore[arg-type]
