"""Run by scaling.py in a process of its own, since workers import the main script: this one imports little."""

import sys
import time
from importlib import import_module

from percepkit.engine import cluster

HEAVY = ("torch", "matplotlib", "IPython", "pyroomacoustics", "sklearn", "pesq", "bokeh")


def ready() -> tuple[float, float, list[str]]:
    """On a worker: import the renderer; seconds of CPU before and after, and heavy libraries among the modules."""
    before = time.process_time()
    import_module("percepkit.synth.run")
    return before, time.process_time(), [name for name in HEAVY if name in sys.modules]


def main() -> None:
    """Print how soon two fresh workers are ready."""
    import_module("distributed")  # the time of this process, not of its workers
    begun = time.perf_counter()
    with cluster.client(2) as client:
        connected = time.perf_counter() - begun
        found = list(client.run(ready).values())
        imported = time.perf_counter() - begun
    before, after, _ = max(found)
    heavy = sorted({name for _, _, names in found for name in names})
    print(f"{connected:7.2f}{imported:8.2f}{before:14.2f}{after:13.2f}   {', '.join(heavy) or 'none'}")


if __name__ == "__main__":
    main()
