"""Denoising files: what comes out, in which format, and what happens to files that cannot be done."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from percepkit.audio.files import AudioError
from percepkit.audio.files import write as write_audio
from percepkit.baselines import enhance_files
from percepkit.baselines.denoiser import Spec
from percepkit.baselines.enhance_files import enhance_channel, enhance_file, enhance_tree
from percepkit.baselines.registry import load

WIENER = load("wiener")


class Halver:
    """Not causal; runs at 16 kHz alone."""

    spec = Spec(name="halver", summary="Half.", native_sample_rates=(8_000, 16_000))

    def __call__(self, noisy, sample_rate):
        assert sample_rate in (8_000, 16_000)
        return noisy / 2

    def latency_samples(self, sample_rate):
        return 0


def noisy_file(path: Path, *, sample_rate=16_000, channels=1, seconds=0.5, **options) -> np.ndarray:
    """Write a tone in noise, different in each channel, and return what is in the file."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    noise = np.random.default_rng(0).standard_normal((len(time), channels))
    x = 0.1 * np.sin(2 * np.pi * 500 * time)[:, None] * np.arange(1, channels + 1) + 0.01 * noise
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, sample_rate, **options)
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.mark.parametrize("sample_rate, channels", [(8_000, 1), (44_100, 2), (48_000, 3)])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff"])
def test_equals_the_batch_result_of_each_channel(tmp_path, name, sample_rate, channels):
    x = noisy_file(tmp_path / name, sample_rate=sample_rate, channels=channels)
    done = enhance_file(tmp_path / name, tmp_path / "out.wav", WIENER)
    expected = np.stack([WIENER(np.ascontiguousarray(channel), sample_rate) for channel in x.T], axis=1)
    written, rate = soundfile.read(tmp_path / "out.wav", dtype="int16", always_2d=True)
    assert rate == sample_rate
    assert np.abs(written - np.rint(expected * 32_768)).max() <= 1
    assert done.seconds == len(x) / sample_rate
    assert done.n_clipped == 0


@pytest.mark.parametrize("seconds", [1 / 16_000, 0.01, 4.096, 9.0])
def test_length_is_kept_from_one_sample_to_several_blocks(tmp_path, seconds):
    x = noisy_file(tmp_path / "a.flac", seconds=seconds)
    enhance_file(tmp_path / "a.flac", tmp_path / "out.flac", WIENER)
    written = soundfile.read(tmp_path / "out.flac")[0]
    assert len(written) == len(x)
    assert np.abs(written - WIENER(x[:, 0].copy(), 16_000)).max() < 1 / 32_768


@pytest.mark.parametrize("suffix, kind", [("wav", "WAV"), ("flac", "FLAC"), ("WAV", "WAV")])
def test_format_follows_the_suffix(tmp_path, suffix, kind):
    noisy_file(tmp_path / "a.wav")
    enhance_file(tmp_path / "a.wav", tmp_path / "new" / f"out.{suffix}", WIENER)
    written = soundfile.info(tmp_path / "new" / f"out.{suffix}")
    assert (written.format, written.subtype) == (kind, "PCM_16")


def test_rounding_and_clipping_are_those_of_audio_files(tmp_path):
    loud = np.random.default_rng(1).uniform(-2.5, 2.5, 1_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", loud, 16_000, subtype="FLOAT")
    done = enhance_file(tmp_path / "a.wav", tmp_path / "out.wav", Halver())
    n_clipped = write_audio(tmp_path / "expected.wav", loud / 2, 16_000)
    assert done.n_clipped == n_clipped > 0
    written, expected = (soundfile.read(tmp_path / name, dtype="int16")[0] for name in ("out.wav", "expected.wav"))
    assert np.array_equal(written, expected)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 16_000, 44_100])
def test_native_rate_is_used_and_length_kept(sample_rate):
    noisy = np.sin(2 * np.pi * 200 * np.arange(4_001) / sample_rate).astype(np.float32)
    enhanced = enhance_channel(noisy, sample_rate, Halver())
    assert enhanced.shape == noisy.shape
    assert enhanced.dtype == np.float32
    assert np.abs(enhanced - noisy / 2)[500:-500].max() < 1e-3


def test_memory_does_not_grow_with_the_file(tmp_path):
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8_000, 1) as sound:
        for _ in range(120):
            sound.write(np.random.default_rng(2).integers(-99, 99, 80_000).astype(np.int16))  # 20 minutes in all
    tracemalloc.start()
    enhance_file(tmp_path / "long.flac", tmp_path / "out.wav", load("highpass"))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert soundfile.info(tmp_path / "out.wav").frames == 9_600_000
    assert peak_bytes < 12e6, "the whole file is 38 MB in float32"


