"""Comb-filter strengths: how much of the comb-filtered signal makes each band as periodic as clean speech.

The noisy band y and its comb-filtered version p^ are mixed as z = (1 - r) y + r p^. The strength r is the one at
which the coherence of z with the periodic part p of the clean speech equals that of the clean speech itself.

References
----------
J.-M. Valin et al., Interspeech 2020 (PercepNet), section 3.2. The paper solves the equation under the assumption
that y and p^ are related through p only; here their coherence is measured and the root is exact.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.dsp.erb import Bands, band_energy, band_product

__all__ = ["Coherences", "measure_coherences", "solve_strength"]

NOISE_FLOOR = 0.03  # n0 of the paper, -15 dB: bounds the extra attenuation
MAX_COHERENCE = 1 - 1e-4
SILENCE = 1e-9  # band magnitude relative to full scale below which nothing can be said


@dataclass(frozen=True, eq=False)
class Coherences:
    """Coherences of one item, each of shape (frames, bands).

    Attributes
    ----------
    clean, noisy, combed : float array in (-1, 1)
        q_x, q_y, q_p: of clean, noisy and comb-filtered noisy speech with p, the periodic part of the clean.
    cross : float array in (-1, 1)
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
    """
    norm = {name: np.sqrt(band_energy(s, bands)) for name, s in
            {"x": clean, "y": noisy, "p": periodic, "c": combed}.items()}  # fmt: skip
    floor = SILENCE * clean.shape[1]
    valid = np.logical_and.reduce([value > floor for value in norm.values()])

    def coherence(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> np.ndarray:
        product = band_product(a, b, bands)
        value = np.divide(product, scale, out=np.zeros_like(product), where=valid)
        return np.clip(value, -MAX_COHERENCE, MAX_COHERENCE)

    return Coherences(
        clean=coherence(periodic, clean, norm["p"] * norm["x"]),
        noisy=coherence(periodic, noisy, norm["p"] * norm["y"]),
        combed=coherence(periodic, combed, norm["p"] * norm["c"]),
        cross=coherence(noisy, combed, norm["y"] * norm["c"]),
        ratio=np.divide(norm["c"], norm["y"], out=np.ones_like(norm["c"]), where=valid),
        valid=valid,
    )


def solve_strength(q: Coherences) -> tuple[np.ndarray, np.ndarray]:
    """Exact strengths and the attenuation where even the full comb filter leaves too much noise.

    With u = d r / (1 - r), coherence(z, p)^2 = (q_y + u q_p)^2 / (1 + 2 u q_yp + u^2) = q_x^2 is the quadratic
    a u^2 + 2 b u - c = 0; its root is taken in conjugate form, which has no 0 / 0 where a vanishes.

    Returns
    -------
    strength : float array in [0, 1], shape (frames, bands)
        0 where the noisy speech is as periodic as the clean, where the clean is not periodic, or where
        ``q.valid`` is False; 1 where no mix reaches the coherence of clean speech.
    attenuation : float array in (0, 1], shape (frames, bands)
        g_att, to be multiplied with the band gain; below 1 only where the strength is saturated.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> q = Coherences(0.9 * one, 0.6 * one, 0.95 * one, 0.57 * one, one, one > 0)
    >>> r = solve_strength(q)[0].item()
    >>> u = r / (1 - r)
    >>> round((0.6 + u * 0.95) / (1 + 2 * u * 0.57 + u * u) ** 0.5, 6)
    0.9
    """
    a = q.combed**2 - q.clean**2
    b = q.combed * q.noisy - q.clean**2 * q.cross
    c = q.clean**2 - q.noisy**2
    needed = q.valid & (q.clean > 0) & (q.noisy < q.clean)
    discriminant = b**2 + a * c
    denominator = b + np.sqrt(np.maximum(discriminant, 0))
    u = np.divide(
        c, denominator, out=np.full_like(c, -1.0), where=needed & (discriminant >= 0) & (denominator != 0)
    )
    # The squared equation also has roots where the mix is as coherent as -p.
    solvable = needed & (u >= 0) & (q.noisy + u * q.combed >= 0)
    strength = np.divide(u, u + q.ratio, out=np.zeros_like(u), where=solvable & (u > 0))
    saturated = needed & ~solvable
    strength[saturated] = 1.0
    combed = np.maximum(q.combed, 0)
    missing = saturated & (combed < q.clean)
    attenuation = np.ones_like(strength)
    attenuation[missing] = np.sqrt((1 + NOISE_FLOOR - q.clean**2) / (1 + NOISE_FLOOR - combed**2))[missing]
    return strength, attenuation
