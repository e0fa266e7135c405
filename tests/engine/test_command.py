"""Commands of others: their words when they fail, and nothing left of them when they hang."""

import os
import sys
import time
from pathlib import Path

import pytest

from percepkit.engine.child import ChildCrashed, ChildTimeout
from percepkit.engine.command import run_command


def run(code, *arguments, folder=".", timeout=30):
    run_command([sys.executable, "-c", code, *arguments], folder=folder, timeout_seconds=timeout)


def test_arguments_are_handed_over_as_they_are(tmp_path):
    run("import sys; open('said', 'w').write('|'.join(sys.argv[1:]))", "a b", "$HOME; echo", "", folder=tmp_path)
    assert (tmp_path / "said").read_text() == "a b|$HOME; echo|"


def test_a_failure_brings_its_last_words():
    with pytest.raises(ChildCrashed, match=r"ended with exit code 3: first \| model not found$") as raised:
        run("import sys; print('first'); print('model not found', file=sys.stderr, flush=True); sys.exit(3)")
    assert raised.value.signal is None


def test_a_signal_has_its_name():
    with pytest.raises(ChildCrashed, match="by SIGSEGV") as raised:
        run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert raised.value.signal == "SIGSEGV"


def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path):
    with pytest.raises(ChildTimeout, match="longer than 2 s"):
        run_command(["sh", "-c", "sleep 100 & echo $! > pid; wait"], folder=tmp_path, timeout_seconds=2)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except FileNotFoundError:
            return
        if state == "Z":  # dead, and nobody has asked yet
            return
        time.sleep(0.05)
    os.kill(pid, 9)
    pytest.fail("its child outlived it")


def test_a_program_that_does_not_exist():
    with pytest.raises(ValueError, match=r"cannot run 'no-such-program' \(No such file"):
        run_command(["no-such-program"], folder=".", timeout_seconds=1)
