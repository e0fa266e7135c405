"""Every benchmark runs, small, and prints its table; nothing here is timed."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SMALL = {
    "duplicates.py": ["--files", "2"],
    "flac.py": ["--items", "2", "--rounds", "1", "--seconds", "1"],
    "memory.py": ["--items", "4", "8", "--plan-items", "10"],
    "peers.py": ["--items", "2", "--rounds", "1", "--seconds", "1"],
    "studies.py": [],
    "scaling.py": ["--items", "4", "--rounds", "1", "--seconds", "1"],
    "throughput.py": ["--items", "2", "--rounds", "1", "--seconds", "2"],
    "pitch_agreement.py": ["--files", "2"],
    "baselines.py": ["--rounds", "1", "--seconds", "1", "--denoisers", "wiener,omlsa"],
    "networks.py": ["--rounds", "1", "--seconds", "0.5", "--configs", "rnnoise"],
    "report.py": ["--rounds", "2", "--denoisers", "2", "--items", "10", "--players", "2"],
    "metrics.py": ["--items", "1", "--rounds", "1", "--seconds", "2"],
    "targets.py": ["--rounds", "1", "--seconds", "1"],
}
SCRIPTS = sorted(path.name for path in FOLDER.glob("[!_]*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_small_run_prints_its_table(name):
    done = subprocess.run(
        [sys.executable, name, *SMALL[name]], cwd=FOLDER, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "ratio" in done.stdout.splitlines()[0]
    assert len(done.stdout.splitlines()) > 2


def test_every_benchmark_is_documented():
    text = (FOLDER / "README.md").read_text()
    assert SCRIPTS
    assert [name for name in SCRIPTS if f"`{name}`" not in text] == []
