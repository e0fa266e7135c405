"""What tells one state of a denoiser from another, so that scores of the one are not taken for the other's.

A denoiser is told by its ``fingerprint``, if it has one (of files, programs and models), and by its source: the
module that it begins in and whatever this imports, as far as that belongs to percepkit or lies outside of the
folders that packages were installed into: Python's own, and others that hold their ``*.dist-info``. Of an
installed package only its own modules count. What code reads from files that are no modules is not seen.
"""

import ast
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

from percepkit.baselines import registry

__all__ = ["fingerprint_of", "sources_of"]

_INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]


def fingerprint_of(name: str) -> str:
    """Digest of a denoiser's state.

    Parameters
    ----------
    name : str
        As for `percepkit.baselines.registry.load`.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    ValueError
        If there is no denoiser of this name.

    Examples
    --------
    >>> [fingerprint_of("wiener") == fingerprint_of(name) for name in ("wiener-leading", "omlsa")]
    [True, False]
    """
    digest = blake2b(str(getattr(registry.load(name), "fingerprint", "")).encode(), digest_size=16)
    for path in sources_of(registry.module_of(name)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def sources_of(module: str) -> list[Path]:
    """Files of a module and of all that it imports, as far as they count; sorted by the modules' names.

    Examples
    --------
    >>> {"wiener.py", "omlsa.py"} & {path.name for path in sources_of("percepkit.baselines.omlsa")}
    {'omlsa.py'}
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else _file_of(name, module)
        if path is not None:
            found[name] = path
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            waiting += [name.rpartition(".")[0], *_imports(path.read_bytes(), package)]
    return [found[name] for name in sorted(found)]


def _file_of(name: str, root: str) -> Path | None:
    """Source of a module that counts; nothing is imported to find it."""
    top, *rest = name.split(".")
    spec = find_spec(top) if top else None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    origin = Path(spec.origin)
    if top not in ("percepkit", root.partition(".")[0]) and _installed(origin):
        return None
    if not rest:
        return origin
    path = origin.parent.joinpath(*rest)
    candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _installed(origin: Path) -> bool:
    folder = origin.parent.parent if origin.name == "__init__.py" else origin.parent
    return any(origin.resolve().is_relative_to(known) for known in _INSTALLED) or _holds_packages(folder)


@lru_cache(maxsize=256)
def _holds_packages(folder: Path) -> bool:
    return any(folder.glob("*.dist-info"))


@lru_cache(maxsize=4096)
def _imports(source: bytes, package: str) -> tuple[str, ...]:
    """Names that may be modules, wherever in the source they are imported."""
    return tuple(_walk(source, package))


def _walk(source: bytes, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
