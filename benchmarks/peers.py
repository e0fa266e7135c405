"""Bare items against other libraries: read speech, noise and a room, convolve, mix, write three 16-bit WAV files.

All sides read the same WAV files of 40 s, in one process on one core, and write noisy, clean and noise.

percepkit        run_recipe with all its bookkeeping: plan, measured levels and SNR, checksums, tables, fsync
plain            _plain_loop.py: NumPy, SciPy and soundfile; nothing measured or kept but the audio
audiomentations  ApplyImpulseResponse, then AddBackgroundNoise; noise is the difference of the two

audiomentations is no dependency of percepkit. Where it is missing, install it somewhere else and name the folder,
which is searched last, so that both sides use the same NumPy and SciPy:

    pip install --target /tmp/peers audiomentations
    python peers.py --peers /tmp/peers
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import importlib.util
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import soundfile
from _plain_loop import render
from _sources import Cut, cuts_of, make_sources, recipe_of, roots_of
from _timing import Spent, median, ratio, take_rounds

from percepkit.engine import cluster
from percepkit.synth.run import run_recipe
from percepkit.synth.sources import load_sources

SNR_DB = (0.0, 20.0)  # as the recipe draws it
MISSING = "audiomentations is not installed, so it is left out; `python peers.py --help` says how to add it"


def augmenter(roots: dict[str, Path]) -> Callable[[list[Cut], Path, float], None]:
    """What a user of audiomentations writes; its transforms choose room, noise and SNR themselves."""
    from audiomentations import AddBackgroundNoise, ApplyImpulseResponse, Compose

    room = Compose([ApplyImpulseResponse(roots["rooms"], p=1.0)])
    noise = Compose([AddBackgroundNoise(roots["noise"], min_snr_db=SNR_DB[0], max_snr_db=SNR_DB[1], p=1.0)])

    def augment(cuts: list[Cut], out: Path, seconds: float) -> None:
        out.mkdir()
        for index, cut in enumerate(cuts):
            with soundfile.SoundFile(cut.speech) as sound:
                rate, n = sound.samplerate, round(seconds * sound.samplerate)
                sound.seek(random.randint(0, sound.frames - n))
                speech = sound.read(n, dtype="float32")
            clean = room(speech, rate)
            noisy = noise(clean, rate)
            for name, x in (("noisy", noisy), ("clean", clean), ("noise", noisy - clean)):
                soundfile.write(out / f"{index:06d}.{name}.wav", x, rate, subtype="PCM_16")

    return augment


def compare(folder: Path, sample_rate: int, items: int, seconds: float, rounds: int) -> dict[str, list[Spent]]:
    """Time of each side, round by round."""
    recipe, roots = recipe_of(items, seconds, sample_rate, target="reverberant"), roots_of(folder)
    sources = load_sources(recipe, folder)
    cuts, out = cuts_of(recipe, sources, roots), folder / "out"
    with cluster.client(0) as client:
        sides: dict[str, Callable[[], object]] = {
            "percepkit": lambda: run_recipe(recipe, sources, out, roots, client=client),
            "plain": lambda: render(cuts, out, seconds),
        }
        if importlib.util.find_spec("audiomentations"):
            augment = augmenter(roots)
            sides["audiomentations"] = lambda: augment(cuts, out, seconds)
        return take_rounds(sides, rounds, lambda: shutil.rmtree(out, ignore_errors=True))


def main() -> None:
    """Print a table of x real time and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", type=Path, help="folder where the other libraries are installed")
    arguments = parser.parse_args()
    if arguments.peers:
        sys.path.append(str(arguments.peers.resolve()))
    print("side                     x real time (CPU)   ratio of CPU time to percepkit's   ratio of wall time")
    for sample_rate in (16_000, 48_000):
        with tempfile.TemporaryDirectory() as name:
            make_sources(Path(name), sample_rate, 4 * arguments.seconds)
            spent = compare(Path(name), sample_rate, arguments.items, arguments.seconds, arguments.rounds)
        for side, parts in spent.items():
            speed = arguments.items * arguments.seconds / median(parts).cpu
            cpu, wall = (ratio(parts, spent["percepkit"], clock) for clock in ("cpu", "wall"))
            label = f"{sample_rate // 1000} kHz, {side}"
            print(f"{label:25}{speed:17.0f}   {cpu!s:>31}   {wall!s:>18}")
    if "audiomentations" not in spent:
        print(MISSING)


if __name__ == "__main__":
    main()
