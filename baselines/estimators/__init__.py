"""Noise estimators: from the power of frames to the noise power in them, frame by frame.

Each file holds one, the name under `ESTIMATORS` joins it to gain rules: ``load("log-mmse+mcra")``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from percepkit.baselines.estimators._tracker import NoiseEstimator, Tracker
from percepkit.baselines.estimators.imcra import Imcra
from percepkit.baselines.estimators.leading import Leading
from percepkit.baselines.estimators.mcra import Mcra
from percepkit.baselines.estimators.minimum_statistics import MinimumStatistics
from percepkit.baselines.estimators.quantile import Quantile
from percepkit.baselines.estimators.spp import Spp

__all__ = ["ESTIMATORS", "NoiseEstimator"]

#: Name -> class; an instance is made on a `Grid` and follows one channel.
ESTIMATORS: Mapping[str, type[Tracker]] = MappingProxyType(
    {
        "imcra": Imcra,
        "leading": Leading,
        "mcra": Mcra,
        "minimum": MinimumStatistics,
        "quantile": Quantile,
        "spp": Spp,
    }
)
