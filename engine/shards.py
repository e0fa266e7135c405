"""Mapping a function over shards with few in flight, and committing each shard's folder at once."""
# mypy: disable-error-code="no-untyped-call"
# (Dask is typed in part only.)

import contextlib
import os
import re
import shutil
import threading
import uuid
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from percepkit.engine.cluster import Serial
from percepkit.engine.tables import fsync_path

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["commit_folder", "map_shards", "sweep_attempts"]

Shard = TypeVar("Shard")

_IN_FLIGHT_PER_THREAD = 2  # one at work, one waiting: nobody idles, and little is lost by a stop
_LOOK_SECONDS, _LOST_SECONDS = 5.0, 300.0  # how often workers are looked for, and how long they may be missing
_ATTEMPT = re.compile(r"\..+\.[0-9a-f]{32}\.tmp(\.[^.]+)?")


@dataclass(frozen=True)
class _Payload:
    """Keeps Dask from looking for tasks inside the payload."""

    value: Any


@dataclass(frozen=True)
class _Work:
    """One shard's call, with the shard kept out of Dask's sight for the same reason."""

    function: Callable[..., Any]
    shard: Any

    def __call__(self, payload: _Payload | None = None) -> Any:
        return self.function(self.shard) if payload is None else self.function(self.shard, payload.value)


def map_shards(
    function: Callable[..., Any],
    shards: Iterable[Shard],
    *,
    client: "Client | Serial",
    payload: Any = None,
    max_in_flight: int | None = None,
    on_result: Callable[[Shard, Any], None] | None = None,
) -> Iterator[tuple[Shard, Any]]:
    """Run a function on every shard and hand out each result as soon as it is there.

    Shards are taken from the iterable only as fast as they are worked on, and a result is let go of
    when it has been handed out, so memory stays constant. A shard whose worker process dies is run
    again elsewhere, so the function must allow a second run, see `commit_folder`.

    Parameters
    ----------
    function : callable
        Called as ``function(shard, payload)``, or ``function(shard)`` without a payload.
    shards : iterable
        What tells the shards apart, e.g. their numbers.
    client : distributed.Client or Serial
        From `percepkit.engine.cluster.client`.
    payload : object, optional
        What all shards need, e.g. the recipe; sent to the cluster once.
    max_in_flight : int, optional
        How many shards may be at work or waiting at a time, by default two for each worker thread.
    on_result : callable, optional
        Called as ``on_result(shard, result)`` before each pair is handed out.

    Yields
    ------
    (shard, result)
        In the order of completion. Closing the iterator cancels what is in flight.

    Raises
    ------
    ValueError, OSError, RuntimeError
        What the function raised, with the shard named: ``ValueError`` and ``OSError`` keep their
        kind, others become ``RuntimeError``. ``OSError`` too when a shard's worker died repeatedly, or
        the scheduler went away, or all workers of a local cluster did for five minutes.

    Examples
    --------
    >>> from percepkit.engine.cluster import client
    >>> with client(0) as serial:
    ...     list(map_shards(lambda shard, factor: shard * factor, [1, 2], client=serial, payload=10))
    [(1, 10), (2, 20)]
    """
    if max_in_flight is not None and max_in_flight < 1:
        raise ValueError(f"max_in_flight: expected at least 1, found {max_in_flight}")
    results: Generator[tuple[Shard, Any]]
    if isinstance(client, Serial):
        results = _serial(function, shards, payload)
    else:
        results = _parallel(function, shards, payload, client, max_in_flight)
    with contextlib.closing(results):
        for shard, result in results:
            if on_result is not None:
                on_result(shard, result)
            yield shard, result


def _serial(function: Callable[..., Any], shards: Iterable[Shard], payload: Any) -> Generator[tuple[Shard, Any]]:
    held = None if payload is None else _Payload(payload)
    for shard in shards:
        try:
            result = _Work(function, shard)(held)
        except Exception as error:
            raise _named(error, shard) from error
        yield shard, result


def _parallel(
    function: Callable[..., Any],
    shards: Iterable[Shard],
    payload: Any,
    client: "Client",
    max_in_flight: int | None,
) -> Generator[tuple[Shard, Any]]:
    from distributed import as_completed

    run = uuid.uuid4().hex  # keys of our own: Dask must never take an older run's result for ours
    held = [] if payload is None else [_send(client, payload, f"payload-{run}")]
    waiting = enumerate(shards)
    in_flight: dict[Future, Shard] = {}
    completed = as_completed(loop=client.loop)

    def refill() -> None:
        room = (max_in_flight or _in_flight(client)) - len(in_flight)
        for _, (number, shard) in zip(range(room), waiting, strict=False):
            future = client.submit(
                _Work(function, shard),
                *held,
                key=f"shard-{run}-{number}",
                pure=False,
                priority=-number,  # else those sent within a tenth of a second start in any order
            )
            in_flight[future] = shard
            completed.add(future)

    try:
        with _abandoned(client, lambda: client.cancel(list(in_flight))):
            refill()
            for future in completed:
                shard = in_flight.pop(future)
                result = _result(future, shard)
                del future
                refill()
                yield shard, result
                del result
    finally:
        client.cancel(list(in_flight))


