import sys

import pytest

from percepkit.baselines.dnn import losses, models
from percepkit.baselines.dnn.frames import Head


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("percepkit.baselines.dnn.models.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"rnnoise needs PyTorch.*pip install '\.\[dnn\]'"):
        models.build("rnnoise", n_in=3, heads=(Head("gains", 2, "sigmoid"),))
    for name in [name for name in sys.modules if name.startswith("percepkit.baselines.dnn.losses.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="mse needs PyTorch"):
        losses.make("mse", sample_rate=16_000, heads=())
