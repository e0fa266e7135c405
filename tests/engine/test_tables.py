"""Tables and atomic files: round trips, equal bytes, and nothing half-written."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from percepkit.engine.tables import atomic_write, ensure_writable, read_table, write_table, write_text

MAKE_TABLE = """
import sys
import pandas as pd
from percepkit.engine.tables import write_table
n = 2000
write_table(pd.DataFrame({
    "item": range(n),
    "snr_db": [i / 7 for i in range(n)],
    "speaker": [None if i % 5 == 0 else f"Zoë {i % 9}" for i in range(n)],
    "paths": [[f"a/{j}.flac" for j in range(i % 3)] for i in range(n)],
    "pieces": [[{"path": "ü", "start": i}] for i in range(n)],
    "room": None,
}), sys.argv[1], kind="plan")
"""


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [0, 1, 2],
            "value": [1.5, np.nan, -np.inf],
            "text": ["naïve/Ωé 北京.flac", None, ""],
            "flag": [True, False, True],
            "paths": [["a", "b"], [], ["ü"]],
            "pieces": [[{"path": "x", "start": 3}], [], [{"path": "y", "start": -1}]],
            "empty": [None, None, None],
        }
    )


def test_round_trip(tmp_path):
    write_table(frame(), tmp_path / "new" / "t.parquet", kind="items")
    read = read_table(tmp_path / "new" / "t.parquet", kind="items")
    expected = frame()
    assert list(read.columns) == list(expected.columns)
    for name in ("item", "flag", "paths", "pieces", "empty"):
        assert read[name].tolist() == expected[name].tolist(), name
    np.testing.assert_array_equal(read["value"], expected["value"])
    assert read["text"].tolist()[::2] == expected["text"].tolist()[::2]
    assert pd.isna(read["text"][1])
    assert read["item"].dtype == "int64"


def test_reading_and_writing_again_gives_the_same_bytes(tmp_path):
    write_table(frame(), tmp_path / "1", kind="items")
    write_table(read_table(tmp_path / "1", kind="items"), tmp_path / "2", kind="items")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_no_rows(tmp_path):
    write_table(pd.DataFrame({"item": np.zeros(0, int)}), tmp_path / "t", kind="items")
    read = read_table(tmp_path / "t", kind="items")
    assert (len(read), list(read.columns), read["item"].dtype) == (0, ["item"], "int64")


def test_whole_numbers_with_gaps_stay_whole(tmp_path):
    times = pd.DataFrame({"mtime_ns": pd.array([1_800_000_000_123_456_789, None], dtype="Int64")})
    write_table(times, tmp_path / "t", kind="manifest")
    read = read_table(tmp_path / "t", kind="manifest")["mtime_ns"]
    assert read[0] == 1_800_000_000_123_456_789
    assert read.isna().tolist() == [False, True]


def test_index_and_string_type_leave_no_trace(tmp_path):
    write_table(frame(), tmp_path / "1", kind="items")
    other = frame().astype({"text": object}).set_axis(["p", "q", "r"], axis=0)
    write_table(other, tmp_path / "2", kind="items")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    metadata = pq.read_schema(tmp_path / "1").metadata
    assert metadata == {b"percepkit_kind": b"items", b"percepkit_format_version": b"1"}


def test_bytes_are_the_same_in_other_processes(tmp_path):
    digests = set()
    for number, hash_seed in enumerate(("0", "1")):
        path = tmp_path / f"{number}.parquet"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": str(number + 1)}
        subprocess.run([sys.executable, "-c", MAKE_TABLE, path], check=True, env=environment, timeout=60)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    "make, match",
    [
        (lambda path: None, "expected a plan table .*found nothing; check the path"),
        (lambda path: path.mkdir(), "found a folder"),
        (lambda path: path.write_bytes(b""), "not a readable Parquet file"),
        (lambda path: path.write_text("item,snr\n1,2\n"), "not a readable Parquet file"),
        (lambda path: frame().drop(columns=["pieces"]).to_parquet(path), "percepkit did not write"),
        (lambda path: write_table(frame(), path, kind="items"), "of kind 'plan', found .* kind 'items'"),
        (
            lambda path: write_table(frame(), path, kind="plan", format_version=2),
            "found 2; upgrade percepkit",
        ),
        (lambda path: write_table(frame(), path, kind="plan", format_version=0), "found 0; make it anew"),
    ],
)
def test_reading_something_else(tmp_path, make, match):
    path = tmp_path / "t.parquet"
    make(path)
    with pytest.raises(ValueError, match=match) as caught:
        read_table(path, kind="plan")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reading_a_truncated_or_damaged_table(tmp_path):
    write_table(frame(), tmp_path / "t", kind="plan")
    whole = (tmp_path / "t").read_bytes()
    for damaged in (whole[:-9], whole[: len(whole) // 2], whole[:200] + b"\xff" * 200 + whole[400:]):
        (tmp_path / "t").write_bytes(damaged)
        with pytest.raises(ValueError, match="not a readable Parquet file"):
            read_table(tmp_path / "t", kind="plan")


def test_columns_that_cannot_be_stored(tmp_path):
    with pytest.raises(ValueError, match=r"column a .*; give each column values of one type"):
        write_table(pd.DataFrame({"a": [1, "x", {}]}), tmp_path / "t", kind="plan")
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ValueError, match="columns named twice: a"):
        write_table(twice, tmp_path / "t", kind="plan")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path):
    """A limit on the size of files stands in for a full disk: both fail in the middle of a write."""
    path = tmp_path / "t.parquet"
    write_table(pd.DataFrame({"a": [1]}), path, kind="plan")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*t\.parquet'"):
            write_table(pd.DataFrame({"a": np.random.default_rng(0).normal(size=50_000)}), path, kind="plan")
        with pytest.raises(OSError, match=r"File too large: '.*r\.html'"):
            write_text(tmp_path / "r.html", "x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _fail_half_way(temporary, path):
    assert (temporary.parent, temporary.suffix) == (path.parent, path.suffix)
    temporary.write_text("half")
    raise ZeroDivisionError


def test_atomic_write_keeps_the_old_file_on_any_exception(tmp_path):
    path = tmp_path / "recipe.yaml"
    write_text(path, "old\r\nü\n")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        _fail_half_way(temporary, path)
    assert path.read_bytes() == "old\r\nü\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "file" / "r.html", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_text(tmp_path / "folder", "x")
    with pytest.raises(FileNotFoundError, match=r"other\.wav"), atomic_write(tmp_path / "r.html"):
        (tmp_path / "other.wav").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_ensure_writable(tmp_path):
    (tmp_path / "file").touch()
    for path, folder in (
        (tmp_path / "new" / "deep" / "t", False),
        (tmp_path / "file", False),
        (tmp_path, True),
    ):
        ensure_writable(path, folder=folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(ValueError, match="expected a file name, found a folder"):
        ensure_writable(tmp_path)
    with pytest.raises(ValueError, match="expected a folder, found a file"):
        ensure_writable(tmp_path / "file", folder=True)
    with pytest.raises(ValueError, match=r"Not a directory in .*file; choose another output"):
        ensure_writable(tmp_path / "file" / "t")


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that nobody may write to")
def test_ensure_writable_where_even_root_may_not():
    with pytest.raises(ValueError, match=r"cannot write /proc/t\.parquet: .* in /proc; choose another output"):
        ensure_writable("/proc/t.parquet")
