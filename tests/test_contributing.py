"""The worked example of CONTRIBUTING.md works as printed."""

import doctest
import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import percepkit.eval.metrics
from percepkit.eval.metrics import _interface

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text()


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Lay the example's module beside the metrics, as if it were one of them."""
    module, test = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "seg_snr.py").write_text(module)
    monkeypatch.setattr(percepkit.eval.metrics, "__path__", [*percepkit.eval.metrics.__path__, str(tmp_path)])
    _interface._registry.cache_clear()
    yield importlib.import_module("percepkit.eval.metrics.seg_snr"), test
    sys.modules.pop("percepkit.eval.metrics.seg_snr", None)
    vars(percepkit.eval.metrics).pop("seg_snr", None)
    _interface._registry.cache_clear()


def test_example_is_registered_and_scores(example):
    assert "seg_snr" in _interface.names()
    reference = np.sin(np.arange(16_000))
    outcomes = _interface.score_all(["seg_snr"], reference, 0.9 * reference, 16_000)
    assert outcomes["seg_snr"].value == pytest.approx(20)


def test_example_passes_its_own_tests(example):
    module, test = example
    assert doctest.testmod(module) == (0, 2)
    names = {}
    exec(compile(test, "CONTRIBUTING.md", "exec"), names)
    tests = [function for name, function in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for function in tests:
        function()
