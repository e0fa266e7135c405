import os
import pickle
import struct
import time

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from percepkit.audio.files import AudioError, blocks, info, read, write

RATE = 16000


@pytest.fixture(scope="module")
def x():
    return (0.2 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32)


def status_of(path, **options):
    with pytest.raises(AudioError) as caught:
        read(path, **options)
    assert str(path) in str(caught.value)
    return caught.value.status


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples=st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=50))
def test_written_integers_are_rounded_half_to_even(tmp_path, samples):
    x = np.array(samples, np.float32)
    wanted = np.clip(np.rint(x.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        n_clipped = write(tmp_path / name, x, RATE)
        assert np.array_equal(soundfile.read(tmp_path / name, dtype="int16")[0], wanted)
        assert n_clipped == np.count_nonzero(np.abs(np.rint(x * 32768.0) + 0.5) > 32768)


def test_halves_go_to_the_even_integer(tmp_path):
    write(tmp_path / "a.wav", np.array([0.5, 1.5, 2.5, -0.5, -1.5]) / 32768, RATE)
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [0, 2, 2, 0, -2]


@pytest.mark.parametrize(
    "name, subtype",
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "PCM_24"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_16"),
        ("a.flac", "PCM_24"),
    ],
)
def test_what_is_written_is_read_and_bytes_repeat(tmp_path, x, name, subtype):
    stereo = np.stack([x, -x], axis=1)
    write(tmp_path / name, stereo, RATE, subtype=subtype)
    first = (tmp_path / name).read_bytes()
    if subtype == "FLOAT":  # its header would hold the second of writing
        time.sleep(1.1)
    write(tmp_path / name, stereo, RATE, subtype=subtype)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]
    y, rate = read(tmp_path / name)
    assert (y.dtype, y.shape, rate) == (np.float32, stereo.shape, RATE)
    assert np.abs(y - stereo).max() <= {"PCM_16": 0.5, "PCM_24": 0.5 / 256, "FLOAT": 0}[subtype] / 32768


def test_long_ogg_is_written_without_a_crash(tmp_path):
    x = 0.1 * np.sin(np.arange(500_000) / 20)
    write(tmp_path / "a.ogg", x, RATE, subtype="VORBIS")
    y, _ = read(tmp_path / "a.ogg", channel=0)
    assert len(y) == len(x)
    assert np.corrcoef(x, y)[0, 1] > 0.999


@pytest.mark.parametrize(
    "x, name, subtype, message",
    [
        (np.zeros(4), "a.mp3", "PCM_16", "cannot write '.mp3'; use .wav, .flac, .ogg"),
        (np.zeros(4), "a.flac", "FLOAT", "subtype 'FLOAT' does not go with it; use PCM_16, PCM_24"),
        (np.zeros(4, np.int16), "a.wav", "PCM_16", "expected float samples"),
        (np.zeros(0), "a.wav", "PCM_16", "no samples"),
        (np.array([np.nan]), "a.wav", "PCM_16", "NaN"),
        (np.zeros(4), "none/a.wav", "PCM_16", "does not exist; make it first"),
    ],
)
def test_what_cannot_be_written(tmp_path, x, name, subtype, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / name, x, RATE, subtype=subtype)
    assert list(tmp_path.iterdir()) == []


