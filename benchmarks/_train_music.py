"""Train the network of `percepkit.baselines.music_detector` and write its weights.

CORPUS holds the folders music/, speech/ and noise/ with recordings below them. Each recording of music is also
left out in turn, and what the suppressor then does to it is printed: the figures that the package states.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines import music_detector
from percepkit.baselines.music_detector import LEAST, MEMORY, MusicDetector, Network
from percepkit.baselines.music_preserving import MusicPreservingStream
from percepkit.dsp.draws import key_of, normal
from percepkit.dsp.music import FEATURES, STEP_SECONDS, WINDOW_SECONDS, features, log_spectrum, tune
from percepkit.dsp.noise import KINDS, generate

RATE = 16_000
UNITS, PENALTY = 8, 3e-3
REST_WEIGHT = 0.75  # speech that is taken for music keeps its noise: worse than music that is attenuated
EVERY = 12  # steps between two examples of one signal
MUSICAL = (
    "carousel",
    "chimes",
    "bowl",
    "church",
    "temple",
    "radio",
    "morse",
    "siren",
    "horn",
    "restaurant",
    "bar",
)


def load(path: Path, seconds: float) -> np.ndarray:
    """The first channel from a quarter of the file on."""
    x, rate = read(path, channel=0)
    x = np.asarray(x, np.float64)
    start = max(min(len(x) // 4, len(x) - int(seconds * rate)), 0)
    return resample(x[start : start + int(seconds * rate)], rate, RATE)


def examples(x: np.ndarray) -> np.ndarray:
    """Features along a signal, also while the memory is still filling."""
    hop, n = round(STEP_SECONDS * RATE), round(WINDOW_SECONDS * RATE)
    spectra = [log_spectrum(x[i : i + n], RATE) for i in range(0, len(x) - n, hop) if x[i : i + n].any()]
    ends = range(LEAST, len(spectra) + 1, EVERY)
    rows = [features(np.array(spectra[max(end - MEMORY, 0) : end])) for end in ends]
    return np.array(rows).reshape(-1, len(FEATURES))


def mixed(x: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add noise, as long as the signal, at an SNR."""
    noise = np.resize(noise, len(x))
    return x + noise * np.sqrt(np.mean(x**2) / max(np.mean(noise**2), 1e-12)) * 10 ** (-snr_db / 20)


