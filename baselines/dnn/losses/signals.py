"""From spectra to signals and back in PyTorch, frame for frame as `percepkit.dsp.stft` does it."""

import torch

from percepkit.dsp.stft import vorbis_window

__all__ = ["analyse", "synthesise"]


def analyse(signal: torch.Tensor, hop: int) -> torch.Tensor:
    """Windowed spectra: (..., samples) to (..., frames, hop + 1), as `percepkit.dsp.stft.analyse`."""
    n = signal.shape[-1]
    padded = torch.nn.functional.pad(signal, (hop, -n % hop + hop))
    return torch.fft.rfft(padded.unfold(-1, 2 * hop, hop) * _window(hop, signal))


def synthesise(spectrum: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Windowed overlap-add: (..., frames, hop + 1) to (..., samples), as `percepkit.dsp.stft.synthesise`."""
    hop = spectrum.shape[-1] - 1
    frames = torch.fft.irfft(spectrum, n=2 * hop)
    frames = frames * _window(hop, frames)
    hops = frames[..., :-1, hop:] + frames[..., 1:, :hop]
    return hops.flatten(-2)[..., :n_samples]


def _window(hop: int, like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(vorbis_window(2 * hop), dtype=like.dtype, device=like.device)
