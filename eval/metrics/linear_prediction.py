"""Distances of linear-prediction spectra: log-likelihood ratio and cepstral distance.

Frames in which the reference is digital silence (120 dB below its loudest frame) have no envelope and are left
out; in the authors' program the rounding of the machine decides what they count.

References
----------
.. [1] P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd ed., CRC Press 2013, section 11.1.3.
.. [2] S. R. Quackenbush, T. P. Barnwell, M. A. Clements, "Objective Measures of Speech Quality", Prentice Hall
   1988.
"""

from dataclasses import dataclass

import numpy as np

from percepkit.eval.metrics import _loizou
from percepkit.eval.metrics._interface import MetricSpec, checked_estimate, checked_reference

__all__ = ["SPEC", "Clean", "frame_llr", "mean_llr", "predictors", "prepare", "score"]

_HIGHEST_LLR = 2.0
_HIGHEST_DISTANCE = 10.0
_LOW_ORDER_BELOW_HZ = 10_000
_SILENCE_DB = 120.0  # below what 16 bits can hold

SPEC = MetricSpec(
    names=("llr", "cepstral_distance"),
    version="1",
    summary="Distance of the spectral envelopes (linear prediction of order 16, 10 below 10 kHz) in frames of "
    "30 ms, mean of the lowest 95 %: the log-likelihood ratio, frames limited to 2, and the cepstral distance, "
    "frames limited to 10.",
    source="Quackenbush et al., 1988; Loizou, Speech Enhancement, 2013, section 11.1.3",
    unit={"llr": "1", "cepstral_distance": "dB"},
    range={"llr": (0.0, _HIGHEST_LLR), "cepstral_distance": (0.0, _HIGHEST_DISTANCE)},
    better="lower",
    invariances=frozenset({"gain", "polarity"}),
)


@dataclass(frozen=True, eq=False)
class Clean:
    """What the reference's frames are predicted by."""

    kept: np.ndarray  # bool [n_frames], frames that are not digital silence
    autocorrelation: np.ndarray  # [n_kept, order + 1]
    residual: np.ndarray  # [n_kept], energy that the predictor leaves
    cepstrum: np.ndarray  # [n_kept, order]
    rate: int
    n_samples: int  # at sample_rate
    sample_rate: int


def _autocorrelation(x: np.ndarray, rate: int) -> np.ndarray:
    """Autocorrelation of the windowed frames, shape (n_frames, order + 1)."""
    order = 10 if rate < _LOW_ORDER_BELOW_HZ else 16
    frames = _loizou.frames_of(x, rate) * _loizou.window_of(rate)
    n = frames.shape[1]
    lags = [np.einsum("ij,ij->i", frames[:, : n - lag], frames[:, lag:]) for lag in range(order + 1)]
    return np.stack(lags, axis=1)


def predictors(autocorrelation: np.ndarray) -> np.ndarray:
    """Solve for the predictors of all frames at once by the Levinson-Durbin recursion.

    Parameters
    ----------
    autocorrelation : float array, shape (n_frames, order + 1)

    Returns
    -------
    float array, shape (n_frames, order + 1)
        Coefficients of the prediction-error filters; the first is 1. A frame that is predicted to within
        rounding gets no further coefficients.

    Examples
    --------
    >>> predictors(np.array([[1.0, 0.5, 0.25]])).tolist()
    [[1.0, -0.5, 0.0]]
    """
    n_frames, n = autocorrelation.shape
    a = np.zeros((n_frames, n))
    a[:, 0] = 1
    power = autocorrelation[:, 0]
    error = power.copy()
    for i in range(1, n):
        left = np.einsum("ij,ij->i", a[:, :i], autocorrelation[:, i:0:-1])
        reflection = np.where(error > _loizou.EPS * power, left / np.where(error > 0, error, 1), 0)
        a[:, 1 : i + 1] -= reflection[:, None] * a[:, i - 1 :: -1][:, :i]
        error = error * (1 - reflection**2)
    return a


def _cepstrum(a: np.ndarray) -> np.ndarray:
    """Cepstrum of 1 / A, as many coefficients as the order."""
    n_frames, n = a.shape
    c = np.zeros((n_frames, n))
    for i in range(1, n):
        m = np.arange(1, i)
        c[:, i] = -a[:, i] - np.einsum("ij,ij->i", c[:, 1:i] * (m / i), a[:, i - 1 : 0 : -1])
    return c[:, 1:]


def _residual(a: np.ndarray, autocorrelation: np.ndarray) -> np.ndarray:
    """Energy that a filter leaves of a frame, a' R a, no less than rounding leaves of it."""
    n = a.shape[1]
    total = autocorrelation[:, 0] * np.einsum("ij,ij->i", a, a)
    for lag in range(1, n):
        total += 2 * autocorrelation[:, lag] * np.einsum("ij,ij->i", a[:, : n - lag], a[:, lag:])
    return np.maximum(total, _loizou.EPS * autocorrelation[:, 0])


def prepare(reference: np.ndarray, sample_rate: int) -> Clean:
    """Compute the predictors of the reference's frames.

    Raises
    ------
    Unscorable
        ``rate_mismatch`` below 8 kHz, ``too_short`` below 37.5 ms.
    """
    reference = checked_reference(reference)
    signal, rate = _loizou.signal_at_rate(reference, sample_rate)
    autocorrelation = _autocorrelation(signal, rate)
    energy = autocorrelation[:, 0]
    kept = energy > energy.max() * 10 ** (-_SILENCE_DB / 10)
    autocorrelation = autocorrelation[kept]
    a = predictors(autocorrelation)
    return Clean(
        kept=kept,
        autocorrelation=autocorrelation,
        residual=_residual(a, autocorrelation),
        cepstrum=_cepstrum(a),
        rate=rate,
        n_samples=len(reference),
        sample_rate=sample_rate,
    )


def _estimated_predictors(state: Clean, estimate: np.ndarray) -> np.ndarray:
    estimate = checked_estimate(estimate, state.n_samples)
    signal, rate = _loizou.signal_at_rate(estimate, state.sample_rate)
    return predictors(_autocorrelation(signal, rate)[state.kept])


def frame_llr(state: Clean, a: np.ndarray) -> np.ndarray:
    """Log-likelihood ratio of each frame, not limited above: eq. 11.4 of [1].

    Parameters
    ----------
    state : Clean
    a : float array, shape (n_frames, order + 1)
        Prediction-error filters of the estimate's frames.
    """
    return np.maximum(np.log(_residual(a, state.autocorrelation) / state.residual), 0)


def mean_llr(state: Clean, estimate: np.ndarray) -> float:
    """Log-likelihood ratio whose frames are not limited, as the composite measures take it."""
    return _loizou.mean_of_lowest(frame_llr(state, _estimated_predictors(state, estimate)))


def score(state: Clean, estimate: np.ndarray) -> dict[str, float]:
    """Compute both distances.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(16_000)
    >>> score(prepare(noise, 16_000), 2 * noise)["llr"] < 1e-9
    True
    """
    a = _estimated_predictors(state, estimate)
    llr = np.minimum(frame_llr(state, a), _HIGHEST_LLR)
    difference = _cepstrum(a) - state.cepstrum
    distance = 10 * np.sqrt(2) / np.log(10) * np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return {
        "llr": _loizou.mean_of_lowest(llr),
        "cepstral_distance": _loizou.mean_of_lowest(np.minimum(distance, _HIGHEST_DISTANCE)),
    }
