"""Finding a user's function by the name ``module:function`` given on the command line."""

import importlib

__all__ = ["import_attribute"]


def import_attribute(name: str) -> object:
    """Import what ``module:attribute`` names.

    Raises
    ------
    ValueError
        When the module cannot be imported or has no such attribute.

    Examples
    --------
    >>> import_attribute("math:hypot")(3, 4)
    5.0
    """
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:
        # The current folder is not added to sys.path: workers of a cluster would not see it.
        raise ValueError(
            f"cannot import {module_name!r} of {name!r} ({error}); install it or add its folder to PYTHONPATH"
        ) from error
    if not hasattr(module, attribute):
        raise ValueError(f"module {module_name!r} has no {attribute!r}; give MODULE:FUNCTION")
    return getattr(module, attribute)
