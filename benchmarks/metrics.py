"""STOI and ESTOI with pystoi, and the cheap metrics with PESQ: CPU time of one core, items of the demo's speech.

alone         prepare the clean side and score one estimate, as pystoi does
one more      score one more estimate against a clean side that is prepared, which is what `eval run` does
all but PESQ  STOI, ESTOI, SI-SDR, SI-SNR, SI-SIR, SI-SAR, SSNR, LLR, cepstral distance, WSS, fwSegSNR and LSD of
              one estimate, preparation included

The sides take turns, and the ratio is that of their shortest times: what else the machine does only adds to them.
The script fails where a value differs from pystoi's by more than 1e-9.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse
import sys
from collections.abc import Callable

import numpy as np
from _sources import utterance
from _timing import take_rounds
from pystoi import stoi as pystoi

from percepkit.baselines.registry import load as denoiser
from percepkit.dsp.noise import generate
from percepkit.eval.metrics import Panel, score_all
from percepkit.eval.metrics._itu_pesq import score_pair

RATE = 16_000
INTELLIGIBILITY = ("stoi", "estoi")
CHEAP = (
    *INTELLIGIBILITY, "si_sdr", "si_snr", "si_sir", "si_sar", "ssnr", "ssnr_active", "llr", "cepstral_distance",
    "wss", "fwsegsnr", "lsd",
)  # fmt: skip
#: Sides over a side, and the least that the ratio may be.
TARGETS = (
    ("STOI alone", ("pystoi STOI",), "our STOI", 3.0),
    ("ESTOI alone", ("pystoi ESTOI",), "our ESTOI", 5.0),
    ("STOI and ESTOI, one more", ("pystoi STOI", "pystoi ESTOI"), "one more", 10.0),
    ("pesq_wb to all but PESQ", ("pesq_wb",), "all but PESQ", 1.0),
)
MOST_DIFFERENCE = 1e-9


def make_item(voice: int, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean speech, pink noise at 5 dB, and what the Wiener filter makes of them."""
    clean = utterance(voice, seconds, RATE).astype(np.float64)
    noise = generate("pink", len(clean), RATE, 1, {}).astype(np.float64)
    noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-5 / 20)
    return clean, noise, denoiser("wiener")(clean + noise, RATE)


def sides_of(clean: np.ndarray, noise: np.ndarray, estimate: np.ndarray) -> dict[str, Callable[[], object]]:
    """What is timed."""
    prepared, pair = Panel(INTELLIGIBILITY, clean, RATE), [x.astype(np.float32) for x in (clean, estimate)]
    return {
        "pystoi STOI": lambda: pystoi(clean, estimate, RATE),
        "pystoi ESTOI": lambda: pystoi(clean, estimate, RATE, extended=True),
        "our STOI": lambda: score_all(["stoi"], clean, estimate, RATE),
        "our ESTOI": lambda: score_all(["estoi"], clean, estimate, RATE),
        "one more": lambda: prepared.score(estimate),
        "all but PESQ": lambda: score_all(CHEAP, clean, estimate, RATE, noise=noise),
        "pesq_wb": lambda: score_pair(*pair, RATE, "wb"),
    }


def differences(clean: np.ndarray, estimate: np.ndarray) -> float:
    """Largest difference from pystoi's values."""
    ours = score_all(INTELLIGIBILITY, clean, estimate, RATE)
    return max(
        abs(ours[name].value - pystoi(clean, estimate, RATE, extended=name == "estoi")) for name in INTELLIGIBILITY
    )


def main() -> None:
    """Print one row for each target; end with an error where a value is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3, help="voices of the demo")
    parser.add_argument("--seconds", type=float, default=10.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    print("item  compared                       CPU ms, theirs   ours   ratio   at least")
    for voice in range(arguments.items):
        clean, noise, estimate = make_item(voice, arguments.seconds)
        spent = take_rounds(sides_of(clean, noise, estimate), arguments.rounds)
        least = {name: 1e3 * min(part.cpu for part in parts) for name, parts in spent.items()}
        for title, theirs, ours, target in TARGETS:
            theirs_ms = sum(least[name] for name in theirs)
            ratio = theirs_ms / least[ours]
            print(
                f"{voice:4d}  {title:30s} {theirs_ms:14.1f} {least[ours]:6.1f} {ratio:7.2f} {target:10.1f}",
                flush=True,
            )
        if (difference := differences(clean, estimate)) > MOST_DIFFERENCE:
            sys.exit(f"a value differs from pystoi's by {difference:.1e}")


if __name__ == "__main__":
    main()
