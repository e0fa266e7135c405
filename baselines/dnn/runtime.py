"""Networks at work: an ONNX file and its card as a denoiser, with NumPy and onnxruntime alone.

A causal network runs frame by frame, and a whole signal is a stream that is fed all at once: rounding to 8 bits
would make any second way of computing it differ.
"""

import math
from collections.abc import Callable
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from percepkit.baselines.denoiser import Spec, StreamedDenoiser, as_float64
from percepkit.baselines.dnn.card import Card, read_card
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.frames import Frames
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.dsp.percepnet import Targets
from percepkit.dsp.stft import Synthesiser, hop_length, synthesise

__all__ = ["NetworkDenoiser", "NetworkStream", "Steps", "WholeNetworkDenoiser", "load_network", "start_session"]


MOST_HOPS = 256  # that are prepared at once: what they take stays in the processor's cache


def start_session(model: Path | bytes) -> Any:
    """Session of onnxruntime on one thread, of a file or its content."""
    import onnxruntime  # here, so that listing the denoisers stays quick

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # frames are too small to share
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def load_network(path: str | Path) -> "NetworkDenoiser | WholeNetworkDenoiser":
    """Denoiser of an ONNX file, whose card NAME.json lies beside it.

    Parameters
    ----------
    path : path
        Written by `percepkit.baselines.dnn.export.export`.

    Raises
    ------
    ValueError
        If the card is missing, wrong, or names what does not exist.
    """
    card = read_card(Path(path).with_suffix(".json"))
    return NetworkDenoiser(Path(path), card) if card.causal else WholeNetworkDenoiser(Path(path), card)


class _ShowsGains(Protocol):
    """An objective whose outputs are gains of bins or bands."""

    def gains(self, outputs: np.ndarray) -> np.ndarray:
        """Gain of each bin, shape (frames, bins)."""


class _ShowsStrengths(Protocol):
    """An objective that predicts PercepNet's targets."""

    def as_targets(self, outputs: np.ndarray, frames: Frames) -> Targets:
        """Outputs as targets."""


class WholeNetworkDenoiser:
    """A network that needs the whole signal.

    Parameters
    ----------
    path : Path
        ONNX file.
    card : Card
    """

    def __init__(self, path: Path, card: Card) -> None:
        self.path, self.card = path, card
        self.hop = hop_length(card.sample_rate)
        self.features = make_features(card.features, card.sample_rate, **card.features_options)
        self.objective = make_objective(card.objective, card.sample_rate)
        self.spec = Spec(
            name=card.name,
            summary=card.summary,
            paper=card.paper,
            native_sample_rates=(card.sample_rate,),
            causal=card.causal,
        )

    @property
    def fingerprint(self) -> str:
        """Digest of the network and its card."""
        content = self.path.read_bytes() + self.path.with_suffix(".json").read_bytes()
        return blake2b(content, digest_size=16).hexdigest()

    @cached_property
    def session(self) -> Any:
        """Session of onnxruntime, started when it is first needed."""
        return start_session(self.path)

    def __getstate__(self) -> dict[str, Any]:
        """What worker processes are sent: each starts a session of its own."""
        return {key: value for key, value in self.__dict__.items() if key != "session"}

    @property
    def parameters(self) -> float:
        """Number of weights; NaN where the card does not tell."""
        return math.nan if self.card.parameters is None else self.card.parameters

    @property
    def macs_per_second(self) -> float:
        """Multiplications with addition for a second of audio, those of the network; NaN where it is not told."""
        return math.nan if self.card.macs_per_second is None else self.card.macs_per_second

    @property
    def file_mb(self) -> float:
        """Size of the ONNX file in MB."""
        return self.path.stat().st_size / 1e6

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `percepkit.baselines.denoiser.Denoiser`."""
        enhanced = self.objective.enhance(*self._outputs(noisy, sample_rate))
        if self.objective.domain == "waveform":
            out = enhanced.reshape(-1)[: len(noisy)]
        else:
            out = synthesise(enhanced, len(noisy))
        return np.asarray(out.astype(noisy.dtype))

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: the network works on whole signals."""
        self._check_rate(sample_rate)
        return 0

    @property
    def gains(self) -> Callable[[np.ndarray, int], np.ndarray]:
        """``gains(noisy, sample_rate)`` of the bins, (frames, bins), for shadow filtering.

        Only of objectives that are gains. With comb-filter strengths these are how the bands are scaled, and what
        the comb filter takes from between the harmonics comes on top.
        """
        shown = cast(_ShowsGains, self.objective).gains  # AttributeError where the objective has none
        return lambda noisy, sample_rate: shown(self._outputs(noisy, sample_rate)[0])

    @property
    def predict(self) -> Callable[[np.ndarray, int], Targets]:
        """``predict(noisy, sample_rate)`` of band gains and comb strengths, from networks that have both."""
        if not self.objective.needs_comb:
            raise AttributeError(f"{self.spec.name} predicts no comb-filter strengths")
        shown = cast(_ShowsStrengths, self.objective).as_targets
        return lambda noisy, sample_rate: shown(*self._outputs(noisy, sample_rate))

    def _outputs(self, noisy: np.ndarray, sample_rate: int) -> tuple[np.ndarray, Frames]:
        """Outputs for all frames of a signal, and the frames."""
        self._check_rate(sample_rate)
        frames = compute(self.features, as_float64(noisy))
        [outputs] = self.session.run(None, {"features": frames.features[None]})
        return outputs[0], frames

    def _check_rate(self, sample_rate: int) -> None:
        if sample_rate != self.card.sample_rate:
            raise ValueError(
                f"{self.spec.name} runs at {self.card.sample_rate} Hz, found {sample_rate}; resample the signal"
            )


