"""Run a denoiser over audio files: any container, rate and channel count in, 16-bit WAV or FLAC out.

Causal denoisers work block by block, so that a file of any length takes little memory.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from percepkit.audio.files import AudioInfo, blocks, info, read
from percepkit.audio.resampling import resample
from percepkit.baselines.denoiser import CausalDenoiser, Denoiser
from percepkit.baselines.meter import OnBlock

__all__ = ["Enhanced", "Outcome", "audio_files", "enhance_channel", "enhance_file", "enhance_tree"]

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
OTHER_SUFFIXES = {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".wave"}
AUDIO_SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} | OTHER_SUFFIXES
MAX_WAV_BYTES = 2**32 - 2**16


@dataclass(frozen=True)
class Enhanced:
    """What was written of one file: its length, and how many samples exceeded full scale."""

    seconds: float
    n_clipped: int


@dataclass(frozen=True)
class Outcome:
    """What became of the files of a folder.

    Attributes
    ----------
    n_done : int
        Files written.
    seconds : float
        Audio in them, in s.
    n_clipped : int
        Samples that exceeded full scale.
    kept : tuple of Path
        Sources whose result existed already.
    failed : tuple of (Path, str)
        Sources that could not be enhanced, and why.
    """

    n_done: int
    seconds: float
    n_clipped: int
    kept: tuple[Path, ...]
    failed: tuple[tuple[Path, str], ...]


def enhance_channel(noisy: np.ndarray, sample_rate: int, denoiser: Denoiser) -> np.ndarray:
    """Enhance one channel at any rate, through the nearest native rate of the denoiser where it has some.

    Parameters
    ----------
    noisy : float32 or float64 array, shape (n_samples,)
    sample_rate : int
        In Hz.
    denoiser : Denoiser

    Returns
    -------
    array of the same dtype and shape
    """
    native = denoiser.spec.native_sample_rates
    if native is None or sample_rate in native:
        return denoiser(noisy, sample_rate)
    # The lowest rate that keeps the whole band, else the highest there is.
    rate = min((r for r in native if r > sample_rate), default=max(native))
    enhanced = resample(denoiser(resample(noisy, sample_rate, rate), rate), rate, sample_rate)
    return np.pad(enhanced, (0, max(len(noisy) - len(enhanced), 0)))[: len(noisy)]


def enhance_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    denoiser: Denoiser,
    *,
    on_block: OnBlock | None = None,
) -> Enhanced:
    """Enhance every channel of a file on its own and write 16-bit WAV or FLAC, by the suffix of ``target``.

    Parameters
    ----------
    source : path
        Any container that libsndfile reads.
    target : path
        Replaced if it exists, and only when the result is complete. Its folder is made.
    denoiser : Denoiser
    on_block : callable, optional
        Called after each block, see `percepkit.baselines.meter.OnBlock`. The enhanced one of a causal denoiser
        comes late by its latency; the blocks of others are whole files.

    Returns
    -------
    Enhanced

    Raises
    ------
    AudioError
        If ``source`` cannot be read.
    ValueError
        If ``target`` is ``source``, or not of a format that we write.
    OSError
        If ``target`` cannot be written.
    """
    source, target = Path(source), Path(target)
    sound = info(source)
    if target.exists() and target.samefile(source):
        raise ValueError(f"{target}: input and output are the same file; choose another output")
    _check_target(target, sound)
    target.parent.mkdir(parents=True, exist_ok=True)
    return _write(target, _enhanced_blocks(source, sound, denoiser, on_block or _ignore), sound)


def enhance_tree(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    denoiser: Denoiser,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_block: OnBlock | None = None,
) -> Outcome:
    """Enhance the audio files in a folder and below it into a folder of the same structure, as WAV.

    Files that do not look like audio by their suffix, and hidden ones, are passed over. A file that fails is
    noted and the others are done.

    Parameters
    ----------
    source, target : path
        Folders; ``target`` must not be ``source`` or lie in it.
    denoiser : Denoiser
    overwrite : bool, optional
        Replace results that exist; otherwise they are kept.
    on_progress : callable, optional
        Called with (files finished, files in all) before the first file and after each.
    on_block : callable, optional
        As of `enhance_file`.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If there is nothing to enhance, or not one file could be.
    OSError
        If ``target`` cannot be written.
    """
    source, target = Path(source), Path(target)
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{target}: the output folder is or lies in the input folder; choose another one")
    files = audio_files(source)
    done: list[Enhanced] = []
    kept: list[Path] = []
    failed: list[tuple[Path, str]] = []
    written: dict[Path, Path] = {}
    report = on_progress or (lambda _finished, _total: None)
    report(0, len(files))
    for index, path in enumerate(files):
        result = (target / path.relative_to(source)).with_suffix(".wav")
        if result in written:
            failed.append(
                (path, f"{path}: its result {result.name} is that of {written[result].name}; rename one")
            )
        elif result.exists() and not overwrite:
            kept.append(path)
        else:
            try:
                done.append(enhance_file(path, result, denoiser, on_block=on_block))
            except ValueError as error:
                failed.append((path, str(error)))
        written.setdefault(result, path)
        report(index + 1, len(files))
    if not done:
        raise ValueError(_why_nothing(source, kept, failed))
    n_clipped = sum(one.n_clipped for one in done)
    return Outcome(len(done), sum(one.seconds for one in done), n_clipped, tuple(kept), tuple(failed))


def audio_files(folder: Path) -> list[Path]:
    """Files in a folder and below it that look like audio by their suffix, sorted; hidden ones are passed over.

    Raises
    ------
    ValueError
        If there is none.
    """
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    files = sorted(p for p in paths if not any(part.startswith(".") for part in p.relative_to(folder).parts))
    if not files:
        raise ValueError(f"{folder}: no audio files in it; give a folder with WAV, FLAC, Ogg, MP3 ... files")
    return files


def _why_nothing(folder: Path, kept: list[Path], failed: list[tuple[Path, str]]) -> str:
    if not failed:
        return f"{folder}: all {len(kept)} results exist already; overwrite them or choose another output"
    return f"{folder}: none of {len(kept) + len(failed)} files was enhanced; first failure: {failed[0][1]}"


def _check_target(target: Path, sound: AudioInfo) -> None:
    if target.suffix.lower() not in FORMATS:
        raise ValueError(f"{target}: cannot write {target.suffix or 'no suffix'!r}; use .wav or .flac")
    if target.suffix.lower() == ".wav" and 2 * sound.frames * sound.channels > MAX_WAV_BYTES:
        raise ValueError(f"{target}: {sound.duration_seconds:.0f} s do not fit into a WAV file; use .flac")


def _ignore(noisy: np.ndarray, enhanced: np.ndarray, sample_rate: int, work_seconds: float) -> None:
    """Stands for the meter that was not given."""


def _enhanced_blocks(
    source: Path, sound: AudioInfo, denoiser: Denoiser, on_block: OnBlock
) -> Iterator[np.ndarray]:
    """Enhanced audio in blocks of shape (frames, channels)."""
    native = denoiser.spec.native_sample_rates
    if isinstance(denoiser, CausalDenoiser) and (native is None or sound.sample_rate in native):
        yield from _streamed(source, sound, denoiser, on_block)
    else:
        noisy, rate = read(source)
        started = time.perf_counter()
        try:
            channels = [enhance_channel(np.ascontiguousarray(channel), rate, denoiser) for channel in noisy.T]
        except RuntimeError as error:  # a command that fails, a network that runs out of memory
            raise ValueError(f"{source}: {error}") from error
        enhanced = np.stack(channels, axis=1)
        on_block(noisy, enhanced, rate, time.perf_counter() - started)
        yield enhanced


def _streamed(source: Path, sound: AudioInfo, denoiser: CausalDenoiser, on_block: OnBlock) -> Iterator[np.ndarray]:
    streams = [denoiser.stream(sound.sample_rate) for _ in range(sound.channels)]
    to_drop = denoiser.latency_samples(sound.sample_rate)
    for block in blocks(source):
        started = time.perf_counter()
        pairs = zip(streams, block.T, strict=True)
        late = np.stack([stream.process(np.ascontiguousarray(channel)) for stream, channel in pairs], axis=1)
        on_block(block, late, sound.sample_rate, time.perf_counter() - started)
        yield late[to_drop:]
        to_drop = max(to_drop - len(late), 0)
    yield np.stack([stream.flush() for stream in streams], axis=1)[to_drop:]


def _write(target: Path, parts: Iterable[np.ndarray], sound: AudioInfo) -> Enhanced:
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    kind = FORMATS[target.suffix.lower()]
    n_frames = n_clipped = 0
    try:
        with open(temporary, "w+b") as stream:
            with soundfile.SoundFile(stream, "w", sound.sample_rate, sound.channels, "PCM_16", format=kind) as out:
                for part in parts:
                    rounded = np.rint(part * 32768)
                    n_clipped += int(np.count_nonzero((rounded < -32768) | (rounded > 32767)))
                    out.write(np.clip(rounded, -32768, 32767).astype(np.int16))
                    n_frames += len(part)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{target}: cannot write ({error})") from None
    finally:
        temporary.unlink(missing_ok=True)
    return Enhanced(n_frames / sound.sample_rate, n_clipped)
