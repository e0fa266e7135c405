"""Train the networks that the package ships, from recordings to weights, by its own commands.

CORPUS holds the folders speech/ and noise/ with recordings below them. In OUT grow labels, manifests, rooms,
corpora, runs and the ONNX files; what is there already is kept, so that a stopped script goes on. The last step
scores the networks beside classical denoisers on talkers, noises and rooms that none of them met.

Of speech, the few recordings whose talkers are known are held out; the many of unknown talkers and the one voice
of 48 kHz are trained on. The unknown talkers of a folder are joined as if they were one: an item then holds
several of their short utterances instead of one again and again. Of noise, every fourth recording of a class is
for tests, every eighth for validation.
"""

import argparse
import csv
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import percepkit.baselines.dnn
from percepkit.baselines.trained import WEIGHTS

CONFIGS = Path(percepkit.baselines.dnn.__file__).parent / "configs"
AUDIO = {".wav", ".flac", ".ogg", ".mp3"}
#: Talkers of recordings that are not trained on, by the start of their path.
TALKERS = {
    "freesound/127389": ("acclivity", "valid"),
    "freesound/clean": ("freesound_33711", "valid"),
    "freesound/165187": ("blaukreuz", "test"),
    "freesound/75064": ("corsica_s", "test"),
    "arctic/cmu_arctic_us_aew": ("aew", "test"),
    "arctic/cmu_arctic_us_axb": ("axb", "test"),
    "librispeech/2412": ("2412", "test"),
    "librispeech/libri-1088": ("1088", "test"),
    "vctk/p286": ("p286", "test"),
}
NETWORKS = ("crn", "rnnoise", "percepnet_small", "percepnet")
JUDGED = (
    "crn,rnnoise,percepnet-small,percepnet,wiener,log-mmse-leading,magnitude-wiener,omlsa,two-step-wiener,"
    "two-step-wiener-leading,spectral-subtraction,clean,silence,oracle-gains,oracle-comb"
)


def label(corpus: Path, out: Path) -> None:
    """Write speech.csv and noise.csv: who speaks, and what is held out."""
    speech, noise, of_class = [], [], defaultdict(int)
    for path in _recordings(corpus / "speech"):
        found = [known for start, known in TALKERS.items() if path.startswith(start)]
        folder = path.split("/")[0]
        talker, split = found[0] if found else (folder, "train")
        speech.append([path, talker, talker, split])
    for path in _recordings(corpus / "noise"):
        kind = path.split("/")[0]
        i, of_class[kind] = of_class[kind], of_class[kind] + 1
        noise.append([path, Path(path).stem, kind, "test" if i % 4 == 2 else "valid" if i % 8 == 5 else "train"])
    for name, columns, rows in (
        ("speech", ["path", "speaker", "group", "split"], speech),
        ("noise", ["path", "group", "class", "split"], noise),
    ):
        with (out / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])


def _recordings(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in AUDIO)


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ship", action="store_true", help="write the weights into the package")
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    for config in CONFIGS.glob("*.yaml"):
        shutil.copy(config, out)
    label(arguments.corpus, out)
    roots = [f"--root={name}={(arguments.corpus / name).absolute()}" for name in ("speech", "noise")]

    def step(made: str, *command: str) -> None:
        if not made or not (out / made).exists():
            subprocess.run([sys.executable, "-m", "percepkit", *command], cwd=out, check=True)

    for kind in ("speech", "noise"):
        folder = str((arguments.corpus / kind).absolute())
        step(f"{kind}.parquet", "manifest", "scan", folder, "--kind", kind, "--metadata", f"{kind}.csv",
             "--root-name", kind, "--out", f"{kind}.parquet")  # fmt: skip
    for rooms in ("16k", "48k", "test"):
        step(f"rooms_{rooms}/rooms.parquet", "synth", "rooms", f"rooms_{rooms}.yaml", "--out", f"rooms_{rooms}")
    for part in ("train_16k", "valid_16k", "train_48k", "valid_48k", "test_16k"):
        rooms = "test" if part == "test_16k" else part[-3:]
        step("", "synth", "run", f"{part}.yaml", "--out", part, *roots, f"--root=rooms=rooms_{rooms}")
    for network in NETWORKS:
        name = network.replace("_", "-")
        step(f"weights/{name}.onnx", "train", "run", f"{network}.yaml", "--out", f"runs/{network}", "--resume")
        step(
            f"weights/{name}.onnx", "train", "export", f"runs/{network}", "--out", f"weights/{name}.onnx", "--int8"
        )
        if arguments.ship:
            for suffix in (".onnx", ".json"):
                shutil.copy(out / "weights" / f"{name}{suffix}", WEIGHTS)
    step("scores.parquet", "eval", "run", "test_16k", "--denoisers", JUDGED, "--out", "scores.parquet")


if __name__ == "__main__":
    main()
