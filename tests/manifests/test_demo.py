"""The embedded corpus: its table, its files, its levels, its voices."""

import csv

import numpy as np
import pytest

from percepkit.audio.files import info, read
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.level import active_level_dbfs
from percepkit.manifests.demo import build, demo_folder

FOLDER = demo_folder()
with open(FOLDER / "metadata.csv", newline="", encoding="utf-8") as stream:
    ROWS = list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def speech() -> dict[str, np.ndarray]:
    return {row["path"]: read(FOLDER / row["path"], channel=0)[0] for row in ROWS}


def test_table_and_files_agree():
    assert list(ROWS[0]) == ["path", "speaker", "sex", "text", "licence"]
    assert all(value.strip() == value and value for row in ROWS for value in row.values())
    listed = [row["path"] for row in ROWS]
    assert sorted(listed) == sorted(p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.flac"))
    assert all(row["path"].startswith(f"speech/{row['speaker']}/") for row in ROWS)


def test_voices_and_sentences():
    speakers = {row["speaker"]: (row["sex"], row["licence"]) for row in ROWS}
    assert len(speakers) == len({(row["speaker"], row["sex"], row["licence"]) for row in ROWS}) == 8
    assert [sex for sex, _ in speakers.values()].count("female") == 4
    assert {licence for _, licence in speakers.values()} == {"MIT", "MIT-Festival"}
    assert len({row["text"] for row in ROWS}) >= 24
    assert len(ROWS) >= 40
    assert len({(row["speaker"], row["text"]) for row in ROWS}) == len(ROWS)


def test_table_is_what_the_script_writes():
    assert {row["text"] for row in ROWS} == set(build.SENTENCES)
    assert {(row["speaker"], row["sex"], row["licence"]) for row in ROWS} == {
        (voice.speaker, voice.sex, voice.licence) for voice in build.VOICES
    }


def test_all_of_it_is_at_most_4_mb():
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) <= 4_000_000


def test_files_are_mono_16_bit_at_16_khz_and_2_to_4_seconds():
    for row in ROWS:
        about = info(FOLDER / row["path"])
        assert (about.sample_rate, about.channels, about.subtype) == (16_000, 1, "PCM_16"), row["path"]
        assert 2 <= about.duration_seconds <= 4, row["path"]


def test_speech_is_active_and_of_one_level(speech):
    levels, activities = np.transpose([active_level_dbfs(x, 16_000) for x in speech.values()])
    assert levels == pytest.approx(np.full(levels.size, -26.0), abs=0.1)
    assert activities.min() > 0.8
    assert max(np.abs(x).max() for x in speech.values()) < 0.9


def test_silence_around_the_speech_is_short_and_without_offset(speech):
    for path, x in speech.items():
        loud = np.flatnonzero(np.abs(x) > 0.05 * np.abs(x).max())
        assert loud[0] < 0.35 * 16_000, path
        assert x.size - loud[-1] < 0.5 * 16_000, path
        assert abs(x.mean()) < 1e-4, path
        assert np.abs(x[[0, -1]]).max() < 2e-3, path


def median_pitch_hz(x: np.ndarray) -> float:
    """Median over loud frames of the first strong peak of the autocorrelation."""
    frames = np.lib.stride_tricks.sliding_window_view(x, 640)[::160] * np.hanning(640)
    loud = frames[np.mean(frames**2, axis=1) > np.mean(frames**2)]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(loud, 2_048)) ** 2)[:, :230]
    correlation /= np.fft.irfft(np.abs(np.fft.rfft(np.hanning(640), 2_048)) ** 2)[:230]
    lags = np.arange(45, 229)  # 70 to 355 Hz
    inner = correlation[:, lags]
    peak = (inner > correlation[:, lags - 1]) & (inner >= correlation[:, lags + 1])
    strong = peak & (inner > 0.85 * inner.max(axis=1, keepdims=True))
    return float(np.median(16_000 / lags[strong.argmax(axis=1)[strong.any(axis=1)]]))


def test_pitch_tells_women_from_men(speech):
    pitches = {
        (row["speaker"], row["sex"]): median_pitch_hz(
            np.concatenate([x for path, x in speech.items() if f"/{row['speaker']}/" in path])
        )
        for row in ROWS
    }
    women = [pitch for (_, sex), pitch in pitches.items() if sex == "female"]
    men = [pitch for (_, sex), pitch in pitches.items() if sex == "male"]
    assert min(women) > 155
    assert max(men) < 145
    assert np.ptp(women) > 40
    assert np.ptp(men) > 30


def test_pesq_and_stoi_rank_noisier_below_cleaner(speech):
    pesq, pystoi = pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    for speaker in {row["speaker"] for row in ROWS}:
        x = speech[f"speech/{speaker}/01.flac"].astype(np.float64)
        noise = normal_samples(key_of("demo", speaker), x.size) * np.sqrt(np.mean(x**2))
        mixes = [x + 10 ** (-snr_db / 20) * noise for snr_db in (0, 15, 30)]
        quality = [pesq.pesq(16_000, x, mix, "wb") for mix in mixes]
        intelligibility = [pystoi.stoi(x, mix, 16_000) for mix in mixes]
        assert np.diff(quality).min() > 0.02, speaker
        assert np.diff(intelligibility).min() > 0.003, speaker
        assert quality[-1] > 1.8, speaker
        assert intelligibility[0] > 0.5, speaker


def test_a_missing_synthesizer_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="espeak-ng is not installed; on Debian: apt-get install"):
        build.build(tmp_path)


@pytest.mark.parametrize("voice", build.VOICES, ids=lambda voice: voice.speaker)
def test_commands_name_the_text_and_the_file(voice, tmp_path):
    command = voice.command("Some words.", tmp_path / "x.wav")
    assert command[0] == voice.program
    assert {"Some words.", str(tmp_path / "x.wav")} < set(command)


def test_finished_speech_is_trimmed_faded_and_levelled():
    burst = 0.9 * normal_samples(key_of("burst"), 32_000)
    x = build._finished(np.concatenate([np.zeros(16_000), burst, np.zeros(16_000)]), 6.0)
    assert x.size == pytest.approx(32_000 + 2 * 1_600, abs=480)
    assert np.abs(x[[0, -1]]).max() < 1e-4
    assert active_level_dbfs(x, 16_000)[0] == pytest.approx(-26, abs=0.05)
