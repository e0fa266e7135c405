"""Ideal masks and maps: what a denoiser that works bin by bin should find, computed from the true spectra.

Spectra are complex arrays of one shape, as of `percepkit.dsp.stft.analyse`: S of the wanted speech, Y of the noisy
mixture, and N of the noise. Noise is everything in the mixture that is not wanted; where the wanted speech is not
all the speech there is (its direct sound, say, in a room), it is Y - S. Results have the precision of the spectra
and are finite for all finite spectra: quotients are taken after each bin is scaled by a power of two, which rounds
nothing, so that neither its level nor that of its neighbours matters.

Where a quotient is 0 / 0 the mask removes: a bin without speech and noise holds no speech, and a noisy bin of zero
stays zero whatever multiplies it. So a gain is 0 there, and a mask of the noise is 1.

References
----------
IBM, IRM, SMM: Y. Wang et al., "On training targets for supervised speech separation", IEEE/ACM TASLP 22, 2014.
PSM: H. Erdogan et al., ICASSP 2015. ORM: S. Liang et al., JASA 134, 2013, compressed by S. Xia et al., 2017. cIRM
and its compression: D. Williamson et al., IEEE/ACM TASLP 24, 2016. Excess of noise in dB: V. Belz,
"Speech-enhancement", 2019, who takes each spectrum relative to its own peak and trains a U-Net to predict it.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

__all__ = [
    "MASKS",
    "complex_ratio_mask",
    "compress_mask",
    "expand_mask",
    "ideal_binary_mask",
    "ideal_ratio_mask",
    "log_magnitude",
    "noise_excess_db",
    "noise_mask",
    "optimal_ratio_mask",
    "phase_sensitive_mask",
    "spectral_magnitude_mask",
    "vad_frames",
]

CLAMP = 0.99  # of the limit: what a network says beyond it is taken for it, as in FullSubNet
REACH = 2 / 0.1 * math.atanh(CLAMP)  # 52.9, the largest part of a mask that survives compression
LOUD_QUANTILE = 0.95  # near to a maximum over time, yet a click does not set it


def ideal_binary_mask(speech: np.ndarray, noise: np.ndarray, *, criterion_db: float = 0.0) -> np.ndarray:
    """Ideal binary mask (IBM): 1 where the SNR of a bin exceeds a local criterion.

    Parameters
    ----------
    speech, noise : complex array, any shape
    criterion_db : float
        SNR in dB that a bin must exceed.

    Returns
    -------
    float array of the spectra's shape, values 0 and 1

    Examples
    --------
    >>> ideal_binary_mask(np.array([2j, 1, 0]), np.array([1, 2j, 0])).tolist()
    [1.0, 0.0, 0.0]
    """
    wanted, other, _ = _products(speech, noise)
    return (wanted > other * 10 ** (criterion_db / 10)).astype(wanted.dtype)


def ideal_ratio_mask(speech: np.ndarray, noise: np.ndarray, *, beta: float = 0.5) -> np.ndarray:
    """Ideal ratio mask (IRM), (|S|^2 / (|S|^2 + |N|^2))^beta.

    Parameters
    ----------
    speech, noise : complex array, any shape
    beta : float
        Above 0: 0.5 is usual, 1 is the Wiener filter of the bin.

    Returns
    -------
    float array of the spectra's shape, 0 to 1

    Examples
    --------
    >>> ideal_ratio_mask(np.array([3j, 0]), np.array([4, 0])).tolist()
    [0.6, 0.0]
    """
    return _share(speech, noise, empty=0) ** _positive("beta", beta)


def noise_mask(speech: np.ndarray, noise: np.ndarray, *, beta: float = 0.5) -> np.ndarray:
    """Ratio mask of the noise, (|N|^2 / (|S|^2 + |N|^2))^beta: what to take away.

    One minus it is a gain, for beta = 0.5 that of magnitude subtraction where speech and noise are orthogonal.

    Parameters
    ----------
    speech, noise, beta
        As of `ideal_ratio_mask`; for beta = 0.5 the squares of both masks sum to 1.

    Returns
    -------
    float array of the spectra's shape, 0 to 1

    Examples
    --------
    >>> noise_mask(np.array([3j, 0]), np.array([4, 0])).tolist()
    [0.8, 1.0]
    """
    return _share(noise, speech, empty=1) ** _positive("beta", beta)


def spectral_magnitude_mask(speech: np.ndarray, noisy: np.ndarray, *, limit: float) -> np.ndarray:
    """Spectral magnitude mask (SMM, also IAM or FFT-MASK), |S| / |Y|: clean magnitude with the noisy phase.

    Parameters
    ----------
    speech, noisy : complex array, any shape
    limit : float
        Larger values, of bins where noise cancels speech, are cut to it; 1, 2 and 10 are in use.

    Returns
    -------
    float array of the spectra's shape, 0 to ``limit``

    Examples
    --------
    >>> spectral_magnitude_mask(np.array([1j, 5]), np.array([2, 1]), limit=2).tolist()
    [0.5, 2.0]
    """
    return np.minimum(np.hypot(*_quotient(speech, noisy)), _positive("limit", limit))


def phase_sensitive_mask(speech: np.ndarray, noisy: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Phase-sensitive mask (PSM), Re(S Y*) / |Y|^2, the SMM times the cosine of the phase difference, truncated.

    No other real mask between the bounds comes closer to the speech: it minimises |M Y - S|^2 in each bin.

    Parameters
    ----------
    speech, noisy : complex array, any shape
    low, high : float
        Bounds; 0 and 1 in Erdogan et al.

    Returns
    -------
    float array of the spectra's shape, ``low`` to ``high``

    Examples
    --------
    >>> phase_sensitive_mask(np.array([1 + 1j, -3]), np.array([2, 1]), low=0, high=1).tolist()
    [0.5, 0.0]
    """
    return _truncate(_quotient(speech, noisy)[0], low, high)


