"""A folder of hostile sources: valid but unusual files, broken ones, and files that go bad after the scan.

Every source has its own sound, so that one taken for another shows. ``fate`` is what must come of it: ``ok`` (it
is drawn and rendered), ``bad`` (the scan or the run says why not), or ``honest``: either, as long as what is
rendered is what the file holds, as of a compressed stream that ends early.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

__all__ = ["Hostile", "all_sources", "likeness", "some_sources", "sound"]

SECONDS = 1.3
TEN_HOURS = 36_000


@dataclass(frozen=True)
class Hostile:
    """One source: its path below the root, what writes it, what happens to it after the scan, and its fate."""

    path: str
    write: Callable[[Path], None]
    fate: str = "ok"
    later: Callable[[Path], None] | None = None


def sound(seed: int, rate: int, channels: int = 1) -> np.ndarray:
    """Noise from 100 to 3000 Hz that swells and fades; float64, shape (n,) or (n, channels)."""
    rng = np.random.default_rng(seed)
    n = int(SECONDS * rate)
    hz = np.fft.rfftfreq(n, 1 / rate)
    band = np.flatnonzero((hz > 100) & (hz < 3000))
    spectrum = np.zeros((channels, len(hz)), complex)
    spectrum[:, band] = np.exp(2j * np.pi * rng.uniform(size=(channels, len(band))))
    x = np.fft.irfft(spectrum, n).T * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * np.arange(n) / rate))[:, None]
    x *= 0.4 / np.abs(x).max(axis=0)
    return x[:, 0] if channels == 1 else x


def likeness(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angle between two signals."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float((x @ y) / np.sqrt((x @ x) * (y @ y)))


def put(container: str, subtype: str, rate: int, channels: int, seed: int, path: Path) -> None:
    with path.open("wb") as file:
        soundfile.write(file, sound(seed, rate, channels), rate, format=container, subtype=subtype)


FORMATS = [
    *(("WAV", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM",
                           "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_32")),
    *(("WAVEX", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT")),
    *(("FLAC", s) for s in ("PCM_S8", "PCM_16", "PCM_24")),
    ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
    *(("AIFF", s) for s in ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW",
    "IMA_ADPCM")),
    *(("AU", s) for s in ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "G721_32")),
    *(("W64", s) for s in ("PCM_16", "PCM_24", "FLOAT", "MS_ADPCM")),
    *(("RF64", s) for s in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ALAW")),
    *(("CAF", s) for s in ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "ALAC_16", "ALAC_24")),
    ("NIST", "PCM_16"), ("VOC", "PCM_16"), ("IRCAM", "PCM_16"), ("MAT5", "PCM_16"),
]  # fmt: skip
MONO = {"GSM610", "G721_32", "NMS_ADPCM_32"}
RATES = {
    "GSM610": [8000],
    "OPUS": [8000, 16_000, 48_000],
    "MPEG_LAYER_III": [8000, 16_000, 22_050, 44_100, 48_000],
}
ALL_RATES = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000]
EXTENSIONS = {"WAVEX": "wav", "RF64": "rf64", "W64": "w64"}
NAMES = [
    "a b.wav", " leading.wav", "trailing .wav", "ünï🎷.wav", "quo\"t'e`.wav", "new\nline.wav", "tab\there.wav",
    "-rf.wav", "--help.wav", "[red]x[-red].wav", "<script>alert(1)<script>.wav", "%s%n{x}{0}.wav",
    "$(touch x);#.wav",
    "back\\slash.wav", "star*?.wav", "~root.wav", "x" * 240 + ".wav", "deep/" * 20 + "down.wav", "e\u0301.wav",
    "\u00e9.wav", "rtl\u202eavi.wav", "bell\x07\x1b[31m.wav", "no_suffix", "dots...wav", "..hidden/../seen.wav",
    "CON.wav", "a=b,c|d&e.wav", "日本語.wav", "wav", "1e5.wav",
]  # fmt: skip
LIES = [("WAV", "flac"), ("FLAC", "wav"), ("OGG", "wav"), ("MP3", "wav"), ("AIFF", "mp3"), ("CAF", "ogg"),
        ("WAV", "xyz"), ("WAV", "mp3"), ("AU", "flac"), ("W64", "wav")]  # fmt: skip
DEFAULT = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}


def _valid() -> Iterator[Hostile]:
    rates, channels = cycle(ALL_RATES), cycle([1, 2, 8, 1, 3])
    seed = 0
    for container, subtype in FORMATS:
        rate = next(rates) if subtype not in RATES else RATES[subtype][seed % len(RATES[subtype])]
        n = 1 if subtype in MONO else min(next(channels), 2 if "ADPCM" in subtype or container in LIMITED else 8)
        name = f"formats/{container}_{subtype}_{rate}_{n}.{EXTENSIONS.get(container, container.lower())}"
        yield Hostile(name, partial(put, container, subtype, rate, n, (seed := seed + 1)))
    for rate in ALL_RATES:
        for n in (1, 8):
            name = f"rates/{rate}_{n}.flac"
            yield Hostile(name, partial(put, "FLAC", "PCM_16", rate, n, (seed := seed + 1)))
    for name in NAMES:
        yield Hostile(
            f"names/{os.path.normpath(name)}", partial(put, "WAV", "PCM_16", 16_000, 1, (seed := seed + 1))
        )
    for container, extension in LIES:
        write = partial(put, container, DEFAULT.get(container, "PCM_16"), 16_000, 1, (seed := seed + 1))
        yield Hostile(f"lies/{container}.{extension}", write)


LIMITED = {"OGG", "MP3", "VOC", "NIST"}


# What is broken from the beginning


def _cut(container: str, subtype: str, keep: float, seed: int, path: Path) -> None:
    """Write a file and keep a share of its bytes, or that many (below 0: all but that many)."""
    put(container, subtype, 16_000, 1, seed, path)
    size = path.stat().st_size
    os.truncate(path, int(keep * size) if 0 < keep < 1 else int(keep) if keep > 0 else size + int(keep))


def _promise(container: str, seed: int, path: Path) -> None:
    """Let a header promise ten hours."""
    put(container, "PCM_16", 16_000, 1, seed, path)
    content = bytearray(path.read_bytes())
    n, rate = int(SECONDS * 16_000), 16_000
    frames = TEN_HOURS * rate
    if container == "FLAC":  # rate, channels, bits and, in its last 36 bits, the length
        field = int.from_bytes(content[18:26], "big")
        content[18:26] = (field >> 36 << 36 | frames).to_bytes(8, "big")
    else:
        order = "big" if container in ("AIFF", "AU", "CAF") else "little"
        head = min(len(content), 4200)
        for width in (8, 4):
            for extra in (0, 4, 8, 24):  # what the chunk's own header counts in
                for true, false in ((2 * n + extra, 2 * frames + extra), (n, frames)):
                    old = true.to_bytes(width, order)
                    if width == 8 or container not in ("CAF", "W64", "RF64"):
                        content[:head] = bytes(content[:head]).replace(old, false.to_bytes(width, order))
    path.write_bytes(content)


def _samples(value: float, path: Path, seed: int = 0) -> None:
    x = sound(seed, 16_000)
    x[5000:5003] = value
    with path.open("wb") as file:
        soundfile.write(file, x, 16_000, format="WAV", subtype="FLOAT")


def _both_infinities(path: Path) -> None:
    x = sound(1, 16_000)
    x[4000], x[4001] = np.inf, -np.inf
    with path.open("wb") as file:
        soundfile.write(file, x, 16_000, format="WAV", subtype="DOUBLE")


def _constant(value: float, n: int, path: Path) -> None:
    with path.open("wb") as file:
        soundfile.write(file, np.full(n, value), 16_000, format="WAV", subtype="PCM_16")


def _flip(container: str, subtype: str, seed: int, path: Path) -> None:
    """Change single bits all over a file."""
    put(container, subtype, 16_000, 1, seed, path)
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in rng.integers(0, len(content), 60):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _link(target: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _outside(path: Path) -> Path:
    """A sound file that lies beside the root of the sources."""
    root = next(parent for parent in path.parents if parent.name == "hostile")
    put("WAV", "PCM_16", 16_000, 1, 9999, root.parent / "outside.wav")
    return root.parent / "outside.wav"


def _link_out(path: Path) -> None:
    _link(str(_outside(path)), path)


def _broken() -> Iterator[Hostile]:
    noise = np.random.default_rng(3).bytes(40_000)
    for container, subtype in [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("OGG", "VORBIS"),
                               ("MP3", "MPEG_LAYER_III"), ("CAF", "PCM_16"), ("W64", "PCM_16"), ("OGG", "OPUS"),
                               ("AU", "PCM_16")]:  # fmt: skip
        for keep in (3, 20, 60, 0.5, 0.97, -1):
            surely = keep in (3, 20) or (container in ("WAV", "FLAC") and keep != 60)
            name = f"cut/{container}_{subtype}_{keep}.bin"
            yield Hostile(name, partial(_cut, container, subtype, keep, 5), "bad" if surely else "honest")
    for container in ("WAV", "FLAC", "AIFF", "AU", "CAF", "W64", "RF64"):
        fate = "bad" if container in ("WAV", "FLAC") else "honest"
        yield Hostile(f"promise/{container}.wav", partial(_promise, container, 6), fate)
    for number, (container, subtype) in enumerate(
        [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
         ("AIFF", "FLOAT"), ("CAF", "ALAC_16"), ("WAV", "IMA_ADPCM"), ("WAV", "FLOAT")]
    ):  # fmt: skip
        yield Hostile(f"bits/{container}_{subtype}.wav", partial(_flip, container, subtype, number), "honest")
    for name, content in {
        "empty.wav": b"", "text.wav": b"hello " * 2000, "random.wav": noise, "random.mp3": noise,
        "riff.wav": b"RIFF",
        "header.wav": b"RIFF\xff\xff\xff\xffWAVEfmt ", "zeros.wav": bytes(40_000),
        "html.flac": b"<!DOCTYPE html>" * 99,
        "flac.flac": b"fLaC" + noise, "ogg.ogg": b"OggS" + noise, "id3.mp3": b"ID3\x04\x00\x00" + noise,
        "zip.wav": b"PK\x03\x04" + noise, "aiff.aiff": b"FORM\x00\x00\x00\x00AIFF",
    }.items():  # fmt: skip
        yield Hostile(f"junk/{name}", partial(_bytes, content), "bad")
    for name, write in {
        "nan": partial(_samples, np.nan), "inf": partial(_samples, np.inf), "minus_inf": partial(_samples,
        -np.inf),
        "both_inf": _both_infinities, "silent": partial(_constant, 0.0, 20_000), "none": partial(_constant, 0.0,
        0),
        "one": partial(_constant, 0.5, 1), "dangling": partial(_link, "nowhere.wav"), "loop": partial(_link,
        "loop.wav"),
        "link_out": _link_out, "dev_zero": partial(_link, "/dev/zero"),
    }.items():  # fmt: skip
        yield Hostile(f"values/{name}.wav", write, "bad")


# What goes bad between the scan and the run


def _remove(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _parent_is_a_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("no folder")


def _shorter(path: Path) -> None:
    put("WAV", "PCM_16", 16_000, 1, 7, path)
    x, rate = soundfile.read(path)
    soundfile.write(path, x[:100], rate)


def _forbidden(path: Path) -> None:
    path.chmod(0)


def _changing() -> Iterator[Hostile]:
    stereo = partial(put, "WAV", "PCM_16", 16_000, 8, 30)
    changes = {
        "vanished": _remove, "folder": _folder, "pipe": _pipe, "dangling": partial(_link, "nowhere.wav"),
        "link_out": _link_out, "loop": partial(_link, "loop.wav"), "shorter": _shorter,
        "empty": partial(_bytes, b""), "text": partial(_bytes, b"hello " * 99), "silent": partial(_constant, 0.0,
        20_800),
        "one": partial(_constant, 0.5, 1), "nan": lambda path: _whole(np.nan, path),
        "inf": lambda path: _whole(np.inf, path), "promise": partial(_bytes, b"RIFF\xff\xff\xff\x7fWAVE"),
    }  # fmt: skip
    if os.geteuid():
        changes["forbidden"] = _forbidden
    for name, change in changes.items():
        yield Hostile(f"later/{name}.wav", partial(put, "WAV", "PCM_16", 16_000, 1, 40), "bad", change)
    yield Hostile("later/parent/x.wav", partial(put, "WAV", "PCM_16", 16_000, 1, 41), "bad", _parent_is_a_file)
    # The same length in fewer channels, and at another rate: what is there is read, or it is said what is missing.
    fewer = partial(put, "WAV", "PCM_16", 16_000, 1, 42)
    yield Hostile("later/fewer_channels.wav", stereo, "honest", fewer)
    for rate in (8000, 48_000):
        other = partial(put, "WAV", "PCM_16", rate, 1, 43)
        yield Hostile(f"later/rate_{rate}.wav", partial(put, "WAV", "PCM_16", 16_000, 1, 44), "honest", other)


def _whole(value: float, path: Path) -> None:
    with path.open("wb") as file:
        soundfile.write(file, np.full(20_800, value), 16_000, format="WAV", subtype="FLOAT")


def all_sources() -> list[Hostile]:
    """Every hostile source: more than two hundred."""
    return [*_valid(), *_broken(), *_changing()]


def some_sources() -> list[Hostile]:
    """About thirty, one or two of each sort."""
    chosen = {
        "names/new\nline.wav", "names/<script>alert(1)<script>.wav", "names/ünï🎷.wav", "names/-rf.wav",
        "lies/MP3.wav",
        "rates/192000_8.flac", "rates/8000_1.flac", "rates/11025_8.flac", "lies/FLAC.wav",
        "cut/WAV_PCM_16_0.5.bin",
        "cut/FLAC_PCM_16_0.5.bin", "cut/OGG_VORBIS_0.5.bin", "promise/WAV.wav", "promise/FLAC.wav",
        "junk/empty.wav",
        "junk/text.wav", "junk/random.wav", "values/nan.wav", "values/both_inf.wav", "values/silent.wav",
        "values/one.wav", "values/dangling.wav", "values/link_out.wav",
    }  # fmt: skip
    formats = ("formats/WAV_PCM_U8", "formats/WAV_IMA_ADPCM", "formats/WAV_DOUBLE", "formats/OGG_OPUS",
    "formats/AIFF_PCM_24",
               "formats/CAF_ALAC_16", "formats/RF64_ALAW", "formats/W64_FLOAT")  # fmt: skip
    later = ("vanished", "folder", "pipe", "link_out", "shorter", "nan", "fewer_channels", "parent")
    prefixes = (*formats, *(f"later/{name}" for name in later))
    return [s for s in all_sources() if s.path in chosen or s.path.startswith(prefixes)]
