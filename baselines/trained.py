"""Trained networks that are shipped: every card in ``dnn/weights`` with its ONNX file is a denoiser.

A card is read when denoisers are listed; the network is loaded when it first runs. `percepkit baselines NAME` prints
what a network was trained on, and its scores and limits.
"""

from pathlib import Path

from percepkit.baselines.dnn.runtime import load_network

__all__ = ["DENOISERS", "WEIGHTS"]

#: Folder of the files NAME.onnx and NAME.json, as `percepkit train export` writes them.
WEIGHTS = Path(__file__).resolve().parent / "dnn" / "weights"

DENOISERS = tuple(load_network(card.with_suffix(".onnx")) for card in sorted(WEIGHTS.glob("*.json")))
