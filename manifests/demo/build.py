"""Render the demo corpus anew: ``python -m percepkit.manifests.demo.build OUT``.

Needs the programs ``espeak-ng`` (made with 1.51) and ``flite`` (made with 2.2, with its voices slt, rms,
awb and kal16); on Debian ``apt-get install espeak-ng flite``. Other versions give other samples. OUT gets
``speech/VOICE/NN.flac`` and ``metadata.csv``; nothing else in the package needs these programs.
"""

import csv
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt, sosfiltfilt

from percepkit.audio.files import read, write
from percepkit.audio.resampling import resample
from percepkit.dsp.level import active_level_dbfs

__all__ = ["SAMPLE_RATE", "SENTENCES", "VOICES", "Voice", "build"]

SAMPLE_RATE = 16_000
ACTIVE_LEVEL_DBFS = -26.0
PER_VOICE = 7
COLUMNS = ["path", "speaker", "sex", "text", "licence"]


@dataclass(frozen=True)
class Voice:
    """A speaker of the corpus: the program and options that make the voice, its licence, its treble lift."""

    speaker: str
    sex: str
    program: str
    options: tuple[str, ...]
    licence: str
    treble_db: float = 0.0

    def command(self, text: str, path: Path) -> list[str]:
        """Command that speaks ``text`` into the WAV file ``path``."""
        if self.program == "flite":
            return ["flite", *self.options, "-t", text, "-o", str(path)]
        return ["espeak-ng", *self.options, "-a", "50", "-w", str(path), text]


# Voices v and v + 4 read the same sentences: always a different sex, and another program or accent.
VOICES = (
    Voice("slt", "female", "flite", ("-voice", "slt"), "MIT-Festival", treble_db=9),
    Voice("rms", "male", "flite", ("-voice", "rms", "--setf", "duration_stretch=0.9"), "MIT-Festival"),
    Voice("annie", "female", "espeak-ng", ("-v", "en-us+Annie", "-p", "45", "-s", "150"), "MIT"),
    Voice("fiona", "female", "espeak-ng", ("-v", "en-gb-scotland+f2", "-p", "40", "-s", "155"), "MIT"),
    Voice("awb", "male", "flite", ("-voice", "awb"), "MIT-Festival", treble_db=7),
    Voice("nora", "female", "espeak-ng", ("-v", "en-us+f3", "-p", "50", "-s", "160"), "MIT"),
    Voice("kal", "male", "flite", ("-voice", "kal16", "--setf", "duration_stretch=0.95"), "MIT-Festival"),
    Voice("rupert", "male", "espeak-ng", ("-v", "en-gb-x-rp", "-p", "35", "-s", "160"), "MIT"),
)

SENTENCES = (
    "The ferry leaves at seven, so pack your bags tonight.",
    "A grey cat slept behind the oven all afternoon.",
    "We measured every window before we bought the curtains.",
    "Her brother fixes old radios in a shed by the river.",
    "Please put the yellow folder next to the printer.",
    "Thick fog covered the valley until the church bells rang.",
    "I would rather walk home than wait for another bus.",
    "The baker chose fresh ginger and a pinch of salt.",
    "Nobody noticed that the kitchen clock had stopped.",
    "Four young engineers share an office above the bank.",
    "Jumping over puddles is half the joy of spring.",
    "The usual path was closed, so they climbed the hill.",
    "He boiled six eggs and forgot about the toast.",
    "Could you show me which key opens the garage?",
    "The choir sang softly while the children drew pictures.",
    "My neighbour grows beans, leeks and purple cabbage.",
    "Rough weather kept the fishing boats in the harbour.",
    "She thought the museum would be quiet on a Thursday.",
    "A loose wire made the lamp flicker twice an hour.",
    "They painted the garden fence a pale shade of blue.",
    "The judge asked a short question and wrote it down.",
    "Our train rolled slowly through miles of wheat fields.",
    "Vera found a warm coat in the back of the wardrobe.",
    "Most people here prefer coffee without any sugar.",
    "The new bridge will open before the end of July.",
    "Try to hold the paper still while I cut the corner.",
    "His voice was calm, though his hands were shaking.",
    "Each box holds enough soap for a large household.",
)


def _render(voice: Voice, text: str) -> np.ndarray:
    """Speak a sentence; samples at the corpus rate, as the program leaves them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(voice.command(text, path), check=True, capture_output=True)
        x, rate = read(path, channel=0)
    return resample(x.astype(np.float64), rate, SAMPLE_RATE)


def _trimmed(x: np.ndarray) -> np.ndarray:
    """Keep 0.1 s around what lies within 45 dB of the loudest 10 ms; fade the ends over 20 ms."""
    frame = SAMPLE_RATE // 100
    energy = np.square(x[: x.size // frame * frame]).reshape(-1, frame).sum(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10**-4.5)
    x = x[max(0, (loud[0] - 10) * frame) : (loud[-1] + 11) * frame].copy()
    fade = np.sin(np.pi / 2 * np.arange(2 * frame) / (2 * frame)) ** 2
    x[: fade.size] *= fade
    x[-fade.size :] *= fade[::-1]
    return x


def _finished(x: np.ndarray, treble_db: float) -> np.ndarray:
    """Without rumble under 50 Hz, lifted over 1 kHz, trimmed, at the common active level."""
    treble = sosfilt(butter(1, 1_000, "highpass", fs=SAMPLE_RATE, output="sos"), x)
    x = x + (10 ** (treble_db / 20) - 1) * treble
    x = _trimmed(sosfiltfilt(butter(2, 50, "highpass", fs=SAMPLE_RATE, output="sos"), x))
    level_dbfs, _ = active_level_dbfs(x, SAMPLE_RATE)
    return x * 10 ** ((ACTIVE_LEVEL_DBFS - level_dbfs) / 20)


def build(out: Path) -> None:
    """Render every voice into ``out``.

    Raises
    ------
    ValueError
        When a program is missing, or a file would clip.
    """
    for program in sorted({voice.program for voice in VOICES}):
        if shutil.which(program) is None:
            raise ValueError(f"{program} is not installed; on Debian: apt-get install espeak-ng flite")
    rows = []
    for v, voice in enumerate(VOICES):
        (out / "speech" / voice.speaker).mkdir(parents=True, exist_ok=True)
        for i in range(PER_VOICE):
            text = SENTENCES[(v * PER_VOICE + i) % len(SENTENCES)]
            path = f"speech/{voice.speaker}/{i + 1:02d}.flac"
            x = _finished(_render(voice, text), voice.treble_db)
            if write(out / path, x, SAMPLE_RATE):
                raise ValueError(f"{path} clips: lower ACTIVE_LEVEL_DBFS")
            rows.append([path, voice.speaker, voice.sex, text, voice.licence])
    with open(out / "metadata.csv", "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m percepkit.manifests.demo.build OUT")
    build(Path(sys.argv[1]))
