"""What a training run leaves for people: a table of its epochs, curves, and TensorBoard's files."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from percepkit.engine.tables import atomic_write, write_text

__all__ = ["CURVES", "LOG", "open_tensorboard", "write_log"]

LOG, CURVES = "log.csv", "curves.png"
#: Columns that are no scores.
COLUMNS = (
    "epoch", "step", "learning_rate", "train_loss", "valid_loss", "audio_hours", "seconds", "waiting_share",
    "data_cores",
)  # fmt: skip


def write_log(run: Path, history: Sequence[dict[str, float]], noisy: Mapping[str, float]) -> None:
    """Write ``log.csv``, one row an epoch, and ``curves.png``; a resumed run writes both whole.

    Parameters
    ----------
    run : Path
    history : sequence of dict
        Rows with the same keys: `COLUMNS`, and any scores.
    noisy : mapping
        Scores of what the network begins with.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    table.writeheader()
    table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in history)
    write_text(run / LOG, text.getvalue())
    _draw(run / CURVES, history, noisy)


def _draw(path: Path, history: Sequence[dict[str, float]], noisy: Mapping[str, float]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scores = [name for name in history[0] if name not in COLUMNS]
    figure = Figure(figsize=(4.2 * (1 + len(scores)), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(scores), squeeze=False)[0]
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(history) < 30 else None
    for name in ("train_loss", "valid_loss"):
        axes[0].plot(epochs, [row[name] for row in history], marker=marker, markersize=3, label=name.split("_")[0])
    axes[0].set_title("loss")
    axes[0].legend(frameon=False)
    for axis, name in zip(axes[1:], scores, strict=True):
        axis.plot(epochs, [row[name] for row in history], marker=marker, markersize=3, color="C1")
        if name in noisy:
            axis.axhline(noisy[name], color="0.5", linestyle="--", linewidth=1, label="noisy")
            axis.legend(frameon=False)
        axis.set_title(f"{name}, validation")
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def open_tensorboard(folder: Path, step: int) -> Any:
    """Writer of TensorBoard's files that forgets what lies behind ``step``; None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step or None)
