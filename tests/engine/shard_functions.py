"""What workers run in the tests of the engine; worker processes import it by name."""

import os
import signal
import sys
import time
from pathlib import Path

from percepkit.engine.child import Child
from percepkit.engine.shards import commit_folder


def scale(shard, payload):
    return shard * payload["factor"]


def add_one(shard):
    return shard + 1


def fail(shard):
    raise {"value": ValueError, "os": OSError, "key": KeyError}[shard]("what went wrong")


def sleep(shard):
    time.sleep(shard)
    return shard


def leave_mark_and_sleep(shard, folder):
    Path(folder, str(shard)).touch()
    time.sleep(60)


def die_once(shard, payload):
    """Kill the worker process at the first attempt at shard 3."""
    mark = Path(payload["folder"], "died")
    if shard == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shard * payload["factor"]


def die(shard):
    os.kill(os.getpid(), signal.SIGKILL)


def surroundings(shard):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    heavy = [name for name in ("torch", "matplotlib", "numba") if name in sys.modules]
    return {"threads": [os.environ.get(name) for name in names], "heavy": heavy, "pid": os.getpid()}


def total_in_child(shard):
    with Child("child_functions:total", timeout_seconds=20) as child:
        import numpy as np

        return child.call(x=np.arange(shard))


def write_shard(final):
    """Commit a folder of three files, the marker last, over and over."""
    with commit_folder(final) as attempt:
        for name in ("a.wav", "b.npy"):
            (attempt / name).write_bytes(name.encode() * 100_000)
        (attempt / "items.parquet").write_bytes(b"whole")
