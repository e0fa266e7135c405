"""A network with what it sees, predicts and minimises, and the computation of both on batches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from percepkit.baselines.dnn import losses, models
from percepkit.baselines.dnn.config import TrainConfig
from percepkit.baselines.dnn.data import Preparation
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.frames import Frames
from percepkit.baselines.dnn.losses.signals import synthesise
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.dsp.stft import vorbis_window

__all__ = ["System", "samples_of", "to_device"]

FULL_SCALE = 32768.0

Batch = Mapping[str, torch.Tensor]


class System:
    """Features, model, objective and losses of a configuration; weights come from PyTorch's generator.

    Parameters
    ----------
    config : TrainConfig

    Raises
    ------
    ValueError
        For parts that do not fit together; the message names the key.
    """

    def __init__(self, config: TrainConfig) -> None:
        rate = config.sample_rate
        self.features = make_features(config.features.name, rate, **config.features.options)
        self.objective = make_objective(config.objective, rate)
        heads = self.objective.heads
        try:
            self.model = models.build(
                config.model.name, n_in=self.features.size, heads=heads, **config.model.options
            )
        except ValueError as error:
            raise ValueError(f"`model`: {error}") from None
        try:
            self.losses = [(losses.make(n, sample_rate=rate, heads=heads), w) for n, w in config.loss.items()]
        except ValueError as error:
            raise ValueError(f"`loss`: {error}") from None
        if self.objective.needs_comb and config.features.name not in ("percepnet", "rnnoise"):
            raise ValueError(
                f"`objective`: {config.objective} needs features that track pitch (percepnet, rnnoise), found "
                f"{config.features.name}"
            )
        self._config = config

    def preparation(self, *, listen: bool) -> Preparation:
        """What the items of training, or of validation, which listens to the result, must hold."""
        heard = listen or any(loss.domain == "signal" for loss, _ in self.losses)
        return Preparation(
            self._config.sample_rate,
            self._config.features,
            self._config.objective,
            signals=heard or self.objective.needs_noisy,
            combed=heard and self.objective.needs_comb,
            stored=True,
        )

    def loss(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Weighted sum of the losses of a batch of pieces, see `percepkit.baselines.dnn.data.Items`."""
        frames = self._frames(batch)
        total = outputs.new_zeros(())
        signals = None
        for loss, weight in self.losses:
            if loss.domain == "outputs":
                found = self.objective.predict(outputs, frames), batch["targets"].float(), batch["valid"]
            else:
                signals = signals or self._signals(outputs, frames, batch)
                found = signals
            total = total + weight * loss(*found)
        return total

    def enhance(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Enhanced signals, (batch, samples), of pieces that begin where their items do."""
        return self._signals(outputs, self._frames(batch), batch)[0]

    def _signals(
        self, outputs: torch.Tensor, frames: Frames, batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Enhanced and clean, and where they count: the hops that two frames of the piece overlap in."""
        n = outputs.shape[1] - 1
        enhanced = self.objective.enhance(outputs, frames)
        if self.objective.domain == "waveform":
            signal = enhanced[:, :n].flatten(1)
        else:
            signal = synthesise(enhanced, n * (enhanced.shape[-1] - 1))
        clean = batch["clean"][:, 1 : n + 1].float() / FULL_SCALE
        own = torch.arange(n, device=clean.device) < (batch["frames"] - 1)[:, None]
        return signal, clean.flatten(1), own[..., None].expand(clean.shape).flatten(1)

    def _frames(self, batch: Batch) -> Frames:
        """Spectra of a batch, as far as it holds what they are made of."""
        noisy = combed = None
        if "noisy" in batch:
            hops = batch["noisy"].float() / FULL_SCALE
            window = torch.tensor(vorbis_window(2 * hops.shape[-1]), dtype=hops.dtype, device=hops.device)
            noisy = torch.fft.rfft(torch.cat([hops[:, :-1], hops[:, 1:]], -1) * window)
        if "combed" in batch:
            real, imaginary = batch["combed"].float().chunk(2, -1)
            combed = torch.complex(real.contiguous(), imaginary.contiguous())
        return Frames(batch["features"], noisy, combed)


def to_device(batch: Mapping[str, Any], device: torch.device) -> dict[str, torch.Tensor]:
    """The tensors of a batch on a device."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def samples_of(hops: torch.Tensor) -> np.ndarray:
    """Signals, float32 of shape (batch, samples), of whole items' hops, the first of which lies before them."""
    signals: np.ndarray = hops[:, 1:].flatten(1).cpu().numpy() / np.float32(FULL_SCALE)
    return signals
