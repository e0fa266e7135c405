"""Trained networks that are shipped: every card in ``dnn/weights`` with its ONNX file is a denoiser.

A card is read when denoisers are listed; the network is loaded when it first runs. `percepkit baselines NAME`
prints what a network was trained on, and its scores and limits.
"""

from pathlib import Path

from percepkit.baselines.dnn.runtime import WholeNetworkDenoiser, load_network

__all__ = ["DENOISERS", "WEIGHTS", "networks_in"]

#: Folder of the files NAME.onnx and NAME.json, as `percepkit train export` writes them.
WEIGHTS = Path(__file__).resolve().parent / "dnn" / "weights"


def networks_in(folder: Path) -> tuple[WholeNetworkDenoiser, ...]:
    """Denoisers of all cards in a folder, sorted by the names of their files; none if there is no folder."""
    return tuple(load_network(card.with_suffix(".onnx")) for card in sorted(folder.glob("*.json")))


DENOISERS = networks_in(WEIGHTS)
