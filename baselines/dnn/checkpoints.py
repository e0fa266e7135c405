"""Checkpoints: what a run needs to go on as if nothing had happened, and weights for use."""

import pickle
from pathlib import Path
from typing import Any

import torch

from percepkit.engine.tables import atomic_write

__all__ = ["BEST", "LAST", "read_checkpoint", "write_checkpoint"]

LAST, BEST = "last.pt", "best.pt"
FORMAT_VERSION = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; the name only ever shows the old or the complete new file."""
    with atomic_write(path) as temporary:
        torch.save(content | {"format_version": FORMAT_VERSION}, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote, onto the CPU; objects other than tensors and plain values are refused.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or of another format; the message names it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such checkpoint; `percepkit train run` writes one") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a readable checkpoint ({reason}); train again without --resume") from None
    if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"{path}: expected a checkpoint of format {FORMAT_VERSION}; train again")
    return content
