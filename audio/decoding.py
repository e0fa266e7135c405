"""Decode audio exactly: opening by content, seeking without error, and honest ends.

Samples are never invented and never silently lost: `AudioError` says which file failed and why.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import soundfile

__all__ = [
    "BLOCK_FRAMES",
    "AudioError",
    "Sound",
    "Status",
    "advance",
    "count",
    "decode",
    "estimates_length",
    "opened",
    "why",
]

Status = Literal["missing", "unreadable", "empty", "nonfinite", "silent", "truncated", "undefined"]

BLOCK_FRAMES = 1 << 16  # of writing: a long Ogg in one call overruns libsndfile's stack
READ_FRAMES = 1 << 18
UNKNOWN_FRAMES = 1 << 62  # a stream of unstated length may claim about 2**63 frames
STREAM_BYTES = 0x7F000000  # writers that cannot seek put a placeholder of 2 or 4 GiB for the length
LARGEST_OGG_PAGE = 65307
EXACT_SEEK_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "NIST"}
EXACT_SEEK_SUBTYPES = re.compile(r"PCM_|FLOAT|DOUBLE|ULAW|ALAW")


class AudioError(ValueError):
    """A source that cannot be used, with the reason as a word (`status`) and as a sentence naming the file.

    Parameters
    ----------
    status : str
        One of ``missing``, ``unreadable``, ``empty``, ``nonfinite``, ``silent``, ``truncated``,
        ``undefined`` (something asked for does not exist in this audio).
    path : path
        The file.
    reason : str
        What is wrong with it.
    """

    def __init__(self, status: Status, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")
        self.status: Status = status
        self.path = os.fspath(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[object, ...]]:
        # The default would pass the one message back: worker processes send these errors home.
        return type(self), (self.status, self.path, self.reason)


class Sound(soundfile.SoundFile):  # type: ignore[misc]
    """A SoundFile that does not seek after each read.

    soundfile seeks to where it already is; MP3 decoders lose their bit reservoir by that, and a file read
    in blocks then differs from the same file read at once.
    """

    def seekable(self) -> bool:
        """Say no, so that soundfile leaves the position alone; `seek` itself still works."""
        return False


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Sound]:
    """Open for reading by content: through a descriptor libsndfile cannot see the extension."""
    try:
        stream = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    except (FileNotFoundError, NotADirectoryError):
        raise AudioError("missing", path, "no such file") from None
    except OSError as error:
        raise AudioError("unreadable", path, error.strerror or str(error)) from None
    with stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise AudioError("unreadable", path, "not a file but a pipe, a socket or a device")
        if found.st_size == 0:
            raise AudioError("empty", path, "the file has 0 bytes")
        try:
            sound = Sound(stream.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            raise AudioError("unreadable", path, f"not audio that libsndfile reads ({why(error)})") from None
        with sound:
            _check_header(path, sound)
            yield sound


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe in place of a file has no writer, and would hold the run for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def why(error: soundfile.LibsndfileError) -> str:
    """The library's own words, which end in a full stop and may be missing."""
    return str(error.error_string).strip().rstrip(".") or f"error {error.code}"


def _check_header(path: str | os.PathLike[str], sound: Sound) -> None:
    if not 1_000 <= sound.samplerate <= 1_000_000:
        raise AudioError("unreadable", path, f"damaged header: a sample rate of {sound.samplerate} Hz")
    # libsndfile corrects a length that the file cannot hold; only its log still knows what was promised.
    for promised, held in re.findall(r"data : (\d+) \(should be (\d+)\)", sound.extra_info):
        if int(held) < int(promised) < STREAM_BYTES:
            raise AudioError(
                "truncated", path, f"the header promises {promised} bytes of samples, the file has {held}"
            )


def count(path: str | os.PathLike[str], sound: Sound) -> int:
    """Frames by the header, or by decoding a copy of the file where the header says nothing or only estimates."""
    if sound.frames < UNKNOWN_FRAMES and not estimates_length(sound):
        return int(sound.frames)
    with opened(path) as copy:
        return sum(len(block) for block in _pull(path, copy, UNKNOWN_FRAMES))


def estimates_length(sound: Sound) -> bool:
    """Whether the header's length is an estimate: MP3 may end a frame or more before or after it."""
    return bool(sound.format == "MP3")


def _pull(path: str | os.PathLike[str], sound: Sound, frames: int) -> Iterator[np.ndarray]:
    """Yield up to ``frames`` frames in blocks from where ``sound`` stands; less when it ends."""
    while frames > 0:
        try:
            block = _floats(sound, min(frames, READ_FRAMES))
        except soundfile.LibsndfileError as error:
            raise AudioError("unreadable", path, f"damaged audio: decoding stopped ({why(error)})") from None
        if len(block) == 0:
            return
        frames -= len(block)
        yield block


def _floats(sound: Sound, frames: int) -> np.ndarray:
    if sound.subtype == "PCM_16":  # the same values, of WAV five times as fast
        block = sound.read(frames, dtype="int16", always_2d=True)
        return block * np.float32(2**-15)
    return np.asarray(sound.read(frames, dtype="float32", always_2d=True))


def decode(path: str | os.PathLike[str], sound: Sound, start: int, frames: int) -> Iterator[np.ndarray]:
    """As `_pull`, and the blocks are finite and complete; ``start`` is where ``sound`` stands."""
    done = 0
    for block in _pull(path, sound, frames):
        # NaN is both the least and the largest; 16-bit samples cannot be.
        if sound.subtype != "PCM_16" and not np.isfinite((block.min(initial=0.0), block.max(initial=0.0))).all():
            first = start + done + int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise AudioError("nonfinite", path, f"NaN or infinite sample at frame {first}")
        done += len(block)
        yield block
    if done < frames:
        raise AudioError(
            "truncated",
            path,
            f"decoding ends at frame {start + done} of {start + frames} that the header promises",
        )


def _last_ogg_page_start(path: str | os.PathLike[str]) -> int:
    """First frame of the last page of an Ogg file (0 where that cannot be told).

    libsndfile's seek misses by some hundred frames inside the last page, whose end is trimmed.
    """
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2 * LARGEST_OGG_PAGE))
        tail = stream.read()
    pages = [match.start() for match in re.finditer(rb"OggS\x00", tail) if match.start() + 27 <= len(tail)]
    if len(pages) < 2 or tail[pages[-1] + 14 : pages[-1] + 18] != tail[pages[-2] + 14 : pages[-2] + 18]:
        return 0
    return max(0, int.from_bytes(tail[pages[-2] + 6 : pages[-2] + 14], "little", signed=True))


def advance(path: str | os.PathLike[str], sound: Sound, start: int) -> None:
    """Go to frame ``start``: by a seek where that is exact, else by decoding everything before it."""
    if sound.subtype == "VORBIS":
        exact = start < _last_ogg_page_start(path)
    else:
        exact = sound.format in EXACT_SEEK_FORMATS and bool(EXACT_SEEK_SUBTYPES.match(sound.subtype))
    if exact and sound.frames < UNKNOWN_FRAMES:
        try:
            sound.seek(start)
        except soundfile.LibsndfileError as error:
            raise AudioError("unreadable", path, f"cannot go to frame {start} ({why(error)})") from None
        return
    for _ in _pull(path, sound, start):
        pass