def test_same_file_is_refused(tmp_path):
    noisy_file(tmp_path / "a.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    for target in ("a.wav", "b.wav"):
        with pytest.raises(ValueError, match="input and output are the same file"):
            enhance_file(tmp_path / "a.wav", tmp_path / target, WIENER)


@pytest.mark.parametrize("target, expected", [("b.mp3", "'.mp3'; use .wav or .flac"), ("b", "'no suffix'; use")])
def test_other_formats_are_refused(tmp_path, target, expected):
    noisy_file(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=expected):
        enhance_file(tmp_path / "a.wav", tmp_path / target, WIENER)


def test_too_long_for_wav_is_refused(tmp_path, monkeypatch):
    noisy_file(tmp_path / "a.wav")
    monkeypatch.setattr(enhance_files, "MAX_WAV_BYTES", 1_000)
    with pytest.raises(ValueError, match=r"do not fit into a WAV file; use .flac"):
        enhance_file(tmp_path / "a.wav", tmp_path / "b.wav", WIENER)


def test_failure_leaves_nothing_behind_and_the_old_result_alone(tmp_path):
    noisy_file(tmp_path / "a.flac", seconds=20)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    (tmp_path / "out.wav").write_bytes(b"old")
    with pytest.raises(AudioError):
        enhance_file(tmp_path / "a.flac", tmp_path / "out.wav", WIENER)
    assert (tmp_path / "out.wav").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["a.flac", "out.wav"]


def make_tree(folder: Path) -> None:
    noisy_file(folder / "a.wav")
    noisy_file(folder / "deep" / "er" / "b.flac", sample_rate=48_000, channels=2)
    (folder / "broken.wav").write_bytes(b"RIFF nonsense")
    (folder / "notes.txt").write_text("not audio")
    (folder / ".hidden").mkdir()
    noisy_file(folder / ".hidden" / "c.wav")


def test_tree_keeps_its_structure_and_notes_failures(tmp_path):
    make_tree(tmp_path / "in")
    calls = []
    outcome = enhance_tree(tmp_path / "in", tmp_path / "out", WIENER, on_progress=lambda *call: calls.append(call))
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.wav", "deep/er/b.wav"]
    assert (outcome.n_done, outcome.seconds, outcome.kept) == (2, 1.0, ())
    assert [path.name for path, _ in outcome.failed] == ["broken.wav"]
    assert "broken.wav" in outcome.failed[0][1]
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert soundfile.info(tmp_path / "out/deep/er/b.wav").channels == 2


def test_tree_keeps_results_unless_told_to_overwrite(tmp_path):
    make_tree(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.wav").write_bytes(b"old")
    outcome = enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)
    assert outcome.kept == (tmp_path / "in" / "a.wav",)
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"old"
    assert enhance_tree(tmp_path / "in", tmp_path / "out", WIENER, overwrite=True).n_done == 2
    assert soundfile.info(tmp_path / "out" / "a.wav").frames == 8_000
    (tmp_path / "in" / "broken.wav").unlink()
    with pytest.raises(ValueError, match="all 2 results exist already; overwrite them"):
        enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)


def test_two_sources_with_one_result(tmp_path):
    noisy_file(tmp_path / "in" / "a.flac")
    noisy_file(tmp_path / "in" / "a.wav", seconds=1)
    outcome = enhance_tree(tmp_path / "in", tmp_path / "out", WIENER, overwrite=True)
    assert outcome.n_done == 1
    assert "its result a.wav is that of a.flac; rename one" in outcome.failed[0][1]
    assert soundfile.info(tmp_path / "out" / "a.wav").frames == 8_000


@pytest.mark.parametrize("target", ["in", "in/out", "in/../in"])
def test_output_in_the_input_folder_is_refused(tmp_path, target):
    make_tree(tmp_path / "in")
    with pytest.raises(ValueError, match="output folder is or lies in the input folder"):
        enhance_tree(tmp_path / "in", tmp_path / target, WIENER)


def test_nothing_to_do_or_nothing_done_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="no audio files in it"):
        enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)
    (tmp_path / "in" / "broken.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 1 files was enhanced; first failure: .*broken\.wav"):
        enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)


def test_full_or_forbidden_output_stops_the_run(tmp_path):
    make_tree(tmp_path / "in")
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="out"):
        enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)


def test_really_broken_files_are_noted(shared, tmp_path):
    noisy_file(tmp_path / "in" / "fine.wav")
    for path in (shared / "corpus" / "broken").iterdir():
        (tmp_path / "in" / path.name).symlink_to(path)
    outcome = enhance_tree(tmp_path / "in", tmp_path / "out", WIENER)
    assert outcome.n_done >= 1
    assert len(outcome.failed) + outcome.n_done == 8
    assert all(str(path) in reason for path, reason in outcome.failed)
