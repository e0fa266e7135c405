"""Training corpora for speech denoisers, oracle targets, and a benchmark that judges denoisers."""

from importlib.metadata import version as _version

__version__ = _version("percepkit")
