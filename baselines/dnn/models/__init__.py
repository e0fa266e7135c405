"""Networks: one module each, found by its presence, with a class ``Model``. All need PyTorch.

A model maps rows of features, (batch, frames, n_in), to rows of outputs, (batch, frames, n_out): the heads of an
objective side by side, activations applied. See `percepkit.baselines.dnn.models._base` for what causal models add.
"""

import pkgutil
from typing import Any

from percepkit.baselines.dnn.frames import Head
from percepkit.baselines.dnn.needs_torch import import_torch_module

__all__ = ["build", "names"]


def names() -> list[str]:
    """Names of all models, sorted.

    Examples
    --------
    >>> {"crn", "percepnet", "rnnoise", "unet"} <= set(names())
    True
    """
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def build(name: str, *, n_in: int, heads: tuple[Head, ...], **options: Any) -> Any:
    """Network by name, with random weights from PyTorch's generator.

    Parameters
    ----------
    name : str
        One of `names`.
    n_in : int
        Features in a row.
    heads : tuple of Head
        Of the objective.
    **options
        Of the model, such as its width or ``look_ahead_frames``.

    Raises
    ------
    ValueError
        For an unknown name or option, or features and heads that the model cannot serve.
    ImportError
        Without PyTorch, the extra ``dnn``.
    """
    if name not in names():
        raise ValueError(f"no model is called {name!r}; choose from {', '.join(names())}")
    model = import_torch_module(f"{__name__}.{name.replace('-', '_')}").Model
    try:
        return model(n_in=n_in, heads=heads, **options)
    except TypeError as error:
        raise ValueError(f"model {name} does not take these options: {error}") from error
