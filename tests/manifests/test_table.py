import numpy as np
import pandas as pd
import pytest

from percepkit.audio.files import AudioError, read
from percepkit.engine.tables import write_table
from percepkit.manifests.table import COLUMNS, as_manifest, read_manifest, resolve, usable, write_manifest


def manifest():
    return as_manifest(
        pd.DataFrame(
            {
                "path": ["a.wav", "b 🎷\n.wav"],
                "kind": "speech",
                "root_name": "voices",
                "duration": [1.5, np.nan],
                "frames": [24000, None],
                "size": 7,
                "mtime_ns": 1_795_223_178_455_921_349,  # not a float64
                "status": ["ok", "unreadable"],
            }
        )
    )


def test_written_manifest_is_read_back_and_bytes_repeat(tmp_path):
    frame = manifest()
    write_manifest(frame, tmp_path / "a.parquet")
    write_manifest(frame, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    found = read_manifest(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(found, frame)
    assert found["speaker"].tolist() == [None, None]
    assert found["frames"].isna().tolist() == [False, True]
    assert found["mtime_ns"].tolist() == [1_795_223_178_455_921_349] * 2


def test_columns_are_those_of_a_manifest(tmp_path):
    assert list(manifest().columns) == list(COLUMNS)
    with pytest.raises(ValueError, match=r"a\.parquet: a manifest has the columns .* here: extra, speaker"):
        write_manifest(manifest().drop(columns="speaker").assign(extra=1), tmp_path / "a.parquet")


def test_other_files_are_no_manifests(tmp_path):
    with pytest.raises(ValueError, match=r"none\.parquet"):
        read_manifest(tmp_path / "none.parquet")
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "plan.parquet", kind="plan")
    with pytest.raises(ValueError, match=r"plan\.parquet.*manifest.*plan"):
        read_manifest(tmp_path / "plan.parquet")


def test_usable_rows():
    assert usable(manifest())["path"].tolist() == ["a.wav"]


@pytest.mark.parametrize("path", ["../a.wav", "a/../../b.wav", "/etc/passwd", "", ".", "a\0.wav", "..", "a/.."])
def test_paths_that_leave_the_root(tmp_path, path):
    with pytest.raises(ValueError, match="must be relative and stay inside"):
        resolve({"r": tmp_path}, "r", path)


def test_links_that_leave_the_root(tmp_path):
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (tmp_path / "secret.wav").touch()
    (root / "in" / "a.wav").touch()
    (root / "file.wav").symlink_to(tmp_path / "secret.wav")
    (root / "folder").symlink_to(tmp_path)
    (root / "inside.wav").symlink_to(root / "in" / "a.wav")
    for path in ("file.wav", "folder/secret.wav"):
        with pytest.raises(ValueError, match="a link leads outside the root folder"):
            resolve({"r": root}, "r", path)
    assert resolve({"r": root}, "r", "inside.wav") == root / "in" / "a.wav"
    (tmp_path / "link").symlink_to(root)  # the root itself may be a link
    assert resolve({"r": tmp_path / "link"}, "r", "in/a.wav") == root / "in" / "a.wav"


def test_a_path_that_cannot_be_is_the_fault_of_one_source(tmp_path):
    """An AudioError sets one item aside; any other would end the run."""
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    with pytest.raises(AudioError, match=r"loop\.wav: ") as caught:
        read(resolve({"r": tmp_path}, "r", "loop.wav"))
    assert caught.value.status == "unreadable"
    with pytest.raises(AudioError, match=r"\.\./a\.wav: a manifest's path must be relative") as caught:
        resolve({"r": tmp_path}, "r", "../a.wav")
    assert caught.value.status == "unreadable"


def test_unknown_root(tmp_path):
    with pytest.raises(ValueError, match=r"no folder given for root 'x' of 'a\.wav'; folders are given for: n, r"):
        resolve({"r": tmp_path, "n": tmp_path}, "x", "a.wav")
