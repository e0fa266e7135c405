"""Pitch: synthetic voices whose pitch is known, clean and in noise; degenerate signals; other trackers."""

import importlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter, resample_poly

from percepkit.audio.files import read
from percepkit.dsp.noise import babble, generate
from percepkit.dsp.pitch import MAX_F0_HZ, MIN_F0_HZ, track_pitch
from percepkit.dsp.stft import hop_length, n_frames

RATES = (8000, 16_000, 44_100, 48_000)
RENDER_HZ = 96_000
SECONDS = 4.0
AH, EE = ((700, 80), (1200, 90), (2600, 150), (3500, 250)), ((300, 60), (2300, 110), (3000, 200))
CHILD_AH, CHILD_EE = ((1000, 100), (1500, 120), (3200, 180)), ((430, 80), (2800, 130), (3400, 200))
#: mean f0, its movement, and (frequency, bandwidth) of the formants
VOICES = {
    "creaky man": (78.0, "steady", AH),
    "man": (113.7, "glide", AH),
    "man, ee": (113.7, "vibrato", EE),
    "woman": (210.9, "glide", AH),
    "woman, ee": (210.9, "steady", EE),
    "child": (320.0, "steady", CHILD_AH),
    "child, ee": (331.7, "vibrato", CHILD_EE),
    "high child": (380.0, "glide", CHILD_EE),
}
OCTAVES = {
    "steady": lambda t: np.zeros_like(t),
    "vibrato": lambda t: 0.1 * np.sin(2 * np.pi * 5.5 * t),  # 1.2 semitones to each side, as singers do
    "glide": lambda t: 0.35 * np.sin(2 * np.pi * 0.6 * t + 1),  # up to 1.3 octaves a second
}


def glottal_flow(phase):
    """Derivative of a Rosenberg pulse: opens over 0.4 of the period, closes over 0.16."""
    opening = 0.5 * np.pi / 0.4 * np.sin(np.pi * phase / 0.4)
    closing = -0.5 * np.pi / 0.16 * np.sin(0.5 * np.pi * (phase - 0.4) / 0.16)
    return np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))


def resonate(x, frequency_hz, bandwidth_hz):
    radius, angle = np.exp(-np.pi * bandwidth_hz / RENDER_HZ), 2 * np.pi * frequency_hz / RENDER_HZ
    poles = [1, -2 * radius * np.cos(angle), radius**2]
    return lfilter([sum(poles)], poles, x)


