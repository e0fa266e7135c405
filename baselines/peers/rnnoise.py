"""RNNoise by the C library in the package pyrnnoise, called directly: its own wrapper truncates to 16 bits.

References
----------
J.-M. Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018.
"""

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.peers._peer import Peer, in_frames

__all__ = ["DENOISERS"]

FRAME = 480
FULL_SCALE = 32768.0
_FLOATS = ctypes.POINTER(ctypes.c_float)


@cache
def _library() -> ctypes.CDLL:
    found = importlib.util.find_spec("pyrnnoise")
    folders = found.submodule_search_locations if found else None
    path = Path(folders[0], "librnnoise.so") if folders else Path("librnnoise.so")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ValueError(f"peer-rnnoise: the library {path} cannot be loaded ({error})") from error
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, _FLOATS, _FLOATS]
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library


def _process(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
    library = _library()
    state = library.rnnoise_create(None)

    def enhance(frame: np.ndarray) -> np.ndarray:
        enhanced = np.empty(FRAME, np.float32)
        source = np.ascontiguousarray(frame * FULL_SCALE, np.float32)
        library.rnnoise_process_frame(state, enhanced.ctypes.data_as(_FLOATS), source.ctypes.data_as(_FLOATS))
        return enhanced / FULL_SCALE

    try:
        return in_frames(noisy, FRAME, enhance)
    finally:
        library.rnnoise_destroy(state)


DENOISERS = (
    Peer(
        Spec(
            name="peer-rnnoise",
            summary="RNNoise, its newest C library.",
            paper="Valin 2018 (RNNoise)",
            native_sample_rates=(48_000,),
        ),
        "pyrnnoise",
        _process,
        delay_samples=2 * FRAME,
        frame_samples=FRAME,
    ),
)
