"""A Dask cluster for the length of one ``with`` block: on this computer, or one that runs already."""
# mypy: disable-error-code="no-untyped-call"
# (Dask is typed in part only.)

import ast
import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing Dask takes a second, which commands that need no cluster should not pay
    from distributed import Client, LocalCluster

__all__ = ["ONE_THREAD", "Serial", "client"]

#: One thread for every numeric library: the shards are what runs in parallel, and the bytes of
#: float32 matrix products would change with the number of threads.
ONE_THREAD: Mapping[str, str] = {
    f"{library}_THREADS": "1" for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
}

#: What Dask does besides the work, in each of its processes and in ours: its profiler looks at the worker's stack
#: a hundred times a second, its clock ticks fifty times. Together they took 7 % of a core with two workers.
_QUIET: Mapping[str, object] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.tick.cycle": "2s",
}

_CONNECT_SECONDS = 5
_CLOSE_SECONDS = 2
_NO_GUARD = (
    "error: {script}: work is started outside `if __name__ == '__main__':`, but worker processes import "
    "the script again; put what the script does under that line (or use processes=False)"
)


class Serial:
    """Stands in for a Dask client: shards run one after another in this process."""

    dashboard_link = ""


@contextlib.contextmanager
def client(
    workers: int | None = None, scheduler: str | None = None, *, processes: bool = True
) -> Iterator["Client | Serial"]:
    """Open a cluster that `percepkit.engine.shards.map_shards` can work on; close it at the end.

    Parameters
    ----------
    workers : int, optional
        Number of workers with one thread each, by default one for each processor. 0 runs everything
        in this process without Dask, which is best for a debugger. Ignored with ``scheduler``.
    scheduler : str, optional
        Address of a scheduler that runs already, like ``"tcp://10.0.0.5:8786"``. It is left running.
    processes : bool
        Worker processes, or threads of this process. Threads start at once, but share one
        interpreter lock, which PESQ holds.

    Yields
    ------
    distributed.Client or Serial
        ``dashboard_link`` is the address of the dashboard, open to this computer only, on a free port.

    Raises
    ------
    ValueError
        When ``workers`` is negative or no scheduler answers at the address.
    SystemExit
        With one line for the reader, when a script starts processes without a main guard.

    Examples
    --------
    >>> with client(0) as serial:
    ...     serial.dashboard_link
    ''
    """
    if workers is not None and workers < 0:
        raise ValueError(f"workers: expected 0 or more, found {workers}")
    if scheduler is not None:
        with _connect(scheduler) as connected:
            yield connected
    elif workers == 0:
        yield Serial()
    else:
        with _local(workers, processes=processes) as connected:
            yield connected


@contextlib.contextmanager
def _connect(address: str) -> Iterator["Client"]:
    from distributed import Client

    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook's own event loop is in use
            thread.submit(asyncio.run, _greet(address)).result()
    except (OSError, ValueError, TypeError, MemoryError) as error:  # the last from a server of another sort
        reason = str(error).rstrip(".") or f"no greeting within {_CONNECT_SECONDS} s"
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({reason}); expected an address like "
            "'tcp://10.0.0.5:8786', as `dask scheduler` prints it"
        ) from error
    with Client(address, timeout=_CONNECT_SECONDS, set_as_default=False) as connected:
        yield connected


async def _greet(address: str) -> None:
    """Shake hands and leave: unlike a Client that failed to connect, this leaves nothing running."""
    from distributed import Security
    from distributed.comm.core import connect

    credentials = Security().get_connection_args("client")
    async with asyncio.timeout(_CONNECT_SECONDS + 0.5):  # Dask's own limit forgets servers that stay silent
        comm = await connect(address, timeout=_CONNECT_SECONDS, **credentials)
    comm.abort()


@contextlib.contextmanager
def _local(workers: int | None, *, processes: bool) -> Iterator["Client"]:
    if processes:
        _check_main_guard()
    import dask
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    count = workers or CPU_COUNT
    with contextlib.ExitStack() as stack:
        if processes:
            stack.enter_context(_no_phantom_script())
            stack.enter_context(_one_thread_environment())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="percepkit-", ignore_cleanup_errors=True))
        stack.enter_context(dask.config.set({"temporary-directory": folder, **_QUIET}))
        with _interrupts_ignored():
            cluster = LocalCluster(
                n_workers=count if processes else 1,
                threads_per_worker=1 if processes else count,
                processes=processes,
                protocol="tcp",
                memory_limit=0,  # no pausing or killing of workers by size: a shard needs little
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,  # a failed shard is our error, raised and told once
            )
            stack.enter_context(cluster)
        stack.callback(_stop_workers, cluster)
        yield stack.enter_context(Client(cluster, set_as_default=False))


def _stop_workers(cluster: "LocalCluster") -> None:
    """End the workers soon, also those at work (after Ctrl-C); Dask alone would wait much longer."""

    async def stop() -> None:
        closing = (worker.close(timeout=_CLOSE_SECONDS) for worker in cluster.workers.values())
        await asyncio.gather(*closing, return_exceptions=True)

    cluster.sync(stop)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C in the processes started meanwhile, which inherit this, so that only we answer it.

    For us it means that Ctrl-C has no effect during the second or two in which the cluster starts.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _one_thread_environment() -> Iterator[None]:
    """Let worker processes inherit `ONE_THREAD`, which libraries read while they are loaded.

    Dask alone would let the caller's environment win, and would leave its own settings in it.
    """
    import dask

    names = (*ONE_THREAD, "PYTHONHASHSEED")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(ONE_THREAD)
    try:
        with dask.config.set({"distributed.nanny.pre-spawn-environ": dict(ONE_THREAD)}):
            yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


@contextlib.contextmanager
def _no_phantom_script() -> Iterator[None]:
    """Hide the script's name where there is no such file (``python - <<EOF``): workers would open it."""
    main = sys.modules["__main__"]
    name = getattr(main, "__file__", None)
    if name is None or os.path.exists(name):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = name


def _check_main_guard() -> None:
    """Stop with one line when worker processes would run the script again from its top.

    Raises
    ------
    SystemExit
        In the script itself, before any process is started; and in a process that is being started,
        for a script that hid its call from us, say in a thread.
    """
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None)
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(_NO_GUARD.format(script=script or "the script"))
    if script is None or not os.path.exists(script):
        return
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals is vars(main) and frame.f_code.co_name == "<module>":
            if not _is_guarded(frame.f_code, frame.f_lineno):
                raise SystemExit(_NO_GUARD.format(script=script))
            return
        frame = frame.f_back


def _is_guarded(code: CodeType, line: int) -> bool:
    """Whether a line of a script stands inside an ``if`` on ``__name__`` at the script's top level."""
    try:
        with open(code.co_filename, "rb") as file:
            statements = ast.parse(file.read()).body
    except (OSError, SyntaxError, ValueError):
        return True  # not a Python source: nothing that a process could run again
    for statement in statements:
        if isinstance(statement, ast.If) and statement.lineno <= line <= (statement.end_lineno or line):
            return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test))
    return False