@lru_cache
def render(name):
    """Voice in phrases with ramps of 10 ms between, its f0, and where it is on, all at the rendering rate."""
    f0_hz, movement, formants = VOICES[name]
    t = np.arange(int(SECONDS * RENDER_HZ)) / RENDER_HZ
    f0 = f0_hz * 2 ** OCTAVES[movement](t)
    x = glottal_flow(np.cumsum(f0) / RENDER_HZ % 1)
    for formant in formants:
        x = resonate(x, *formant)
    on = np.sin(2 * np.pi * 0.9 * t + 1) > -0.3
    ramp = RENDER_HZ // 100
    x *= np.convolve(np.pad(on.astype(float), ramp // 2, mode="edge")[:-1], np.full(ramp, 1 / ramp), "valid")
    return 0.1 * x / np.sqrt(np.mean(x[on] ** 2)), f0, on


@lru_cache
def sing(name, sample_rate):
    """Voice of RMS 0.1 where it is on."""
    common = np.gcd(sample_rate, RENDER_HZ)
    return resample_poly(render(name)[0], sample_rate // common, RENDER_HZ // common)


def truth(name, sample_rate, hop):
    """F0 and voicing at the centres of frames."""
    _, f0, on = render(name)
    frames = n_frames(len(sing(name, sample_rate)), hop)
    at = np.minimum(np.rint(np.arange(frames) * hop / sample_rate * RENDER_HZ).astype(int), len(f0) - 1)
    return f0[at], on[at]


def noise(kind, n_samples, sample_rate):
    """Noise 10 dB below the active voice."""
    if kind == "speech-shaped":
        x = lfilter(
            [1], [1, -np.exp(-2 * np.pi * 300 / sample_rate)], generate("white", n_samples, sample_rate, 5, {})
        )
    elif kind == "babble":
        x = babble([sing(name, sample_rate) for name in VOICES], n_samples, sample_rate, 5)
    else:
        x = generate(kind, n_samples, sample_rate, 5, {})
    return x * 0.1 * 10 ** (-10 / 20) / np.sqrt(np.mean(x**2))


def errors(period, f0, voiced, sample_rate):
    """Shares of gross errors, misses and false alarms; cents of all voiced frames that are not grossly wrong."""
    found = period > 0
    both = voiced & found
    cents = 1200 * np.log2(sample_rate / period[both] / f0[both])
    gross = np.abs(2 ** (cents / 1200) - 1) > 0.2
    return np.array([gross.mean(), np.mean(~found[voiced]), np.mean(found[~voiced])]), cents[~gross]


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", VOICES)
def test_known_pitch_is_found(name, sample_rate):
    x = sing(name, sample_rate)
    f0, voiced = truth(name, sample_rate, hop_length(sample_rate))
    wrong, cents = errors(track_pitch(x, sample_rate), f0, voiced, sample_rate)
    assert (wrong <= [0.01, 0.05, 0.05]).all(), wrong
    assert np.median(np.abs(cents)) < 10
    for kind in ("white", "pink", "speech-shaped"):
        noisy = x + noise(kind, len(x), sample_rate)
        wrong, cents = errors(track_pitch(noisy, sample_rate), f0, voiced, sample_rate)
        assert (wrong <= [0.05, 0.15, 0.15]).all(), (kind, wrong)
        assert np.median(np.abs(cents)) < 12


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("name", VOICES)
def test_pitch_survives_babble(name, sample_rate):
    """False alarms are not judged: in the pauses the only voices are the babble's, and they have a pitch."""
    x = sing(name, sample_rate)
    noisy = x + noise("babble", len(x), sample_rate)
    f0, voiced = truth(name, sample_rate, hop_length(sample_rate))
    wrong, _ = errors(track_pitch(noisy, sample_rate), f0, voiced, sample_rate)
    assert (wrong[:2] <= [0.05, 0.15]).all(), wrong


@pytest.mark.parametrize("sample_rate", [*RATES, 11_025, 22_050, 32_000, 96_000, 192_000])
@pytest.mark.parametrize("f0_hz", [65.3, 113.7, 210.9, 331.7, 463.1])
def test_periods_have_exact_fractions(f0_hz, sample_rate):
    t = np.arange(sample_rate) / sample_rate
    x = sum(np.cos(2 * np.pi * k * f0_hz * t + k * k) / k for k in range(1, int(3800 / f0_hz)))
    period = track_pitch(x, sample_rate)[5:-5]
    assert period.all()
    error = period - sample_rate / f0_hz
    assert np.abs(1200 * np.log2(period * f0_hz / sample_rate)).max() < 0.4
    assert np.abs(error).max() < 0.12 * sample_rate / 48_000


@pytest.mark.parametrize("f0_hz", [65, 100, 250, 480])
def test_a_pure_tone_is_not_taken_for_its_double(f0_hz):
    period = track_pitch(np.sin(2 * np.pi * f0_hz * np.arange(16_000) / 16_000), 16_000)
    np.testing.assert_allclose(period[5:-5], 16_000 / f0_hz, rtol=2e-3)


@pytest.mark.parametrize("hop", [37, 80, 240, 400])
def test_frames_lie_where_the_hop_says(hop):
    x, (f0, voiced) = sing("man", 16_000), truth("man", 16_000, hop)
    period = track_pitch(x, 16_000, hop=hop)
    assert period.shape == (n_frames(len(x), hop),)
    wrong, cents = errors(period, f0, voiced, 16_000)
    assert (wrong <= [0.01, 0.05, 0.05]).all(), wrong
    assert np.median(np.abs(cents)) < 5


def test_no_frame_depends_on_its_place_in_the_batch():
    x, hop = sing("woman", 48_000).astype(np.float32), 480
    x[:hop] = 0.0
    alone = track_pitch(x, 48_000)
    later = track_pitch(np.concatenate([np.zeros(137 * hop, np.float32), x]), 48_000)
    np.testing.assert_array_equal(later[137:], alone)
    assert not later[:135].any()
    longer = track_pitch(np.concatenate([x, x]), 48_000)
    np.testing.assert_array_equal(longer[: len(alone) - 20], alone[:-20])


def test_precision_level_and_sign_do_not_matter():
    x = sing("child", 48_000).astype(np.float32)
    x.setflags(write=False)
    period = track_pitch(x, 48_000)
    assert (period > 0).mean() > 0.5
    np.testing.assert_array_equal(track_pitch(x.astype(np.float64), 48_000), period)
    np.testing.assert_array_equal(track_pitch(-x, 48_000), period)
    np.testing.assert_array_equal(track_pitch(x * np.float32(2**-12), 48_000), period)


def test_an_offset_does_not_matter():
    x = sing("man", 16_000)
    moved, period = track_pitch(x + 0.5, 16_000), track_pitch(x, 16_000)
    both = (moved > 0) & (period > 0)
    assert both.mean() > 0.98 * (period > 0).mean()
    np.testing.assert_allclose(moved[both], period[both], rtol=1e-3)


@pytest.mark.parametrize("sample_rate", [8000, 11_025, 16_000, 44_100, 192_000])
@pytest.mark.parametrize("n_samples", [0, 1, 2, 99, 320, 8000])
def test_silence_offset_and_a_click_have_no_pitch(n_samples, sample_rate):
    click = np.zeros(n_samples)
    click[n_samples // 2 : n_samples // 2 + 1] = 1.0
    for x in (np.zeros(n_samples), np.full(n_samples, 0.7), click):
        period = track_pitch(x, sample_rate)
        assert period.shape == (n_frames(n_samples, hop_length(sample_rate)),)
        assert not period.any()


@pytest.mark.parametrize("kind", ["white", "pink", "speech-shaped"])
@pytest.mark.parametrize("sample_rate", RATES)
def test_noise_alone_has_little_pitch(kind, sample_rate):
    assert (track_pitch(noise(kind, 10 * sample_rate, sample_rate), sample_rate) > 0).mean() < 0.01


def test_periods_stay_in_range():
    period = track_pitch(np.random.default_rng(0).standard_normal(16_000).cumsum(), 16_000)
    for f0_hz in (40, 55, 520, 700):
        period = np.append(period, track_pitch(np.sin(2 * np.pi * f0_hz * np.arange(16_000) / 16_000), 16_000))
    voiced = period[period > 0]
    assert (voiced >= 16_000 / MAX_F0_HZ - 2).all()
    assert (voiced <= 16_000 / MIN_F0_HZ + 2).all()


def test_wrong_signals_are_refused():
    with pytest.raises(ValueError, match="at least 8000 Hz, found 4000"):
        track_pitch(np.zeros(4000), 4000)
    with pytest.raises(ValueError, match=r"one channel.*found shape \(100, 2\)"):
        track_pitch(np.zeros((100, 2)), 16_000)


@pytest.mark.parametrize("other, module", [("praat", "parselmouth"), ("world", "pyworld")])
def test_real_speech_agrees_with_other_trackers(shared, monkeypatch, other, module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    trackers = importlib.import_module("pitch_agreement")
    paths = [
        *sorted((shared / "corpus/speech/arctic").rglob("*.*")),
        *sorted((shared / "corpus/speech/librispeech").rglob("*.*")),
        *sorted((shared / "corpus/speech/kathleen").rglob("*.flac"))[:4],
    ]
    sounds = [read(path, channel=0) for path in paths]
    ours, theirs = (
        np.concatenate([tracker(x, rate) for x, rate in sounds])
        for tracker in (trackers.percepkit, getattr(trackers, other))
    )
    found = trackers.compare(ours, theirs)
    assert found["gross"] < 2
    assert found["first only"] < 8
    assert found["second only"] < 8
    assert found["cents"] < 10
