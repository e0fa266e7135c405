"""Comb-filter strengths: how much of the comb-filtered signal makes each band as periodic as clean speech.

The noisy band y and its comb-filtered version p^ are mixed as z = (1 - r) y + r p^. The strength r is the one at
which the coherence of z with the periodic part p of the clean speech equals that of the clean speech itself.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 3.2. The paper solves the equation under the assumption
that y and p^ are related through p only; here their coherence is measured and the root is exact.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from percepkit.dsp.erb import Bands, band_energy, band_product
from percepkit.dsp.validity import silence_floor

__all__ = ["Coherences", "StrengthRule", "measure_coherences", "solve_strength"]

#: Exact root, the formula that the paper prints, or the closed form for white noise.
StrengthRule = Literal["exact", "published", "white-noise"]

NOISE_FLOOR = 0.03  # n0 of the paper, -15 dB: bounds the extra attenuation
MAX_COHERENCE = 1 - 1e-4  # of the rules that divide by what a coherence lacks of one


@dataclass(frozen=True, eq=False)
class Coherences:
    """Coherences of one item, each of shape (frames, bands).

    Attributes
    ----------
    clean, noisy, combed : float array in [-1, 1]
        q_x, q_y, q_p: of clean, noisy and comb-filtered noisy speech with p, the periodic part of the clean.
    cross : float array in [-1, 1]
        q_yp, of noisy with comb-filtered noisy speech.
    ratio : float array
        d = ||p^|| / ||y||.
    valid : bool array
        Voiced frames, bands in which none of the four signals is silent.
    """

    clean: np.ndarray
    noisy: np.ndarray
    combed: np.ndarray
    cross: np.ndarray
    ratio: np.ndarray
    valid: np.ndarray


def measure_coherences(
    clean: np.ndarray, noisy: np.ndarray, periodic: np.ndarray, combed: np.ndarray, bands: Bands
) -> Coherences:
    """Band coherences of four spectra of shape (frames, bins).

    Parameters
    ----------
    clean, noisy : complex array
        X and Y.
    periodic, combed : complex array
        P and P^: clean and noisy speech, comb-filtered with the pitch of the clean.
    bands : Bands

    Returns
    -------
    Coherences
        In float64, whatever the precision of the spectra.
    """
    norm = {name: np.sqrt(band_energy(s, bands)) for name, s in
            {"x": clean, "y": noisy, "p": periodic, "c": combed}.items()}  # fmt: skip
    floor = np.sqrt(silence_floor(bands.n_bins, clean.shape[1] - 1))
    valid = np.logical_and.reduce([value > floor for value in norm.values()])

    def coherence(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
        product = band_product(a, b, bands)
        value = np.divide(product, scale, out=np.zeros_like(product), where=valid)
        return np.clip(value, -1.0, 1.0)

    return Coherences(
        clean=coherence(periodic, clean, norm["p"] * norm["x"]),
        noisy=coherence(periodic, noisy, norm["p"] * norm["y"]),
        combed=coherence(periodic, combed, norm["p"] * norm["c"]),
        cross=coherence(noisy, combed, norm["y"] * norm["c"]),
        ratio=np.divide(norm["c"], norm["y"], out=np.ones_like(norm["c"]), where=valid),
        valid=valid,
    )


def solve_strength(
    q: Coherences, noise_gains: np.ndarray, *, rule: StrengthRule = "exact"
) -> tuple[np.ndarray, np.ndarray]:
    """Strengths, and the attenuation where no mix is as periodic as the clean speech.

    Parameters
    ----------
    q : Coherences
    noise_gains : float array, shape (frames, 2)
        Of the comb filters, see `percepkit.dsp.comb.noise_gains`; all that the rules other than "exact" know of
        the comb-filtered signal.
    rule : {"exact", "published", "white-noise"}

    Returns
    -------
    strength : float array in [0, 1], shape (frames, bands)
        0 where the noisy speech is as periodic as the clean, where the clean is not periodic, or where
        ``q.valid`` is False. Where no mix reaches the coherence of clean speech, that of the most coherent mix.
    attenuation : float array in (0, 1], shape (frames, bands)
        g_att, to be multiplied with the band gain; below 1 only where the coherence of the clean is not reached.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> q = Coherences(0.9 * one, 0.6 * one, 0.95 * one, 0.57 * one, one, one > 0)
    >>> r = solve_strength(q, np.array([[1 / 6, 1 / 8]]))[0].item()
    >>> u = r / (1 - r)
    >>> round((0.6 + u * 0.95) / (1 + 2 * u * 0.57 + u * u) ** 0.5, 12)
    0.9
    """
    if rule not in get_args(StrengthRule):
        raise ValueError(f"no rule is called {rule!r}; choose from {', '.join(get_args(StrengthRule))}")
    centre, spread = noise_gains[:, :1], noise_gains[:, 1:]
    solve = {"exact": _exact, "published": _published, "white-noise": _white_noise}[rule]
    strength, reached = solve(q, centre, spread)
    needed = q.valid & (q.clean > 0) & (q.noisy < q.clean)
    strength = np.where(needed, strength, 0.0)
    missing = needed & (reached < q.clean)
    reached = np.clip(reached, 0, 1)
    attenuation = np.sqrt((1 + NOISE_FLOOR - q.clean**2) / (1 + NOISE_FLOOR - reached**2))
    return strength, np.where(missing, np.minimum(attenuation, 1.0), 1.0)


def _exact(q: Coherences, centre: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root of the equation of coherence, with u = d r / (1 - r).

    coherence(z, p)^2 = (q_y + u q_p)^2 / (1 + 2 u q_yp + u^2) = q_x^2 is the quadratic a u^2 + 2 b u - c = 0.
    """
    a = q.combed**2 - q.clean**2
    b = q.combed * q.noisy - q.clean**2 * q.cross
    c = q.clean**2 - q.noisy**2
    discriminant = b**2 + a * c
    root = np.sqrt(np.maximum(discriminant, 0))
    # Of the two forms of the same root, the one that subtracts nothing; the first has no 0 / 0 where a vanishes.
    u = np.where(b > 0, _divide(c, b + root), _divide(root - b, a))
    # The squared equation also has roots where the mix is as coherent as -p.
    solved = (discriminant >= 0) & (u >= 0) & (q.noisy + u * q.combed >= 0)
    best = _most_coherent(q)
    u = np.where(solved, u, best)
    finite = np.where(np.isinf(u), 1.0, u)
    strength = np.where(np.isinf(u), 1.0, finite / np.maximum(finite + q.ratio, np.finfo(np.float64).tiny))
    return strength, np.where(solved, q.clean, _mix_coherence(q, best))