def voices(corpus: Path, count: int) -> list[np.ndarray]:
    """Eight seconds of speech each, of as many files of one folder as it takes."""
    found = []
    for folder in sorted(p for p in (corpus / "speech").iterdir() if p.is_dir()):
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        for first in range(0, len(files), max(len(files) // count, 1)):
            joined = np.zeros(0)
            for path in files[first:]:
                joined = np.append(joined, load(path, 8))
                if len(joined) >= 8 * RATE:
                    break
            found.append(joined[: 8 * RATE])
    return found


def negatives(corpus: Path, scale: float) -> np.ndarray:
    """Speech, noise, and speech in noise."""
    noise = sorted(
        p for p in (corpus / "noise").rglob("*") if p.is_file() and not any(m in p.name for m in MUSICAL)
    )
    noises = [load(path, 8) for path in noise[:: max(int(1 / scale), 1)]]
    made = [generate(kind, 6 * RATE, RATE, key_of("music", kind, i), {}) for i in range(2) for kind in KINDS]
    found = [examples(x) for x in noises + made]
    for i, voice in enumerate(voices(corpus, max(int(24 * scale), 1))):
        white = generate("white", 6 * RATE, RATE, key_of("music", "white", i), {})
        found += [examples(voice), examples(mixed(voice, white, (5, 10, 15, 20)[i % 4]))]
        for j, snr_db in enumerate((5, 15, 25)):
            found.append(examples(mixed(voice, noises[(3 * i + j) % len(noises)], snr_db)))
            found.append(examples(mixed(voice, made[(5 * i + j) % len(made)], snr_db)))
    return np.concatenate(found)


def positives(corpus: Path, scale: float) -> dict[str, np.ndarray]:
    """Examples of each recording, and of made-up music under "tunes": alone and in a little noise."""
    found = {}
    for path in sorted((corpus / "music").iterdir()):
        x = load(path, 60)
        noisy = [mixed(x, generate("pink", len(x), RATE, key_of(path.name), {}), snr) for snr in (25, 12)]
        found[path.name] = np.concatenate([examples(each) for each in (x, *noisy)])
    tunes = []
    for i in range(max(int(120 * scale), 2)):
        x = tune(6 * RATE, RATE, key_of("tune", i))
        tunes += [examples(x), examples(mixed(x, generate("pink", len(x), RATE, key_of(i), {}), 15))]
    return found | {"tunes": np.concatenate(tunes)}


def train(music: list[np.ndarray], rest: np.ndarray) -> Network:
    """Fit the network by L-BFGS to the cross-entropy; each piece of music counts alike, the rest more than all."""
    values = np.concatenate([*music, rest])
    wanted = np.concatenate([np.ones(sum(map(len, music))), np.zeros(len(rest))])
    shares = [*((1 - REST_WEIGHT) / len(music) / len(m) for m in music), REST_WEIGHT / len(rest)]
    weight = np.repeat(shares, [*map(len, music), len(rest)])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    scaled = np.clip((values - mean) / scale, -4, 4)
    n = len(FEATURES)

    def unpack(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        return p[: n * UNITS].reshape(n, UNITS), p[n * UNITS : -UNITS - 1], p[-UNITS - 1 : -1], p[-1]

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        first, bias, second, last = unpack(p)
        units = np.tanh(scaled @ first + bias)
        logit = units @ second + last
        value = np.sum(weight * (np.logaddexp(0, logit) - wanted * logit)) + PENALTY * np.sum(p**2)
        error = weight * (1 / (1 + np.exp(-logit)) - wanted)
        back = np.outer(error, second) * (1 - units**2)
        slope = [(scaled.T @ back).ravel(), back.sum(axis=0), units.T @ error, [error.sum()]]
        return float(value), np.concatenate(slope) + 2 * PENALTY * p

    start = 0.3 * normal(np.random.Philox(key=key_of("music", "start")).random_raw(n * UNITS + 2 * UNITS + 1))
    first, bias, second, last = unpack(
        minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    )
    table = np.zeros((n + 2, 2 + UNITS))
    table[:n, 0], table[:n, 1], table[:n, 2:] = mean, scale, first
    table[n, 2:], table[n + 1, 2:], table[n + 1, 0] = bias, second, last
    return Network(np.round(table, 5))


def attenuations_db(x: np.ndarray, network: Network) -> tuple[float, float]:
    """What the suppressor takes from a signal: of its energy, and in the mean over half seconds."""
    stream = MusicPreservingStream(RATE, detector=MusicDetector(RATE, network))
    enhanced = np.concatenate([stream.process(x), stream.flush()])[2 * RATE // 100 - 1 :]
    whole = len(x) // (RATE // 2) * (RATE // 2)
    pairs = [np.square(y[:whole]).reshape(-1, RATE // 2).sum(axis=1) + 1e-9 for y in (x, enhanced)]
    return float(10 * np.log10(pairs[0].sum() / pairs[1].sum())), float(
        np.mean(10 * np.log10(pairs[0] / pairs[1]))
    )


def deaf() -> Network:
    """A network that hears no music anywhere."""
    table = np.zeros((len(FEATURES) + 2, 3))
    table[:, 1], table[-1, 0] = 1, -20
    return Network(table)


def main() -> None:
    """Train, print the figures of recordings left out, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the examples to train on")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    rest, music = negatives(arguments.corpus, arguments.scale), positives(arguments.corpus, arguments.scale)
    print(f"{len(rest)} examples of no music, {sum(map(len, music.values()))} of music")
    for name in music:
        network = train([rows for other, rows in music.items() if other != name], rest)
        heard, wrong = (np.mean(network.probability(rows) > 0.5) for rows in (music[name], rest))
        line = f"{name:24} left out: {heard:6.1%} taken for music, {wrong:.1%} of the rest"
        if name != "tunes":
            x = load(arguments.corpus / "music" / name, 60)
            pairs = [attenuations_db(x, each) for each in (network, deaf())]
            line += "; attenuation {:.1f} ({:.1f}) dB, without detector {:.1f} ({:.1f})".format(
                *pairs[0], *pairs[1]
            )
        print(line, flush=True)
    network = train(list(music.values()), rest)
    print(f"all: {np.mean(network.probability(rest) > 0.5):.1%} of the rest taken for music")
    if not arguments.dry:
        target = Path(music_detector.__file__).with_name(music_detector.WEIGHTS)
        np.savetxt(target, network.table, fmt="%.5f", delimiter=",")


if __name__ == "__main__":
    main()
