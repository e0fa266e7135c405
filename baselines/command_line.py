"""A denoiser that is a command: it reads one sound file and writes another."""

import os
import shlex
import shutil
import tempfile
from pathlib import Path

import numpy as np

from percepkit.audio.files import write
from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.baselines.made_elsewhere import read_enhanced
from percepkit.engine.command import run_command

__all__ = ["CommandDenoiser"]

TIMEOUT_SECONDS = 600.0


class CommandDenoiser:
    """A command with ``{in}`` and ``{out}`` where the names of its files go.

    It is run for every signal, in a folder of its own, on a WAV file of 16 bits; no shell reads it. Its output may
    be of any container and rate, and end up to 50 ms early or late.

    Parameters
    ----------
    command : str
        Split as a shell would, e.g. ``"mydenoise --in {in} --out {out}"``. Files that exist are found from the
        folder in which percepkit runs.
    name : str
        Name in tables.
    timeout_seconds : float, optional

    Raises
    ------
    ValueError
        If ``{in}`` or ``{out}`` is missing, or there is no such program.
    """

    def __init__(self, command: str, name: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        try:
            arguments = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}; close the quotation") from None
        for mark in ("{in}", "{out}"):
            if not any(mark in argument for argument in arguments[1:]):
                raise ValueError(
                    f"{name!r}: no argument holds {mark}; write e.g. cmd:mine --in {{in}} --out {{out}}"
                )
        if shutil.which(arguments[0]) is None:
            raise ValueError(f"{name!r}: there is no program {arguments[0]!r}; check the name and PATH")
        # It runs in a folder of its own, where relative names would be lost.
        self._arguments = [arguments[0], *map(_found, arguments[1:])]
        if "/" in arguments[0]:
            self._arguments[0] = os.path.abspath(arguments[0])  # not resolved: a link knows its environment
        self._timeout_seconds = timeout_seconds
        self.spec = Spec(name=name, summary=f"The command {arguments[0]}.", aligned=False)

    @property
    def fingerprint(self) -> str:
        """Tells other contents of the program, and of files that it is given, from these."""
        found = [Path(shutil.which(self._arguments[0]) or ""), *map(Path, self._arguments[1:])]
        return repr([(path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.is_file()])

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `Denoiser`.

        Raises
        ------
        ChildCrashed, ChildTimeout
            If the command fails, or takes too long.
        ValueError
            If what it writes is no answer to its input.
        """
        as_float64(noisy)
        with tempfile.TemporaryDirectory(prefix="percepkit-") as folder:
            source, target = Path(folder, "noisy.wav"), Path(folder, "enhanced.wav")
            write(source, noisy, sample_rate)
            marks = (("{in}", str(source)), ("{out}", str(target)))
            run_command(
                [_filled(argument, marks) for argument in self._arguments],
                folder=folder,
                timeout_seconds=self._timeout_seconds,
            )
            if not target.is_file():
                raise ValueError(f"{self.spec.name} ended well but did not write its output {{out}}")
            return read_enhanced(target, len(noisy), sample_rate).astype(noisy.dtype, copy=False)

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: it is given whole signals; what it delays is measured."""
        return 0


def _found(argument: str) -> str:
    return os.path.abspath(argument) if argument and Path(argument).exists() else argument


def _filled(argument: str, marks: tuple[tuple[str, str], ...]) -> str:
    for mark, path in marks:
        argument = argument.replace(mark, path)
    return argument
