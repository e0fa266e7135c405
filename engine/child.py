"""A function in a process of its own, which may crash or hang without harm to the caller.

Started by `subprocess`, since a Dask worker may not have children of `multiprocessing`.
"""

import contextlib
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

from percepkit.engine import _child
from percepkit.engine.cluster import ONE_THREAD

__all__ = ["Child", "ChildCrashed", "ChildError", "ChildTimeout", "kill_group", "signal_name"]

_START_SECONDS = 120.0  # to import the function's module; PyTorch on a cold disk takes its time
_CHUNK_BYTES = 1 << 18
_STDERR_BYTES = 2000


class ChildError(RuntimeError):
    """The function raised; the child lives on.

    Attributes
    ----------
    type_name : str
        Name of the exception's class, e.g. ``"ValueError"``.
    message : str
        What the exception said.
    """

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(f"{type_name}: {message}" if message else type_name)
        self.type_name = type_name
        self.message = message

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.type_name, self.message)


class ChildCrashed(RuntimeError):
    """The child's process ended in the middle of a call.

    Attributes
    ----------
    signal : str or None
        Name of the signal that ended it, e.g. ``"SIGSEGV"``; None if it left by itself.
    """

    def __init__(self, message: str, signal: str | None = None) -> None:
        super().__init__(message)
        self.signal = signal

    def __reduce__(self) -> tuple[type, tuple[str, str | None]]:
        return type(self), (str(self), self.signal)


class ChildTimeout(RuntimeError):
    """The call took longer than the limit; the child and all that it started were killed."""