@contextlib.contextmanager
def _abandoned(client: "Client", give_up: Callable[[], object]) -> Generator[None]:
    """Give up where all workers of a local cluster are gone for good: Dask would wait for others for ever."""
    if client.cluster is None:  # elsewhere workers may come hours later, as a queue lets them
        yield
        return
    over = threading.Event()

    def watch() -> None:
        lost = 0.0
        while lost < _LOST_SECONDS and not over.wait(_LOOK_SECONDS):
            try:
                lost = 0.0 if client.nthreads() else lost + _LOOK_SECONDS
            except Exception:  # the scheduler is gone, which the shards at work tell by themselves
                return
        if not over.is_set():
            give_up()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _send(client: "Client", payload: Any, key: str) -> "Future":
    """Make the payload a task of its own: unlike scattered data it outlives the workers that hold it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        return client.submit(_Payload, payload, key=key, pure=False)


def _in_flight(client: "Client") -> int:
    """Twice the worker threads there are by now: clusters grow and shrink."""
    return _IN_FLIGHT_PER_THREAD * max(1, sum(client.nthreads().values()))


def _result(future: "Future", shard: object) -> Any:
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        return future.result()
    except KilledWorker as error:
        raise OSError(
            f"shard {_name(shard)}: its worker process died {error.allowed_failures + 1} times "
            "(out of memory, or a crash in native code); use fewer workers or smaller shards"
        ) from error
    except (CancelledError, CommClosedError) as error:  # which of them, is a matter of the moment
        raise OSError(
            f"shard {_name(shard)}: the scheduler or all workers went away while it was at work; start the run "
            "again, which resumes"
        ) from error
    except Exception as error:
        raise _named(error, shard) from error


def _named(error: Exception, shard: object) -> Exception:
    kind = next((kind for kind in (ValueError, OSError) if isinstance(error, kind)), RuntimeError)
    what = str(error) if kind is not RuntimeError else f"{type(error).__name__}: {error}"
    return kind(f"shard {_name(shard)}: {what}")


def _name(shard: object) -> str:
    text = str(shard)
    return text if len(text) <= 100 else text[:97] + "..."


@contextlib.contextmanager
def commit_folder(final: str | os.PathLike[str], *, marker: str = "items.parquet") -> Iterator[Path]:
    """Make a folder that appears complete or not at all, however often and wherever it is attempted.

    Parameters
    ----------
    final : path
        The folder to make. Where it exists with its marker another attempt was faster, and ours is
        dropped; without its marker it is a broken one, and replaced.
    marker : str
        The file whose presence says that the folder is whole; the block must write it.

    Yields
    ------
    Path
        A fresh folder beside ``final``, for this attempt alone. When the block raises, it is removed.

    Raises
    ------
    ValueError
        When the block did not write the marker.

    Examples
    --------
    >>> import tempfile
    >>> corpus = tempfile.TemporaryDirectory()
    >>> with commit_folder(Path(corpus.name, "00000"), marker="done") as attempt:
    ...     (attempt / "done").touch()
    >>> [folder.name for folder in Path(corpus.name).iterdir()]
    ['00000']
    >>> corpus.cleanup()
    """
    final = Path(final)
    attempt = _attempt_name(final)
    attempt.mkdir(parents=True)
    try:
        yield attempt
        if not (attempt / marker).is_file():
            raise ValueError(f"{final}: cannot be committed, since {marker} was not written; write it last")
        _fsync_tree(attempt)
        _place(attempt, final, marker)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)


def _attempt_name(final: Path) -> Path:
    return final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")


def _fsync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            fsync_path(Path(parent, name))
        fsync_path(Path(parent))


def _place(attempt: Path, final: Path, marker: str) -> None:
    while not (final / marker).is_file():
        try:
            os.rename(attempt, final)
        except OSError:
            if not final.exists():
                raise
            broken = _attempt_name(final)  # swept at the next start should we die before the removal
            os.rename(final, broken)
            _remove(broken)
        else:
            fsync_path(final.parent)
            return


def sweep_attempts(folder: str | os.PathLike[str]) -> int:
    """Remove what killed runs left unfinished in a folder: attempts at folders and at files.

    Call it only at the start of a run or when all of it is done: it cannot tell a dead attempt from one at work.

    Parameters
    ----------
    folder : path
        The folder that `commit_folder` or `percepkit.engine.tables.atomic_write` wrote into. It need
        not exist.

    Returns
    -------
    int
        How many were removed.
    """
    folder = Path(folder)
    stale = [path for path in folder.iterdir() if _ATTEMPT.fullmatch(path.name)] if folder.is_dir() else []
    for path in stale:
        _remove(path)
    return len(stale)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
