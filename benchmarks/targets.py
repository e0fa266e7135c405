"""Speed of PercepNet's targets: gains, pitch, comb filter and exact strengths of speech in pink noise, one core.

percepkit  percepkit.dsp.percepnet.compute_targets on float32 signals
plain      _plain_targets.py: the same method in NumPy, nothing compiled

The last columns are the CPU time of percepkit's steps relative to all of it: tracking the pitch, comb-filtering
clean and noisy speech, the four spectra, and all that is done per band.
"""

import _one_core  # noqa: F401, I001 - before NumPy

import argparse

import numpy as np
from _plain_targets import targets
from _sources import utterance
from _timing import take_turns

from percepkit.dsp.comb import comb_frames, noise_gains
from percepkit.dsp.erb import layout
from percepkit.dsp.noise import generate
from percepkit.dsp.percepnet import BLOCK_FRAMES, compute_targets, ideal_gains
from percepkit.dsp.pitch import track_pitch
from percepkit.dsp.stft import analyse, analyse_frames, hop_length
from percepkit.dsp.strength import measure_coherences, solve_strength

STAGES = ("pitch", "comb", "spectra", "bands")


def measure(sample_rate: int, seconds: float, rounds: int) -> dict[str, float]:
    """CPU seconds of both sides and of each stage."""
    hop, bands = hop_length(sample_rate), layout(sample_rate)
    clean = utterance(0, seconds, sample_rate).astype(np.float32)
    noisy = clean + (0.02 * generate("pink", len(clean), sample_rate, 1, {})).astype(np.float32)
    period = track_pitch(clean, sample_rate)
    voiced = np.flatnonzero(period)
    frames = [comb_frames(x, period, hop)[voiced].astype(np.float64) for x in (clean, noisy)]
    x, y = (analyse(s.astype(np.float64), hop) for s in (clean, noisy))
    periodic, combed = map(analyse_frames, frames)
    block = BLOCK_FRAMES * hop

    def spectra() -> None:
        for signal in (clean, noisy):
            for start in range(0, len(signal), block):
                analyse(signal[start : start + block].astype(np.float64), hop)
        for combs in frames:
            for start in range(0, len(combs), BLOCK_FRAMES):
                analyse_frames(combs[start : start + BLOCK_FRAMES])

    def per_band() -> None:
        for start in range(0, len(voiced), BLOCK_FRAMES):
            part = slice(start, start + BLOCK_FRAMES)
            rows = voiced[part]
            q = measure_coherences(x[rows], y[rows], periodic[part], combed[part], bands)
            solve_strength(q, noise_gains(period[rows]))
        ideal_gains(x, y, bands)

    sides = {
        "percepkit": lambda: compute_targets(clean, noisy, sample_rate),
        "plain": lambda: targets(clean, noisy, sample_rate),
        "pitch": lambda: track_pitch(clean, sample_rate),
        "comb": lambda: [comb_frames(signal, period, hop) for signal in (clean, noisy)],
        "spectra": spectra,
        "bands": per_band,
    }
    return {name: spent.cpu for name, spent in take_turns(sides, rounds).items()}


def main() -> None:
    """Print x real time, the ratio and each stage's share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the item")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(
        f"{'x real time':8}{'percepkit':>12}{'plain':>8}{'ratio':>8}" + "".join(f"{name:>10}" for name in STAGES)
    )
    for sample_rate in (16_000, 48_000):
        spent = measure(sample_rate, arguments.seconds, arguments.rounds)
        speed = {name: arguments.seconds / spent[name] for name in ("percepkit", "plain")}
        shares = "".join(f"{spent[name] / spent['percepkit']:10.2f}" for name in STAGES)
        ratio = speed["percepkit"] / speed["plain"]
        print(f"{sample_rate // 1000:4} kHz   {speed['percepkit']:12.0f}{speed['plain']:8.0f}{ratio:8.1f}{shares}")


if __name__ == "__main__":
    main()
