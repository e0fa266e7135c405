"""Import of the modules that need PyTorch, with an error that says how to get it."""

import importlib
from types import ModuleType

__all__ = ["import_torch_module"]


def import_torch_module(name: str) -> ModuleType:
    """Import a module of this package that imports PyTorch.

    Parameters
    ----------
    name : str
        Dotted name.

    Raises
    ------
    ImportError
        If PyTorch is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(
            f"{name} needs PyTorch, which is not installed; install percepkit with its extra: pip install '.[dnn]'"
        ) from error
