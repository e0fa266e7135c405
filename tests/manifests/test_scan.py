import os
import socket
from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest
import soundfile

from percepkit.audio.files import read, write
from percepkit.dsp.level import active_level_dbfs, rms_dbfs
from percepkit.engine.cluster import client
from percepkit.manifests import scan as module
from percepkit.manifests.scan import scan
from percepkit.manifests.table import read_manifest, resolve, write_manifest

RATE = 16000


@pytest.fixture
def serial():
    with client(0) as one:
        yield one


@pytest.fixture
def measured(monkeypatch):
    """Paths that were really read."""
    paths = []
    measure = module.measure

    def counted(folder, path, kind):
        paths.append(path)
        return measure(folder, path, kind)

    monkeypatch.setattr(module, "measure", counted)
    return paths


def sound(seconds=0.3, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def by_path(frame):
    return frame.set_index("path")


def test_one_file(tmp_path, serial):
    x = np.stack([sound(1, 1), sound(1, 2)], axis=1)
    (tmp_path / "room").mkdir()
    write(tmp_path / "room/a.flac", x, RATE)
    row = scan(tmp_path, kind="speech", root_name="voices", client=serial).iloc[0]
    y, _ = read(tmp_path / "room/a.flac")
    assert (row["kind"], row["root_name"], row["path"], row["group"]) == (
        "speech",
        "voices",
        "room/a.flac",
        "room",
    )
    assert (row["sample_rate"], row["channels"], row["frames"], row["duration"]) == (RATE, 2, RATE, 1.0)
    assert (row["status"], row["reason"], row["speaker"], row["class"]) == ("ok", None, None, None)
    assert row["hash"] == blake2b(y.tobytes(), digest_size=16).hexdigest()
    assert row["peak"] == np.abs(y).max()
    assert row["rms_level"] == pytest.approx(rms_dbfs(y), abs=1e-9)
    assert row["active_level"] == active_level_dbfs(y[:, 0], RATE)[0]
    assert row["effective_bandwidth"] > 7900
    assert np.isnan(row["rt60"])
    found = os.stat(tmp_path / "room/a.flac")
    assert (row["size"], row["mtime_ns"]) == (found.st_size, found.st_mtime_ns)


def test_the_hash_is_of_the_audio_not_of_the_file(tmp_path, serial):
    for name in ("a.wav", "b.flac"):
        write(tmp_path / name, sound(), RATE)
    write(tmp_path / "c.wav", sound(seed=1), RATE)
    hashes = by_path(scan(tmp_path, kind="noise", root_name="n", client=serial))["hash"]
    assert hashes["a.wav"] == hashes["b.flac"] != hashes["c.wav"]


def test_bad_files_become_rows(tmp_path, serial):
    x = sound(1)
    write(tmp_path / "good.wav", x, RATE)
    (tmp_path / "good.wav").rename(tmp_path / "good.mp3")  # the extension lies
    write(tmp_path / "silent.wav", 0 * x, RATE)
    write(tmp_path / "left.wav", np.stack([0 * x, x], axis=1), RATE)
    soundfile.write(tmp_path / "nan.wav", np.where(x > 0.3, np.nan, x), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", x[:0], RATE)
    (tmp_path / "zero.wav").touch()
    (tmp_path / "text.wav").write_text("hello")
    write(tmp_path / "cut.wav", x, RATE)
    os.truncate(tmp_path / "cut.wav", 9999)
    (tmp_path / "gone.wav").symlink_to("nowhere")
    frame = by_path(scan(tmp_path, kind="speech", root_name="v", client=serial))
    assert frame["status"].to_dict() == {
        "cut.wav": "truncated",
        "gone.wav": "missing",
        "good.mp3": "ok",
        "left.wav": "silent",
        "nan.wav": "nonfinite",
        "none.wav": "empty",
        "silent.wav": "silent",
        "text.wav": "unreadable",
        "zero.wav": "empty",
    }
    bad = frame[frame["status"] != "ok"]
    assert all(reason.startswith(f"{path}: ") for path, reason in bad["reason"].items())


HOSTILE = [
    "a b.wav",
    "ünï🎷.wav",
    "quo\"t'e.wav",
    "new\nline.wav",
    "-o.wav",
    "[red]%s{x}.wav",
    "sub/a b.wav",
    "no_suffix",
]


def test_hostile_names_survive_the_manifest(tmp_path, serial):
    (tmp_path / "d/sub").mkdir(parents=True)
    for name in HOSTILE:
        soundfile.write(tmp_path / "d" / name, sound(), RATE, format="WAV")
    with open(os.fsencode(tmp_path / "d") + b"/bad\xff.wav", "wb"):
        pass
    write_manifest(scan(tmp_path / "d", kind="noise", root_name="n", client=serial), tmp_path / "m.parquet")
    frame = by_path(read_manifest(tmp_path / "m.parquet"))
    assert set(frame.index) == {*HOSTILE, "bad\\xff.wav"}
    assert frame.loc["bad\\xff.wav", ["status", "reason"]].tolist() == [
        "unreadable",
        "bad\\xff.wav: the name is not UTF-8; rename it",
    ]
    for name in HOSTILE:
        assert frame.loc[name, "status"] == "ok"
        assert read(resolve({"n": tmp_path / "d"}, "n", name), channel=0)[1] == RATE


def test_what_is_not_looked_at(tmp_path, serial):
    root = tmp_path / "d"
    (root / ".cache").mkdir(parents=True)
    for name in ("a.wav", ".hidden.wav", ".cache/b.wav"):
        write(root / name, sound(), RATE)
    for name in ("README.md", "LICENSE", "table.CSV", "cover.png"):
        (root / name).write_text("x")
    write(tmp_path / "outside.wav", sound(), RATE)
    (root / "loop").symlink_to(root)
    (root / "link.wav").symlink_to(tmp_path / "outside.wav")
    frame = by_path(scan(root, kind="noise", root_name="n", client=serial))
    assert frame["status"].to_dict() == {"a.wav": "ok", "link.wav": "unreadable"}
    assert "leads outside the folder" in frame.loc["link.wav", "reason"]


def test_what_is_no_file_is_a_row_and_never_opened(tmp_path, serial, measured, monkeypatch):
    root = tmp_path / "d"
    (root / "sub").mkdir(parents=True)
    write(root / "a.wav", sound(), RATE)
    os.mkfifo(root / "sub" / "pipe.wav")
    (root / "device.flac").symlink_to(os.devnull)
    (root / "link.wav").symlink_to(root / "sub")
    monkeypatch.chdir(root)  # the path of a socket may have about a hundred characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.wav")
        frame = by_path(scan(root, kind="noise", root_name="n", client=serial))
        again = scan(root, kind="noise", root_name="n", client=serial, previous=frame.reset_index())
    found = {"device.flac": "a device", "link.wav": "a link to a folder", "socket.wav": "a socket",
             "sub/pipe.wav": "a FIFO"}  # fmt: skip
    assert frame["status"].to_dict() == {"a.wav": "ok"} | dict.fromkeys(found, "unreadable")
    for path, what in found.items():
        assert frame.loc[path, "reason"].startswith(f"{path}: {what}, not a file, and was not opened")
    assert by_path(again)["reason"].equals(frame["reason"])
    assert measured == ["a.wav"]


def test_a_folder_named_like_a_file_is_a_note_and_its_files_are_rows(tmp_path, serial):
    (tmp_path / "takes" / "b.WAV").mkdir(parents=True)
    (tmp_path / "v1.2").mkdir()
    for folder in ("takes/b.WAV", "v1.2"):
        write(tmp_path / folder / "1.wav", sound(), RATE)
    frame = scan(tmp_path, kind="noise", root_name="n", client=serial)
    assert frame["path"].tolist() == ["takes/b.WAV/1.wav", "v1.2/1.wav"]
    assert frame.attrs["notes"] == ["takes/b.WAV: a folder named like a file; the files in it are listed"]


def test_a_folder_that_cannot_be_listed_is_a_note(tmp_path, serial, monkeypatch):
    (tmp_path / "locked").mkdir()
    write(tmp_path / "a.wav", sound(), RATE)
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    frame = scan(tmp_path, kind="noise", root_name="n", client=serial)
    assert len(frame) == 1
    assert frame.attrs["notes"] == [f"cannot look into {tmp_path / 'locked'}: Permission denied"]


def test_labels_come_from_pattern_and_csv(tmp_path, serial):
    root = tmp_path / "d"
    for speaker in ("anna", "ben"):
        (root / speaker).mkdir(parents=True)
        write(root / speaker / "1.wav", sound(), RATE)
    write(root / "x.wav", sound(), RATE)
    (tmp_path / "m.csv").write_text("path,class,speaker\nben/1.wav,read,BEN\nno.wav,read,x\n")
    frame = scan(
        root, kind="speech", root_name="v", client=serial, pattern="{speaker}/*", metadata=tmp_path / "m.csv"
    )
    assert frame["path"].tolist() == ["anna/1.wav", "ben/1.wav", "x.wav"]
    assert frame["speaker"].tolist() == ["anna", "BEN", None]
    assert frame["class"].tolist() == [None, "read", None]
    assert frame["group"].tolist() == ["anna", "ben", None]
    assert len(frame.attrs["notes"]) == 3


def test_resume_reads_only_what_changed(tmp_path, serial, measured):
    root = tmp_path / "d"
    root.mkdir()
    for name in ("a.wav", "b.wav", "c.wav"):
        write(root / name, sound(), RATE)
    write(root / "silent.wav", 0 * sound(), RATE)

    def again(previous, kind="speech", **options):
        measured.clear()
        return scan(root, kind=kind, root_name="v", client=serial, previous=previous, **options)

    first = again(None)
    assert sorted(measured) == ["a.wav", "b.wav", "c.wav", "silent.wav"]
    write_manifest(first, tmp_path / "m.parquet")
    second = again(read_manifest(tmp_path / "m.parquet"))
    assert measured == []
    pd.testing.assert_frame_equal(second, first)
    assert again(first, pattern="{speaker}.wav")["speaker"].tolist() == ["a", "b", "c", "silent"]
    assert measured == []

    write(root / "b.wav", sound(seed=5), RATE)
    os.utime(root / "a.wav", ns=(1, 1))
    (root / "c.wav").unlink()
    write(root / "new.wav", sound(), RATE)
    third = again(second)
    assert sorted(measured) == ["a.wav", "b.wav", "new.wav"]
    assert third["path"].tolist() == ["a.wav", "b.wav", "new.wav", "silent.wav"]
    assert third["hash"].tolist()[:3] == [first["hash"][0], by_path(third)["hash"]["b.wav"], first["hash"][0]]
    again(third, kind="noise")
    assert len(measured) == 4


def test_quality_and_copies_outlive_a_scan_until_the_file_changes(tmp_path, serial):
    for name in ("a.wav", "b.wav", "c.wav", "d.wav"):
        write(tmp_path / name, sound(), RATE)
    first = scan(tmp_path, kind="noise", root_name="n", client=serial)
    first = first.assign(quality=[1, 2, 3, 4], duplicate_of=[None, "n/a.wav", "else/x.wav", "n/b.wav"])
    os.utime(tmp_path / "a.wav", ns=(1, 1))
    os.utime(tmp_path / "c.wav", ns=(1, 1))
    again = scan(tmp_path, kind="noise", root_name="n", client=serial, previous=first)
    assert again["quality"].fillna(0).tolist() == [0, 2, 0, 4]
    assert again["duplicate_of"].tolist() == [None, None, None, "n/b.wav"]


def test_unreadable_files_are_tried_again(tmp_path, serial, measured):
    write(tmp_path / "a.wav", sound(), RATE)
    first = scan(tmp_path, kind="noise", root_name="n", client=serial)
    scan(tmp_path, kind="noise", root_name="n", client=serial, previous=first.assign(status="unreadable"))
    assert measured == ["a.wav", "a.wav"]


def test_progress_counts_files(tmp_path, serial, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_FILES", 2)
    for i in range(5):
        write(tmp_path / f"{i}.wav", sound(), RATE)
    calls = []
    scan(tmp_path, kind="noise", root_name="n", client=serial, progress=lambda *call: calls.append(call))
    assert calls == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_workers_find_the_same(tmp_path, serial):
    for i in range(5):
        write(tmp_path / f"{i}.wav", sound(seed=i), RATE)
    alone = scan(tmp_path, kind="speech", root_name="v", client=serial)
    with client(2, processes=False) as threads:
        pd.testing.assert_frame_equal(scan(tmp_path, kind="speech", root_name="v", client=threads), alone)


def test_scans_that_cannot_be(tmp_path, serial):
    with pytest.raises(ValueError, match="none: no such folder"):
        scan(tmp_path / "none", kind="noise", root_name="n", client=serial)
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match="no audio files"):
        scan(tmp_path, kind="noise", root_name="n", client=serial)
    with pytest.raises(ValueError, match="unknown kind 'voice'; use speech, noise, rir, music"):
        scan(tmp_path, kind="voice", root_name="n", client=serial)


def test_memory_stays_constant(tmp_path, serial):
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for i in range(20):
            file.write(sound(60, i))
    import tracemalloc

    tracemalloc.start()
    row = scan(tmp_path, kind="noise", root_name="n", client=serial).iloc[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row["duration"] == 1200
    assert peak < 60e6  # all of it would be 77 MB; ten hours take no more than this


def test_really_broken_files(shared, serial):
    frame = by_path(scan(shared / "corpus/broken", kind="speech", root_name="b", client=serial))
    assert frame["status"].to_dict() == {
        "129.flac": "unreadable",
        "142.flac": "unreadable",
        "274.flac": "unreadable",
        "awful.wav": "unreadable",  # its header says 1,092,676 Hz
        "bad.wav": "unreadable",
        "evil.wav": "unreadable",
        "null.wav": "empty",
    }


def test_real_rooms(shared, serial):
    frame = by_path(scan(shared / "corpus/rir", kind="rir", root_name="r", client=serial))
    assert (frame["status"] == "ok").all()
    assert len(frame) == 10
    assert frame["drr"].notna().all()
    assert frame["rt60"].dropna().between(0.1, 3).all()
    assert frame.loc["real_8ch.wav", "channels"] == 8


def test_real_noises(shared, serial):
    frame = scan(shared / "corpus/noise/misc", kind="noise", root_name="n", client=serial)
    assert (frame["status"] == "ok").all()
    assert len(frame) == 17
    assert frame["hash"].is_unique
    assert frame["effective_bandwidth"].le(frame["sample_rate"] / 2).all()
