"""Agreement of percepkit's pitch with Praat and WORLD on real speech, and the speed of each.

Every pair of trackers is compared frame by frame, 10 ms apart, first channel only, f0 from 62.5 to 500 Hz:

gross        of the frames that both call voiced, those whose f0 differ by more than 20 %
first only   of all frames, those that only the first tracker calls voiced
second only  the other way round
cents        median distance where both are voiced and the difference is not gross
ratio        CPU time of the second tracker over that of the first

Praat is `to_pitch_ac` with its own settings, WORLD is DIO refined by StoneMask.
"""

import argparse
import importlib.machinery
import importlib.util
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
from _timing import take_turns

from percepkit.audio.files import read
from percepkit.dsp.pitch import MAX_F0_HZ, MIN_F0_HZ, track_pitch
from percepkit.dsp.stft import hop_length, n_frames
from percepkit.manifests.demo import demo_folder

GROSS = 0.2
SUFFIXES = {".flac", ".mp3", ".ogg", ".opus", ".wav"}
Tracker = Callable[[np.ndarray, int], np.ndarray]


def percepkit(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """F0 in Hz at the centre of each frame, 0 for unvoiced ones; so do the others."""
    period = track_pitch(x, sample_rate)
    return np.divide(sample_rate, period, out=np.zeros_like(period), where=period > 0)


def praat(x: np.ndarray, sample_rate: int) -> np.ndarray:
    import parselmouth

    hop = hop_length(sample_rate)
    frames = n_frames(len(x), hop)
    padded = np.zeros((frames + 6) * hop)  # Praat centres its frames in the sound: this puts them on our grid
    padded[3 * hop + hop // 2 :][: len(x)] = x
    pitch = parselmouth.Sound(padded, sample_rate).to_pitch_ac(
        time_step=hop / sample_rate, pitch_floor=MIN_F0_HZ, pitch_ceiling=MAX_F0_HZ
    )
    wanted = np.arange(frames) * hop + 3 * hop + hop // 2
    nearest = np.rint((wanted / sample_rate - pitch.x1) / pitch.dx).astype(int)
    f0: np.ndarray = pitch.selected_array["frequency"]
    return f0[np.clip(nearest, 0, len(f0) - 1)]


def world(x: np.ndarray, sample_rate: int) -> np.ndarray:
    pyworld = _pyworld()
    hop = hop_length(sample_rate)
    x = x.astype(np.float64)
    rough, seconds = pyworld.dio(
        x, sample_rate, f0_floor=MIN_F0_HZ, f0_ceil=MAX_F0_HZ, frame_period=1000 * hop / sample_rate
    )
    f0 = pyworld.stonemask(x, rough, seconds, sample_rate)
    return np.resize(np.append(f0, np.zeros(2)), n_frames(len(x), hop))


def _pyworld() -> ModuleType:
    """Load the compiled part alone: the package around it needs pkg_resources, which setuptools no longer has."""
    package = importlib.util.find_spec("pyworld")
    if package is None:
        raise ModuleNotFoundError("No module named 'pyworld'; pip install pyworld", name="pyworld")
    spec = importlib.machinery.PathFinder.find_spec("pyworld", package.submodule_search_locations)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRACKERS: dict[str, Tracker] = {"percepkit": percepkit, "Praat": praat, "WORLD": world}
PACKAGES = {"Praat": "parselmouth", "WORLD": "pyworld"}  # compared where they are installed


def compare(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Gross and one-sided differences in per cent, and the median of the others in cents."""
    both = (first > 0) & (second > 0)
    ratio = first[both] / second[both]
    gross = np.abs(ratio - 1) > GROSS
    return {
        "gross": 100 * gross.mean(),
        "first only": 100 * np.mean((first > 0) & (second == 0)),
        "second only": 100 * np.mean((first == 0) & (second > 0)),
        "cents": float(np.median(np.abs(1200 * np.log2(ratio[~gross])))),
    }


def main() -> None:
    """Print a table of pairs and one of speeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=demo_folder() / "speech")
    parser.add_argument("--files", type=int, default=100, help="at most so many, evenly spread over the folder")
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        parser.error(f"no audio in {arguments.folder}")
    chosen = np.unique(np.linspace(0, len(paths) - 1, arguments.files).round().astype(int))
    sounds = [read(paths[index], channel=0) for index in chosen]
    tracks: dict[str, np.ndarray] = {}

    def run(name: str) -> None:
        tracks[name] = np.concatenate([TRACKERS[name](x, rate) for x, rate in sounds])

    installed = [name for name in TRACKERS if name not in PACKAGES or importlib.util.find_spec(PACKAGES[name])]
    spent = take_turns({name: partial(run, name) for name in installed}, rounds=1)
    print("pair                  gross %  first only %  second only %   cents   ratio")
    for first, second in combinations(installed, 2):
        row = compare(tracks[first], tracks[second])
        print(f"{first + ', ' + second:20}{row['gross']:9.2f}{row['first only']:14.2f}{row['second only']:15.2f}"
              f"{row['cents']:8.1f}{spent[second].cpu / spent[first].cpu:8.1f}")  # fmt: skip
    seconds = sum(len(x) / rate for x, rate in sounds)
    print(f"\n{len(sounds)} files, {seconds / 60:.1f} minutes\ntracker       voiced %   x real time (CPU)")
    for name, f0 in tracks.items():
        print(f"{name:14}{100 * np.mean(f0 > 0):8.1f}{seconds / spent[name].cpu:20.0f}")


if __name__ == "__main__":
    main()
