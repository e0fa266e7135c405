"""Leaves out of the doctests what cannot be imported without PyTorch, of the extra dnn."""

import importlib.util

collect_ignore_glob: list[str] = []
if importlib.util.find_spec("torch") is None:
    folder = "src/percepkit/baselines/dnn"
    collect_ignore_glob = [f"{folder}/losses/[!_]*.py", f"{folder}/losses/_[!_]*.py"]
    collect_ignore_glob += [f"{folder}/models/[!_]*.py", f"{folder}/models/_[!_]*.py"]
    needing = ("batches", "checkpoints", "export", "export_run", "sources", "system", "train")
    collect_ignore_glob += [f"{folder}/{name}.py" for name in needing]