FORMATS = [
    ("WAV", "PCM_16"), ("WAV", "IMA_ADPCM"), ("WAV", "ULAW"), ("WAVEX", "FLOAT"), ("RF64", "PCM_24"),
    ("W64", "PCM_32"), ("AIFF", "PCM_16"), ("AU", "DOUBLE"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("NIST", "PCM_16"),
    ("VOC", "PCM_16"), ("AVR", "PCM_16"), ("MAT5", "PCM_16"),
]  # fmt: skip


@pytest.mark.parametrize("container, subtype", FORMATS)
def test_any_slice_of_any_container_equals_the_whole(tmp_path, x, container, subtype):
    path = tmp_path / "sound.wav"  # the content decides
    soundfile.write(path, x, RATE, format=container, subtype=subtype)
    whole, rate = read(path, channel=0)
    assert rate == RATE
    assert info(path).frames == len(whole) >= len(x)
    assert np.array_equal(np.concatenate(list(blocks(path)))[:, 0], whole)
    for start, frames in [(0, 100), (1, 1000), (12345, 5000), (len(whole) - 3000, 3000), (40001, 0)]:
        part, _ = read(path, start=start, frames=frames, channel=0)
        assert np.array_equal(part, whole[start : start + frames])
    assert np.array_equal(read(path, start=47_000)[0][:, 0], whole[47_000:])


@pytest.mark.parametrize(
    "name",
    [
        "noise/*/clock.mp3",
        "noise/*/owl.mp3",
        "noise/*/sheep.ogg",
        "noise/*/subway-station.ogg",
        "music/test_audio.ogg",
    ],
)
def test_slices_of_real_compressed_files_are_exact(shared, name):
    # After a plain seek of libsndfile they differ from the whole file, by up to 0.8.
    (path,) = (shared / "corpus").glob(name)
    whole, _ = read(path)
    random = np.random.default_rng(1)
    starts = [
        *random.integers(0, len(whole), 4),
        *(len(whole) - random.integers(1, 40_000, 8)),
        len(whole) - 1,
    ]
    for start in map(int, starts):
        frames = min(5000, len(whole) - start)
        part, _ = read(path, start=start, frames=frames)
        assert np.array_equal(part, whole[start : start + frames]), start


def test_header(tmp_path, x):
    write(tmp_path / "a.flac", x[: RATE // 2], RATE)
    found = info(tmp_path / "a.flac")
    assert (found.sample_rate, found.channels, found.frames, found.duration_seconds) == (RATE, 1, 8000, 0.5)
    assert (found.format, found.subtype) == ("FLAC", "PCM_16")


def test_channels(tmp_path, x):
    write(tmp_path / "a.wav", np.stack([x, 0 * x, -x], axis=1), RATE, subtype="FLOAT")
    assert read(tmp_path / "a.wav")[0].shape == (len(x), 3)
    assert np.array_equal(read(tmp_path / "a.wav", channel=2)[0], -x)
    with pytest.raises(AudioError, match="channel 3 asked, there are 3"):  # a file may have changed since its scan
        read(tmp_path / "a.wav", channel=3)


def flac_promising(tmp_path, x, frames):
    write(tmp_path / "a.flac", x, RATE)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    field = int.from_bytes(data[18:26], "big")  # rate, channels, bits and, in its last 36 bits, the length
    data[18:26] = (field >> 36 << 36 | frames).to_bytes(8, "big")
    (tmp_path / "a.flac").write_bytes(data)
    return tmp_path / "a.flac"


def wav_promising(tmp_path, x, n_bytes):
    write(tmp_path / "a.wav", x, RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[40:44] = struct.pack("<I", n_bytes)
    (tmp_path / "a.wav").write_bytes(data)
    return tmp_path / "a.wav"


def test_headers_that_promise_ten_hours(tmp_path, x):
    assert status_of(flac_promising(tmp_path, x, 36_000 * RATE)) == "truncated"
    assert status_of(wav_promising(tmp_path, x, 36_000 * RATE * 2)) == "truncated"
    # Where only the length is wrong the beginning can still be read.
    assert len(read(tmp_path / "a.flac", frames=100)[0]) == 100
    assert status_of(tmp_path / "a.flac", start=10 * len(x), frames=100) in ("unreadable", "truncated")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_in_place_of_a_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    assert status_of(tmp_path / "a.wav") == "unreadable"


def test_streams_of_unstated_length_are_whole(tmp_path, x):
    assert len(read(wav_promising(tmp_path, x, 0xFFFFFFFF))[0]) == len(x)
    path = flac_promising(tmp_path, x, 0)
    whole, _ = read(path)
    assert len(whole) == len(x)
    assert np.array_equal(read(path, start=31_000, frames=5000)[0], whole[31_000:36_000])


def test_statuses(tmp_path, x):
    assert status_of(tmp_path / "none.wav") == "missing"
    assert status_of(tmp_path) == "unreadable"
    for name, data in {
        "zero.wav": b"",
        "text.au": b"hello " * 500,
        "noise.mp3": bytes(range(256)) * 99,
    }.items():
        (tmp_path / name).write_bytes(data)
    assert status_of(tmp_path / "zero.wav") == "empty"
    assert status_of(tmp_path / "text.au") == "unreadable"
    assert status_of(tmp_path / "noise.mp3") == "unreadable"
    soundfile.write(tmp_path / "none.wav", x[:0], RATE)
    assert info(tmp_path / "none.wav").frames == 0
    assert status_of(tmp_path / "none.wav") == "empty"


@pytest.mark.parametrize("name, status", [("a.wav", "truncated"), ("a.flac", "unreadable")])
def test_files_that_were_cut(tmp_path, x, name, status):
    write(tmp_path / name, x, RATE)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert status_of(tmp_path / name) == status


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number(tmp_path, x, bad):
    x = x.copy()
    x[30_000] = bad
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match="frame 30000") as caught:
        read(tmp_path / "a.wav")
    assert caught.value.status == "nonfinite"
    assert status_of(tmp_path / "a.wav", start=29_990, frames=20) == "nonfinite"
    assert len(read(tmp_path / "a.wav", frames=30_000)[0]) == 30_000


def test_never_shorter_than_asked(tmp_path, x):
    write(tmp_path / "a.wav", x, RATE)
    assert status_of(tmp_path / "a.wav", start=len(x) - 10, frames=11) == "truncated"
    assert status_of(tmp_path / "a.wav", start=len(x) + 1) == "truncated"
    with pytest.raises(ValueError, match="start must be >= 0"):
        read(tmp_path / "a.wav", start=-1)


@pytest.mark.parametrize("name", ["a b.wav", "ünï🎷.wav", "quote\"'.wav", "new\nline.wav", "-o.wav", "[red].wav"])
def test_hostile_names(tmp_path, x, name):
    write(tmp_path / name, x, RATE, subtype="FLOAT")
    assert np.array_equal(read(tmp_path / name, channel=0)[0], x)


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(AudioError("silent", "a.wav", "no sound")))
    assert (str(error), error.status, error.path) == ("a.wav: no sound", "silent", "a.wav")


def test_mp3_whose_header_only_estimates_its_length_is_whole(shared):
    # Its header promises 536,269 frames and decoding ends 589 earlier: nothing is missing.
    path = shared / "corpus" / "noise" / "things" / "keyboard.mp3"
    whole, _ = read(path, channel=0)
    assert info(path).frames == len(whole) == 535_680
    end, _ = read(path, start=535_000, frames=680, channel=0)
    np.testing.assert_array_equal(end, whole[535_000:])
    with pytest.raises(AudioError) as caught:
        read(path, start=535_000, frames=681, channel=0)
    assert caught.value.status == "truncated"