class Child:
    """Calls one function in a child process, which is started at the first call and used again.

    The child and its own children are one process group and are killed together; they end with
    `close`, with the ``with`` block, or with this process. One call runs at a time.

    Parameters
    ----------
    target : str
        The function, as ``"package.module:name"``. It is found on this process's ``sys.path``.
    timeout_seconds : float
        Longest time for one call; loading the function's module does not count.
    recycle_after : int, optional
        Start a new child after so many calls, for functions that leak memory.

    Raises
    ------
    ValueError
        When ``target`` is not written that way, or a number is not positive.

    Examples
    --------
    >>> with Child("math:hypot_of", timeout_seconds=10) as child:
    ...     child.call()
    Traceback (most recent call last):
    ...
    percepkit.engine.child.ChildError: AttributeError: module 'math' has no attribute 'hypot_of'
    """

    def __init__(self, target: str, timeout_seconds: float, *, recycle_after: int | None = None) -> None:
        module, _, name = target.partition(":")
        if not module or not name:
            raise ValueError(f"child target: expected 'module:function', found {target!r}")
        if not 0 < timeout_seconds < math.inf:
            raise ValueError(f"timeout_seconds: expected a number above 0, found {timeout_seconds}")
        if recycle_after is not None and recycle_after < 1:
            raise ValueError(f"recycle_after: expected at least 1, found {recycle_after}")
        self.target = target
        self.timeout_seconds = timeout_seconds
        self.recycle_after = recycle_after
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._calls = 0

    def call(self, **arguments: Any) -> Any:
        """Call the function with keyword arguments.

        Parameters
        ----------
        **arguments
            NumPy arrays, JSON-able scalars, and lists and dicts of those.

        Returns
        -------
        object
            What the function returned, of the same sorts; tuples come back as lists.

        Raises
        ------
        ChildError
            When the function, or the import of its module, raised.
        ChildCrashed
            When the process died, with the last that it wrote to stderr.
        ChildTimeout
            When the time was up. The next call starts a new child after this and after a crash.
        """
        frame = _child.encode([self.timeout_seconds, arguments])
        with self._lock:
            try:
                if self._process is None:
                    self._process = _start(self.target)
                self._calls += 1
                answer = self._process.exchange(frame, self.timeout_seconds)
            except BaseException:  # Ctrl-C too: half a frame may be on its way
                self._end()
                raise
            if self._calls == self.recycle_after:
                self._end()
        return _result(answer)

    def close(self) -> None:
        """End the child; a later call starts a new one."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
        self._process, self._calls = None, 0

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _start(target: str) -> "_Process":
    process = _Process(target)
    try:
        # The empty entry of an interactive session means the folder we are in.
        search_path = [entry or os.getcwd() for entry in sys.path]
        _result(process.exchange(_child.encode(search_path), _START_SECONDS))
    except BaseException:
        process.end()
        raise
    return process


def _result(answer: Any) -> Any:
    if "error" in answer:
        raise ChildError(answer["error"], answer["message"])
    return answer["result"]


class _Process:
    """One child process and its three pipes."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "percepkit.engine._child", target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )
        self.end = weakref.finalize(self, _kill, self.popen)  # runs when Python ends, too
        self.stderr = b""
        streams = (self.popen.stdin, self.popen.stdout, self.popen.stderr)
        self.pipes = [stream.fileno() for stream in streams if stream is not None]
        os.set_blocking(self.pipes[0], False)

    def exchange(self, frame: bytes, seconds: float) -> Any:
        """Send a frame and wait for the answer, reading stderr meanwhile so that no pipe fills up."""
        stdin, stdout, stderr = self.pipes
        deadline = time.monotonic() + seconds
        to_send, received = memoryview(frame), bytearray()
        self.stderr = b""
        with selectors.DefaultSelector() as ready:
            ready.register(stdin, selectors.EVENT_WRITE)
            ready.register(stdout, selectors.EVENT_READ)
            ready.register(stderr, selectors.EVENT_READ)
            while not _is_complete(received):
                events = ready.select(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline:
                    raise ChildTimeout(f"{self.target} took longer than {seconds:g} s and was stopped")
                for key, _ in events:
                    if key.fd == stdin:
                        to_send = self._send(to_send)
                        if not to_send:
                            ready.unregister(stdin)
                    elif chunk := os.read(key.fd, _CHUNK_BYTES):
                        if key.fd == stdout:
                            received += chunk
                        else:
                            self.stderr = (self.stderr + chunk)[-_STDERR_BYTES:]
                    elif key.fd == stdout:
                        raise self._crashed()
                    else:
                        ready.unregister(stderr)
        _, header_bytes = _child.frame_bytes(received)
        return _child.decode(received[_child.PREFIX_BYTES :], header_bytes)

    def _send(self, data: memoryview) -> memoryview:
        """Write what the pipe takes now; returns the rest."""
        try:
            return data[os.write(self.pipes[0], data[:_CHUNK_BYTES]) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            return data[:0]  # it died, which the end of its answers will tell

    def _crashed(self) -> ChildCrashed:
        """Say how the process ended; called when its answer broke off."""
        kill_group(self.popen)
        code = self.popen.wait()
        name = signal_name(-code) if code < 0 else None
        how = f"by {name}" if name else f"with exit code {code}"
        said = self._last_words()
        return ChildCrashed(f"{self.target} ended its process {how}{': ' + said if said else ''}", name)

    def _last_words(self) -> str:
        stderr = self.pipes[2]
        os.set_blocking(stderr, False)
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(stderr, _CHUNK_BYTES):
                self.stderr = (self.stderr + chunk)[-_STDERR_BYTES:]
        lines = self.stderr.decode(errors="replace").split("\n")
        return " | ".join(line.strip() for line in lines[-6:] if line.strip())


def _is_complete(received: bytearray) -> bool:
    return (
        len(received) >= _child.PREFIX_BYTES
        and len(received) >= _child.PREFIX_BYTES + _child.frame_bytes(received)[0]
    )


def signal_name(number: int) -> str:
    """Name of a signal, e.g. ``"SIGSEGV"``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def kill_group(popen: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session of its own, with all that it started, unless it has ended."""
    if popen.returncode is None:  # while it was not waited for, its number is nobody else's
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)


def _kill(popen: subprocess.Popen[bytes]) -> None:
    """Kill the whole group, idle or not: a child holds nothing worth a polite end."""
    kill_group(popen)
    popen.wait()
    for pipe in (popen.stdin, popen.stdout, popen.stderr):
        if pipe is not None:
            pipe.close()