def _most_coherent(q: Coherences) -> np.ndarray:
    """The u >= 0 of the mix most coherent with p; infinite where that is the comb-filtered signal alone."""
    rise = q.combed - q.cross * q.noisy  # slope of the coherence at u = 0
    bend = q.noisy - q.cross * q.combed
    best = _divide(rise, bend)
    at_an_end = np.where(q.combed > q.noisy, np.inf, 0.0)
    return np.where((rise > 0) & (bend > 0), best, at_an_end)


def _mix_coherence(q: Coherences, u: np.ndarray) -> np.ndarray:
    finite = np.where(np.isinf(u), 0.0, u)
    energy = 1 + 2 * finite * q.cross + finite**2
    mixed = _divide(q.noisy + finite * q.combed, np.sqrt(np.maximum(energy, 0)))
    return np.where(np.isinf(u), q.combed, mixed)


def _published(q: Coherences, centre: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Formula of the paper: comb-filtered white noise, independent of y but for p, and as loud as y."""
    clean, noisy = (np.clip(v, 0, MAX_COHERENCE) for v in (q.clean, q.noisy))
    combed = _combed_estimate(noisy, spread)
    a = combed**2 - clean**2
    b = combed * noisy * (1 - clean**2)
    c = clean**2 - noisy**2
    denominator = b + np.sqrt(np.maximum(b**2 + a * c, 0))
    return np.where(combed > clean, _divide(c, c + denominator), 1.0), combed  # alpha / (1 + alpha)


def _white_noise(q: Coherences, centre: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mix whose white noise is attenuated as far as the coherence of clean speech asks.

    The noise of the mix is 1 - 2 (1 - w_0) r + (1 - 2 w_0 + s) r^2 times that of y, with s the sum of w_k^2: the
    filtered noise holds the share w_0 of the noise of y itself.
    """
    clean, noisy = (np.clip(v, 0, MAX_COHERENCE) for v in (q.clean, q.noisy))
    wanted = _divide(noisy**2 * (1 - clean**2), (1 - noisy**2) * clean**2)
    a, b = 1 - 2 * centre + spread, 1 - centre
    r = _divide(1 - wanted, b + np.sqrt(np.maximum(b**2 - a * (1 - wanted), 0)))
    return np.where(wanted > spread, np.clip(r, 0, 1), 1.0), _combed_estimate(noisy, spread)


def _combed_estimate(noisy: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Coherence q_p of a comb-filtered signal that keeps p and attenuates white noise."""
    return _divide(noisy, np.sqrt((1 - spread) * noisy**2 + spread))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quotient, -1 where there is none: no solution. It may be infinite."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    with np.errstate(over="ignore"):
        return np.divide(a, b, out=np.full(shape, -1.0), where=b != 0)
