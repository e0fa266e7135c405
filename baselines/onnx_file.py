"""A denoiser that is an ONNX file: a waveform in, a waveform out."""

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.baselines.denoiser import Spec, as_float64
from percepkit.baselines.dnn.runtime import start_session
from percepkit.baselines.made_elsewhere import as_returned
from percepkit.dsp.alignment import advance

__all__ = ["OnnxDenoiser"]


class OnnxDenoiser:
    """An ONNX model of one float32 waveform to another, of shape [n], [1, n] or [1, 1, n] with any n.

    Its metadata say how it is to be run: ``sample_rate`` in Hz, and ``delay_samples``, which is undone, where its
    output is late.

    Parameters
    ----------
    path : str
        The file, or ``FILE@RATE`` where its metadata name no rate.
    name : str
        Name in tables.

    Raises
    ------
    ValueError
        If the file is no model of that form, or no rate is known.
    """

    def __init__(self, path: str, name: str) -> None:
        file, at, rate = path.rpartition("@")
        if not (at and rate.isdigit()):
            file, rate = path, ""
        self._file = Path(file)
        if not self._file.is_file():
            raise ValueError(f"{name!r}: there is no file {file}; check the path")
        session = self._session()
        metadata = session.get_modelmeta().custom_metadata_map
        stated = rate or metadata.get("sample_rate", "")
        if not stated.isdigit() or not int(stated):
            raise ValueError(
                f"{name!r}: its metadata hold no sample_rate; add it to them, or write onnx:{file}@16000"
            )
        self._check_form(session, name)
        delay = metadata.get("delay_samples", "")
        self._delay = int(delay) if delay.lstrip("-").isdigit() else 0
        self.spec = Spec(
            name=name,
            summary=f"The ONNX model {self._file.name}.",
            native_sample_rates=(int(stated),),
            aligned=bool(delay),
        )

    @property
    def fingerprint(self) -> str:
        """Digest of the file."""
        return blake2b(self._file.read_bytes(), digest_size=16).hexdigest()

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        """Enhance one channel at the model's rate; see `Denoiser`."""
        signal = as_float64(noisy).astype(np.float32)
        session = self._session()
        [wanted] = session.get_inputs()
        batch = signal.reshape((1,) * (len(wanted.shape) - 1) + (-1,))
        output = np.asarray(session.run(None, {wanted.name: batch})[0])
        if output.size != max(output.shape, default=0):
            raise ValueError(f"{self.spec.name} returned the shape {output.shape}; expected one channel")
        moved = advance(output.reshape(-1), self._delay, len(noisy)) if self._delay else output.reshape(-1)
        return as_returned(moved, len(noisy), sample_rate, self.spec.name).astype(noisy.dtype, copy=False)

    def latency_samples(self, sample_rate: int) -> int:
        """Zero: it is given whole signals."""
        return 0

    def _session(self) -> Any:
        return _session(str(self._file.resolve()), self._file.stat().st_mtime_ns)

    def _check_form(self, session: Any, name: str) -> None:
        inputs, first_output = session.get_inputs(), session.get_outputs()[0]
        found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in (*inputs, first_output))
        length = inputs[0].shape[-1] if inputs and inputs[0].shape else 0
        if (
            len(inputs) != 1
            or inputs[0].type != "tensor(float)"
            or not 1 <= len(inputs[0].shape) <= 3
            or isinstance(length, int)
        ):
            raise ValueError(
                f"{name!r}: expected one float input of shape [n], [1, n] or [1, 1, n] with any n, found {found}"
            )


@lru_cache(maxsize=8)
def _session(path: str, _mtime_ns: int) -> Any:
    try:
        return start_session(Path(path))
    except Exception as error:  # onnxruntime has a class of its own for every cause
        raise ValueError(f"{path}: not a model that onnxruntime loads ({str(error).splitlines()[0]})") from error
