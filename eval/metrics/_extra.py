"""Packages that only the extra ``learned`` brings: which are there, and in which version."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

__all__ = ["missing_packages", "version_with"]


def missing_packages(names: Iterable[str]) -> list[str]:
    """Those of some packages that cannot be imported; imports none.

    Examples
    --------
    >>> missing_packages(["numpy", "no_such_package"])
    ['no_such_package']
    """
    return [name for name in names if find_spec(name) is None]


def version_with(own: str, *packages: str) -> str:
    """Version of a metric that other people's packages compute.

    Examples
    --------
    >>> version_with("1", "no-such-package")
    '1+no-such-package-none'
    """
    return "+".join([own, *(f"{name}-{_version(name)}" for name in packages)])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
