"""Other people's commands: run without a shell, with a time limit, and ended with all that they started."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from percepkit.engine.child import ChildCrashed, ChildTimeout, kill_group, signal_name
from percepkit.engine.cluster import ONE_THREAD

__all__ = ["run_command"]

_LAST_BYTES = 2000


def run_command(arguments: Sequence[str], *, folder: str | os.PathLike[str], timeout_seconds: float) -> None:
    """Run a command to its end.

    Parameters
    ----------
    arguments : sequence of str
        Program and arguments, handed over as they are: no shell reads them.
    folder : path
        Where it runs.
    timeout_seconds : float

    Raises
    ------
    ValueError
        When the program is not found or may not be run.
    ChildCrashed
        When it ended by a signal or with an exit code other than 0, with the last that it wrote.
    ChildTimeout
        When the time was up; it and all that it started were killed.

    Examples
    --------
    >>> run_command(["false"], folder=".", timeout_seconds=10)
    Traceback (most recent call last):
    percepkit.engine.child.ChildCrashed: false ended with exit code 1
    """
    program = arguments[0]
    with tempfile.TemporaryFile() as said:  # a pipe could fill up, or be kept open by what outlives the command
        try:
            popen = subprocess.Popen(
                list(arguments),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        except OSError as error:
            raise ValueError(f"cannot run {program!r} ({error.strerror}); check the name and PATH") from error
        try:
            code = popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise ChildTimeout(f"{program} took longer than {timeout_seconds:g} s and was stopped") from None
        finally:
            kill_group(popen)  # nothing where it has ended
            popen.wait()
        if code:
            name = signal_name(-code) if code < 0 else None
            how = f"by {name}" if name else f"with exit code {code}"
            words = _last_lines(said)
            raise ChildCrashed(f"{Path(program).name} ended {how}{': ' + words if words else ''}", name)


def _last_lines(said: BinaryIO) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_BYTES))
    lines = said.read().decode(errors="replace").split("\n")
    return " | ".join(line.strip() for line in lines[-6:] if line.strip())
