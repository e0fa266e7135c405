import io

import numpy as np
import pytest
import soundfile

from percepkit.audio import opus


def tone(sample_rate, seconds=1.5):
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return 0.3 * np.sin(2 * np.pi * 440 * t)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_sound_comes_back_at_its_place(sample_rate):
    stream = opus.encode_opus(tone(sample_rate), sample_rate)
    x, rate = soundfile.read(io.BytesIO(stream))
    assert len(x) / rate == pytest.approx(1.5, abs=2 / rate)
    inner = slice(rate // 10, -rate // 10)
    error = x[inner] - tone(rate)[: len(x)][inner]
    assert np.sqrt(np.mean(error**2)) < 0.02 * 0.3
    assert 3_000 < len(stream) < 18_000  # 1.5 s of about 48 kbit/s are 9,000 bytes


def test_same_samples_same_bytes():
    assert opus.encode_opus(tone(16_000), 16_000) == opus.encode_opus(tone(16_000), 16_000)


def test_checksum_is_that_of_a_decoders_stream():
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16_000), 16_000, format="OGG", subtype="OPUS")
    stream = buffer.getvalue()
    n_segments = stream[26]
    page = bytearray(stream[: 27 + n_segments + sum(stream[27 : 27 + n_segments])])
    stored, page[22:26] = bytes(page[22:26]), bytes(4)
    assert opus._checksum(bytes(page)) == stored


def test_several_channels_and_no_samples_are_refused():
    with pytest.raises(ValueError, match=r"one channel, got the shape \(5, 2\)"):
        opus.encode_opus(np.zeros((5, 2)), 16_000)
    with pytest.raises(ValueError, match=r"got the shape \(0,\)"):
        opus.encode_opus(np.zeros(0), 16_000)