def optimal_ratio_mask(speech: np.ndarray, noise: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Optimal ratio mask (ORM), the real mask of highest SNR, from speech and noise.

    (|S|^2 + Re(S N*)) / (|S|^2 + |N|^2 + 2 Re(S N*)), which is Re(S Y*) / |Y|^2 for Y = S + N. It differs from the
    PSM in its bounds, and in rounding: where noise all but cancels speech these sums lose digits.

    Parameters
    ----------
    speech, noise : complex array, any shape
    low, high : float
        Bounds, which may be infinite; the literature compresses instead, see `compress_mask`.

    Returns
    -------
    float array of the spectra's shape, ``low`` to ``high``

    Examples
    --------
    >>> optimal_ratio_mask(np.array([1, 2]), np.array([1j, -1]), low=-10, high=10).tolist()
    [0.5, 2.0]
    """
    wanted, other, product = _products(speech, noise)
    total = wanted + other + 2 * product
    return _truncate(np.where(total > 0, wanted + product, 0) / np.where(total > 0, total, 1), low, high)


def complex_ratio_mask(speech: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Complex ideal ratio mask (cIRM), S / Y: the product with Y is S.

    Parameters
    ----------
    speech, noisy : complex array, any shape

    Returns
    -------
    complex array of the spectra's shape
        Not bounded, but finite: quotients that the precision could not hold are scaled down.

    Examples
    --------
    >>> complex_ratio_mask(np.array([2j, 1]), np.array([1 + 1j, 0])).tolist()
    [(1+1j), 0j]
    """
    real, imaginary = _quotient(speech, noisy)
    return real + 1j * imaginary


def compress_mask(mask: np.ndarray, *, limit: float = 10.0, steepness: float = 0.1) -> np.ndarray:
    """Bring an unbounded mask into bounds that a network can learn: K (1 - e^(-C M)) / (1 + e^(-C M)).

    Parameters
    ----------
    mask : complex or float array
        cIRM, whose real and imaginary parts are compressed each, or ORM.
    limit, steepness : float
        K, the bound that the result approaches, and C; the slope at 0 is C K / 2.

    Returns
    -------
    array of the mask's dtype and shape, parts from ``-limit`` to ``limit``

    Examples
    --------
    >>> compress_mask(np.array([1 - 20j])).round(3).tolist()
    [(0.5-7.616j)]
    """
    half, bound = _positive("steepness", steepness) / 2, _positive("limit", limit)
    return _by_parts(lambda part: bound * np.tanh(half * part), mask)


def expand_mask(compressed: np.ndarray, *, limit: float = 10.0, steepness: float = 0.1) -> np.ndarray:
    """Inverse of `compress_mask`, (2 / C) artanh(M' / K), for parts of M up to 5.29 / C (52.9 for C = 0.1).

    Parts of M' are clamped to 0.99 K, since towards K the inverse grows without bound.

    Parameters
    ----------
    compressed : complex or float array
        Of `compress_mask`, or predicted.
    limit, steepness : float
        K and C of the compression.

    Returns
    -------
    array of the dtype and shape of ``compressed``, parts within 5.29 / ``steepness`` of 0

    Examples
    --------
    >>> expand_mask(compress_mask(np.array([1 - 20j, 100]))).round(3).tolist()
    [(1-20j), (52.933+0j)]
    """
    scale, bound = 2 / _positive("steepness", steepness), _positive("limit", limit)
    return _by_parts(lambda part: scale * np.arctanh(np.clip(part / bound, -CLAMP, CLAMP)), compressed)


def log_magnitude(spectrum: np.ndarray, *, floor_db: float) -> np.ndarray:
    """Magnitude in dB, 20 lg |X|, not below a floor.

    Parameters
    ----------
    spectrum : complex array, any shape
    floor_db : float
        What emptier bins get, in dB re 1.

    Returns
    -------
    float array of the spectrum's shape, at least ``floor_db``

    Examples
    --------
    >>> log_magnitude(np.array([10j, 0]), floor_db=-80).tolist()
    [20.0, -80.0]
    """
    # Half of the spectrum: the magnitude of finite parts may be more than the precision holds.
    half = np.maximum(np.abs(0.5 * spectrum), 0.5 * 10 ** (floor_db / 20))
    return np.maximum(20 * (np.log10(half) + math.log10(2)), floor_db)


def noise_excess_db(speech: np.ndarray, noisy: np.ndarray, *, floor_db: float) -> np.ndarray:
    """By how many dB the mixture is louder than the speech: the noise that a U-Net learns to subtract in dB.

    Parameters
    ----------
    speech, noisy : complex array, any shape
    floor_db : float
        Of `log_magnitude`, for both spectra.

    Returns
    -------
    float array of the spectra's shape
        Negative where noise cancels speech, 0 where both are below the floor.

    Examples
    --------
    >>> noise_excess_db(np.array([1, 0]), np.array([10j, 0]), floor_db=-80).tolist()
    [20.0, 0.0]
    """
    _expect_one_shape(speech, noisy)
    return log_magnitude(noisy, floor_db=floor_db) - log_magnitude(speech, floor_db=floor_db)


def vad_frames(speech: np.ndarray, *, range_db: float = 30.0) -> np.ndarray:
    """Voice activity from the clean speech: 1 in frames whose energy is within a range of the loud ones'.

    Loud is the energy that 5 % of the frames within the range of the very loudest exceed: neither silence around
    the speech nor one click changes much. Each frame is judged by its own energy, without a hang-over.

    Parameters
    ----------
    speech : complex array, shape (frames, bins)
    range_db : float
        30 dB leaves out the room of ordinary recordings; the 40 dB of STOI take in most of it.

    Returns
    -------
    float array, shape (frames, 1), values 0 and 1

    Examples
    --------
    >>> vad_frames(np.array([[1, 1j], [0.1, 0], [0.001, 0], [0, 0]])).ravel().tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    if speech.ndim != 2:
        raise ValueError(f"expected a spectrum of shape (frames, bins), found {speech.shape}; pass one channel")
    parts = np.array([speech.real, speech.imag], dtype=np.float64)
    exponent = np.frexp(np.abs(parts).max(initial=0))[1]
    energy = np.square(np.ldexp(parts, -exponent)).sum(axis=(0, 2))
    ratio = 10 ** (-_positive("range_db", range_db) / 10)
    candidates = energy[(energy >= ratio * energy.max(initial=0)) & (energy > 0)]
    loud = np.quantile(candidates, LOUD_QUANTILE) if len(candidates) else np.inf
    return (energy >= ratio * loud)[:, None].astype(speech.real.dtype)


#: Factors of the noisy spectrum from clean, noise and noisy, under the names and in the bounds of the literature.
#: ORM and cIRM reach as far as their compression does, 52.9; the noise mask comes as the gain, one minus the mask.
MASKS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "ibm": lambda clean, noise, noisy: ideal_binary_mask(clean, noise),
    "irm": lambda clean, noise, noisy: ideal_ratio_mask(clean, noise),
    "wiener": lambda clean, noise, noisy: ideal_ratio_mask(clean, noise, beta=1.0),
    "smm": lambda clean, noise, noisy: spectral_magnitude_mask(clean, noisy, limit=10.0),
    "psm": lambda clean, noise, noisy: phase_sensitive_mask(clean, noisy, low=0.0, high=1.0),
    "orm": lambda clean, noise, noisy: optimal_ratio_mask(clean, noise, low=-REACH, high=REACH),
    "cirm": lambda clean, noise, noisy: expand_mask(compress_mask(complex_ratio_mask(clean, noisy))),
    "noise-mask": lambda clean, noise, noisy: 1 - noise_mask(clean, noise),
}


def _parts(*spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary parts, shape (spectra, 2, ...), over a power of two of each bin, and its exponent.

    The largest part of a bin becomes 0.5 to 1: squares neither overflow nor vanish.
    """
    _expect_one_shape(*spectra)
    parts = np.array([(spectrum.real, spectrum.imag) for spectrum in spectra])
    exponent = np.frexp(np.abs(parts).max(axis=(0, 1)))[1]
    return np.ldexp(parts, -exponent), exponent


def _products(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|a|^2, |b|^2 and Re(a b*), each bin on a scale of its own."""
    (x, y), _ = _parts(a, b)
    return x[0] ** 2 + x[1] ** 2, y[0] ** 2 + y[1] ** 2, x[0] * y[0] + x[1] * y[1]


def _share(part: np.ndarray, rest: np.ndarray, *, empty: int) -> np.ndarray:
    """Power of the part in that of both; ``empty`` where both are zero."""
    power, other, _ = _products(part, rest)
    total = power + other
    return np.where(total > 0, power, empty) / np.where(total > 0, total, 1)


def _quotient(speech: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Real and imaginary part of S / Y, shape (2, ...); 0 where Y is."""
    _expect_one_shape(speech, noisy)
    ([s], up), ([y], down) = _parts(speech), _parts(noisy)
    power = y[0] ** 2 + y[1] ** 2
    quotient = np.array([y[0] * s[0] + y[1] * s[1], y[0] * s[1] - y[1] * s[0]]) / np.where(power > 0, power, 1)
    # Below 4 in magnitude so far; a loud bin over a faint one may exceed the precision's range.
    return np.ldexp(quotient, np.minimum(up - down, np.finfo(quotient.dtype).maxexp - 4))


def _truncate(mask: np.ndarray, low: float, high: float) -> np.ndarray:
    if not low < high:
        raise ValueError(f"expected bounds low < high, found {low} and {high}")
    return np.clip(mask, low, high)


def _by_parts(function: Callable[[np.ndarray], np.ndarray], mask: np.ndarray) -> np.ndarray:
    return function(mask.real) + 1j * function(mask.imag) if np.iscomplexobj(mask) else function(mask)


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"expected {name} above 0, found {value}")
    return value


def _expect_one_shape(*spectra: np.ndarray) -> None:
    shapes = [spectrum.shape for spectrum in spectra]
    if len(set(shapes)) > 1:
        raise ValueError(f"expected spectra of one shape, found {shapes}; analyse signals of one length alike")
