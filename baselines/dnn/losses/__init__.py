"""What training minimises: one module each, found by its presence.

A module has ``DOMAIN``, "outputs" or "signal", and ``start(*, sample_rate, heads)``, which returns a function of
(estimate, target, valid): three tensors of one shape, (batch, frames, size) for outputs and (batch, samples) for
signals. Where ``valid`` is false nothing counts; what remains is averaged. All need PyTorch.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.needs_torch import import_torch_module

__all__ = ["Loss", "make", "names"]

NOT_LOSSES = {"signals"}


@dataclass(frozen=True)
class Loss:
    """A loss, ready to be called with (estimate, target, valid); returns a tensor of one number.

    Parameters
    ----------
    name : str
    domain : {"outputs", "signal"}
        Whether it compares an objective's ``predict`` with its targets, or waveforms.
    function : callable
    """

    name: str
    domain: Literal["outputs", "signal"]
    function: Callable[[Any, Any, Any], Any]

    def __call__(self, estimate: Any, target: Any, valid: Any) -> Any:
        """Compute the loss."""
        return self.function(estimate, target, valid)


def names() -> list[str]:
    """Names of all losses, sorted.

    Examples
    --------
    >>> {"mse", "si-sdr", "percepnet-2020"} <= set(names())
    True
    """
    modules = {module.name for module in pkgutil.iter_modules(__path__)} - NOT_LOSSES
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def make(name: str, *, sample_rate: int, heads: tuple[Head, ...]) -> Loss:
    """Loss by name.

    Parameters
    ----------
    name : str
        One of `names`.
    sample_rate : int
        In Hz.
    heads : tuple of Head
        Of the objective.

    Raises
    ------
    ValueError
        For an unknown name, or heads that the loss does not know.
    ImportError
        Without PyTorch, the extra ``dnn``.
    """
    if name not in names():
        raise ValueError(f"no loss is called {name!r}; choose from {', '.join(names())}")
    module = import_torch_module(f"{__name__}.{name.replace('-', '_')}")
    return Loss(name, module.DOMAIN, module.start(sample_rate=sample_rate, heads=heads))