class NetworkDenoiser(StreamedDenoiser, WholeNetworkDenoiser):
    """A causal network: one frame's step, run on signals and streams.

    Parameters
    ----------
    path : Path
        ONNX file.
    card : Card
    """

    def latency_samples(self, sample_rate: int) -> int:
        """One frame less a sample, and the look-ahead of features and model."""
        self._check_rate(sample_rate)
        return 2 * self.hop - 1 + self.look_ahead_frames * self.hop

    @property
    def look_ahead_frames(self) -> int:
        """Hops after the end of a frame that it waits for."""
        return self.features.look_ahead_frames + self.card.look_ahead_frames

    def stream(self, sample_rate: int) -> "NetworkStream":
        """Start a stream at ``sample_rate`` Hz."""
        self._check_rate(sample_rate)
        return NetworkStream(self)

    def _outputs(self, noisy: np.ndarray, sample_rate: int) -> tuple[np.ndarray, Frames]:
        """As a stream gives them that goes on with silence."""
        self._check_rate(sample_rate)
        ahead = self.card.look_ahead_frames
        frames = compute(self.features, np.pad(as_float64(noisy), (0, ahead * self.hop)))
        outputs = Steps(self.session).run(frames.features)
        return outputs[ahead:], frames[: len(outputs) - ahead]


class Steps:
    """A network run frame by frame; its state stays where onnxruntime reads and writes it.

    Parameters
    ----------
    session : InferenceSession
        Of one frame's step: features and state in, outputs and state out.
    """

    def __init__(self, session: Any) -> None:
        from onnxruntime import OrtValue

        inputs, outputs = session.get_inputs(), session.get_outputs()
        self._session = session
        self._row, self._output = (np.zeros(node.shape, np.float32) for node in (inputs[0], outputs[0]))
        turns = [[np.zeros(node.shape, np.float32) for node in inputs[1:]] for _ in range(2)]
        self._arrays = turns  # which the bindings point into
        self._bindings = []
        for before, after in (turns, turns[::-1]):  # two sets of state take turns
            binding = session.io_binding()
            for node, array in zip(inputs, [self._row, *before], strict=True):
                binding.bind_ortvalue_input(node.name, OrtValue.ortvalue_from_numpy(array))
            for node, array in zip(outputs, [self._output, *after], strict=True):
                binding.bind_ortvalue_output(node.name, OrtValue.ortvalue_from_numpy(array))
            self._bindings.append(binding)

    def run(self, rows: np.ndarray) -> np.ndarray:
        """Outputs of the next frames from their features: (frames, n_in) to (frames, n_out)."""
        found = np.empty((len(rows), self._output.shape[1]), np.float32)
        for row, output in zip(rows, found, strict=True):
            self._row[:] = row
            self._session.run_with_iobinding(self._bindings[0])
            self._bindings.reverse()
            output[:] = self._output[0]
        return found


class NetworkStream:
    """A network at work on a stream; blocks may have any length, also from call to call.

    Parameters
    ----------
    denoiser : NetworkDenoiser
    """

    def __init__(self, denoiser: NetworkDenoiser) -> None:
        self._hop, self._steps = denoiser.hop, Steps(denoiser.session)
        self._features, self._objective = denoiser.features.stream(), denoiser.objective
        self._synthesiser = Synthesiser(denoiser.hop, np.float64)
        self._latency = denoiser.latency_samples(denoiser.card.sample_rate)
        self._early = denoiser.card.look_ahead_frames  # outputs to come that lie before frame 0
        self._queue: Frames | None = None  # frames whose outputs are to come, where the model looks ahead
        self._waiting = np.zeros(0)
        self._ready = np.zeros(self._latency - self._hop)
        self._started = False
        self._dtype: np.dtype = np.dtype(np.float64)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return as many, delayed by the latency; zeros come first."""
        waiting = np.concatenate([self._waiting, as_float64(block)])
        self._dtype = block.dtype
        whole, most = len(waiting) // self._hop * self._hop, MOST_HOPS * self._hop
        parts = [self._advance(waiting[at : min(at + most, whole)]) for at in range(0, whole, most)]
        ready = np.concatenate([self._ready, *parts])
        self._waiting, self._ready = waiting[whole:], ready[len(block) :]
        return ready[: len(block)].astype(self._dtype)

    def flush(self) -> np.ndarray:
        """End the stream: the last samples, as many as the latency."""
        return self.process(np.zeros(self._latency, dtype=self._dtype))

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        """Enhance the hops before the frames whose look-ahead these hops complete; at first there are fewer."""
        frames = self._features.process(samples)
        outputs = self._steps.run(frames.features)
        early = min(self._early, len(outputs))
        self._early -= early
        outputs = outputs[early:]
        if early or self._queue is not None:
            frames = frames if self._queue is None else self._queue.followed_by(frames)
            self._queue, frames = frames[len(outputs) :], frames[: len(outputs)]
        if not len(outputs):
            return np.zeros(0)
        enhanced = self._synthesiser.process(self._objective.enhance(outputs, frames))
        if not self._started:
            enhanced[: self._hop] = 0  # what frame 0 spreads before the first sample
            self._started = True
        return enhanced
