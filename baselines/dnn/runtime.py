"""Networks at work: an ONNX file and its card as a denoiser, with NumPy and onnxruntime alone.

A causal network runs frame by frame, and a whole signal is a stream that is fed all at once: rounding to 8 bits
would make any second way of computing it differ.
"""

from collections import deque
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.baselines.denoiser import Spec, StreamedDenoiser, as_float64
from percepkit.baselines.dnn.card import Card, read_card
from percepkit.baselines.dnn.features import compute
from percepkit.baselines.dnn.features import make as make_features
from percepkit.baselines.dnn.frames import Frames
from percepkit.baselines.dnn.objectives import make as make_objective
from percepkit.dsp.stft import Synthesiser, hop_length, synthesise

__all__ = ["NetworkDenoiser", "NetworkStream", "load_network", "start_session"]


def start_session(path: Path) -> Any:
    """Session of onnxruntime on one thread.

    Raises
    ------
    ImportError
        Without onnxruntime; the message says how to get it.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ImportError(
            "networks run on onnxruntime, which is not installed; install percepkit with its extra: "
            "pip install '.[dnn]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # frames are too small to share
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel; see `percepkit.baselines.denoiser.Denoiser`."""
        self._check_rate(sample_rate)
        signal = as_float64(noisy)
        frames = compute(self.features, signal)
        [outputs] = self.session.run(None, {"features": frames.features[None]})
        enhanced = self.objective.enhance(outputs[0], frames)
        if self.objective.domain == "waveform":
            out = enhanced.reshape(-1)[: len(signal)]
        else:
            out = synthesise(enhanced, len(signal))
        return np.asarray(out.astype(noisy.dtype))

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: the network works on whole signals."""
        self._check_rate(sample_rate)
        return 0

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


class NetworkStream:
    """A network at work on a stream; blocks may have any length, also from call to call.

    Parameters
    ----------
    denoiser : NetworkDenoiser
    """

    def __init__(self, denoiser: NetworkDenoiser) -> None:
        self._hop, self._session = denoiser.hop, denoiser.session
        self._features, self._objective = denoiser.features.stream(), denoiser.objective
        self._synthesiser = Synthesiser(denoiser.hop, np.float64)
        self._latency = denoiser.latency_samples(denoiser.card.sample_rate)
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._state = [np.zeros(node.shape, np.float32) for node in self._session.get_inputs()[1:]]
        self._early = denoiser.card.look_ahead_frames  # outputs to come that lie before frame 0
        self._queue: deque[Frames] = deque()  # frames whose outputs are to come
        self._waiting = np.zeros(0)
        self._ready = np.zeros(self._latency - self._hop)
        self._started = False
        self._dtype: np.dtype = np.dtype(np.float64)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take the next samples and return as many, delayed by the latency; zeros come first."""
        waiting = np.concatenate([self._waiting, as_float64(block)])
        self._dtype = block.dtype
        whole = len(waiting) // self._hop * self._hop
        parts = [self._advance(hop) for hop in waiting[:whole].reshape(-1, self._hop)]
        ready = np.concatenate([self._ready, *parts])
        self._waiting, self._ready = waiting[whole:], ready[len(block) :]
        return ready[: len(block)].astype(self._dtype)

    def flush(self) -> np.ndarray:
        """End the stream: the last samples, as many as the latency."""
        return self.process(np.zeros(self._latency, dtype=self._dtype))

    def _advance(self, samples: np.ndarray) -> np.ndarray:
        """Enhance a hop: the hop before the frame whose look-ahead it completes, or nothing at first."""
        frames = self._features.process(samples)
        if not len(frames):
            return np.zeros(0)
        feeds = dict(zip(self._inputs, [frames.features, *self._state], strict=True))
        outputs, *self._state = self._session.run(None, feeds)
        self._queue.append(frames)
        if self._early:
            self._early -= 1
            return np.zeros(0)
        spectrum = self._objective.enhance(outputs, self._queue.popleft())
        enhanced = self._synthesiser.process(spectrum)
        if not self._started:
            enhanced[:] = 0  # what frame 0 spreads before the first sample
            self._started = True
        return enhanced
