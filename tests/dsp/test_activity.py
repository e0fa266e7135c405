import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.dsp.activity import active_span_seconds, effective_bandwidth_hz, kept_bandwidth_hz
from percepkit.dsp.draws import key_of, normal_samples


def band_limited(cutoff_hz, rate, seconds=3):
    """Noise with nothing above a frequency."""
    spectrum = np.fft.rfft(normal_samples(key_of("band", cutoff_hz), seconds * rate))
    spectrum[np.fft.rfftfreq(seconds * rate, 1 / rate) > cutoff_hz] = 0
    return np.fft.irfft(spectrum)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("cutoff_hz", [2000, 3400, 5500, 7900, 12000, 20000])
def test_brick_walls(rate, cutoff_hz):
    assert effective_bandwidth_hz(band_limited(cutoff_hz, rate), rate) == pytest.approx(
        min(cutoff_hz, rate / 2), rel=0.05
    )


def test_level_and_pauses_do_not_matter():
    x = band_limited(5000, 16000)
    bandwidth = effective_bandwidth_hz(x, 16000)
    assert effective_bandwidth_hz(1e-6 * x, 16000) == bandwidth
    hiss = 1e-4 * normal_samples(key_of("hiss"), 90 * 16000)
    assert effective_bandwidth_hz(np.concatenate([x, hiss]), 16000) == pytest.approx(5000, rel=0.05)


def test_a_click_does_not_fill_the_band():
    x = band_limited(5000, 16000)
    x[20_000] += 5 * x.std()
    assert effective_bandwidth_hz(x, 16000) == pytest.approx(5000, rel=0.05)


def test_brown_noise_is_full_band():
    x = np.cumsum(normal_samples(key_of("brown"), 96_000))
    assert effective_bandwidth_hz(x - x.mean(), 48000) > 22_000


def test_short_and_silent():
    assert effective_bandwidth_hz(np.zeros(1000), 16000) == 0
    assert effective_bandwidth_hz(np.zeros(0), 16000) == 0
    assert effective_bandwidth_hz(np.array([0.5]), 16000) == pytest.approx(8000, rel=0.05)
    with pytest.raises(ValueError, match="expected one channel"):
        effective_bandwidth_hz(np.zeros((10, 2)), 16000)


def test_speech_that_was_upsampled(shared):
    for path in sorted((shared / "corpus/speech/kathleen").iterdir())[:4]:
        x, rate = read(path, channel=0)
        assert effective_bandwidth_hz(x, rate) > 20_000
        narrow = resample(x, rate, 16000)
        assert 7000 < effective_bandwidth_hz(narrow, 16000) <= 8000
        upsampled = np.rint(resample(narrow, 16000, 48000) * 32768) / 32768  # the noise of 16 bits is full-band
        assert effective_bandwidth_hz(upsampled, 48000) == pytest.approx(7800, rel=0.05)


@pytest.mark.parametrize("cutoff_hz", [1000, 3400, 7000])
def test_kept_bandwidth_is_that_of_a_low_pass(cutoff_hz):
    before = np.random.default_rng(2).standard_normal(32000)
    spectrum = np.fft.rfft(before)
    spectrum[np.fft.rfftfreq(32000, 1 / 16000) > cutoff_hz] *= 0.1  # -20 dB
    after = np.fft.irfft(spectrum)
    assert kept_bandwidth_hz(before, after, 16000) == pytest.approx(cutoff_hz, abs=130)
    assert kept_bandwidth_hz(after, after, 16000) == 8000
    # What a signal does not hold cannot be lost.
    low = np.fft.irfft(np.where(np.fft.rfftfreq(32000, 1 / 16000) > 900, 0, np.fft.rfft(before)))
    assert kept_bandwidth_hz(low, 0.9 * low, 16000) == 8000
    assert kept_bandwidth_hz(before, 0 * before, 16000) == 0


@given(
    before=st.integers(0, 30), during=st.integers(1, 60), after=st.integers(0, 30), level_db=st.floats(-60, 0),
    rate=st.sampled_from([8000, 16_000, 44_100, 48_000]),
)  # fmt: skip
def test_the_span_is_that_of_the_sound_with_its_margin(before, during, after, level_db, rate):
    frame = round(0.02 * rate)
    sound = np.random.default_rng(during).standard_normal(during * frame)
    faint = 1e-3 * np.random.default_rng(before).standard_normal((before + during + after) * frame)
    x = faint + np.concatenate([np.zeros(before * frame), sound, np.zeros(after * frame)])
    start, end = active_span_seconds(10 ** (level_db / 20) * x, rate)
    assert start == pytest.approx(max(before * frame / rate - 0.06, 0))
    assert end == pytest.approx(min((before + during) * frame / rate + 0.06, len(x) / rate))


def test_a_click_hides_no_speech_and_is_not_lost():
    speech = 0.01 * np.random.default_rng(1).standard_normal(16_000)
    x = np.concatenate([np.zeros(8000), speech, np.zeros(16_000)])
    x[32_000] = 1.0
    assert active_span_seconds(x, 16_000) == pytest.approx((0.44, 2.08))


def test_silence_has_no_span_and_two_channels_are_refused():
    assert active_span_seconds(np.zeros(1000), 16_000) == (0, 0)
    assert active_span_seconds(np.zeros(0), 16_000) == (0, 0)
    with pytest.raises(ValueError, match=r"one channel \[n\], got shape \(10, 2\)"):
        active_span_seconds(np.zeros((10, 2)), 16_000)
