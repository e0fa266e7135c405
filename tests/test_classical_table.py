"""The script behind docs/baselines.md, on a few made-up files; and the page has a place for all that it writes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from percepkit.audio.files import write
from percepkit.baselines.registry import names, peers
from percepkit.dsp.draws import key_of
from percepkit.dsp.music import tune
from percepkit.dsp.noise import generate
from percepkit.manifests.demo import demo_folder

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
RATE = 16_000


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("noise", "music"):
        (folder / name).mkdir()
    for kind in ("white", "keyboard"):
        write(folder / "noise" / f"{kind}.wav", 0.1 * generate(kind, 8 * RATE, RATE, 1, {}), RATE)
    write(folder / "music" / "tune.wav", 0.1 * tune(8 * RATE, RATE, key_of("tune")), RATE)
    (folder / "classes.csv").write_text("path,class\nwhite.wav,stationary\nkeyboard.wav,transient\n")
    return folder


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    roots = [str(demo_folder() / "speech"), str(folder / "noise"), str(folder / "music")]
    command = [sys.executable, "_classical_table.py", *roots, "--classes", str(folder / "classes.csv")]
    command += ["--workers", "0", "--items", "4", *options]
    return subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=200)


def test_tables_are_written_into_the_page_and_the_scores_kept(folders):
    page = folders / "page.md"
    page.write_text("before\n" + "\n".join(re.findall(r"<!-- .*? -->", PAGE)) + "\nafter\n")
    options = ["--out", str(folders / "out"), "--denoisers", "highpass,wiener", "--page", str(page)]
    for _ in range(2):  # the second run only lays out
        done = run(folders, *options)
        assert done.returncode == 0, done.stderr
    assert "scored" not in done.stderr
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    [line] = re.findall(r"^\| wiener \|.*$", text.split("**STOI")[0], re.MULTILINE)
    assert re.search(r"[+-]0\.\d\d", line)
    assert "| denoiser | all<br>4 items |" in text


def test_a_page_without_the_place_is_left_alone(folders):
    page = folders / "other.md"
    page.write_text("nothing here\n")
    done = run(folders, "--out", str(folders / "out"), "--denoisers", "highpass,wiener", "--page", str(page))
    assert done.returncode != 0
    assert "expected one part between <!-- begin classes -->" in done.stderr
    assert page.read_text() == "nothing here\n"


def test_the_page_has_a_place_for_every_table():
    marks = re.findall(r"<!-- (begin|end) (\w+) -->", PAGE)
    expected = ["classes", "drops", "stationary", "pairs", "grid"]
    assert sorted(marks) == sorted((mark, name) for mark in ("begin", "end") for name in expected)


def test_the_denoisers_that_are_scored_are_those_that_the_page_tells_of():
    """The page is written by hand, for people: what its ladder names up to the oracles is classical."""
    ladder = PAGE.partition("## The ladder")[2].partition("### The ceiling")[0]
    told = set(re.findall(r"`([\w-]+)`", ladder))
    code = "from _classical_table import SLOW, methods; print(*methods(), '/', *SLOW)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "benchmarks", capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    scored, slow = (set(part.split()) for part in done.stdout.split("/"))
    assert scored - set(peers()) == told & set(names())
    assert {name for name in told if name.startswith("peer-")} == set(peers())
    assert scored & set(peers()) == {name for name, peer in peers().items() if peer.installed} - slow
