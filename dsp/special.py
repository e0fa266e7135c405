"""Special functions for loops over frames and bins, called from compiled code one number at a time.

References
----------
M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964: 5.1.53, 5.1.56 (exponential
integral) and 9.8.1 to 9.8.4 (modified Bessel functions).
"""

import math

import numba

__all__ = ["exp1", "i0e", "i1e"]


@numba.njit(cache=True, nogil=True)
def exp1(x: float) -> float:
    """Exponential integral E1, the integral of exp(-t) / t from ``x`` > 0 on.

    Wrong by at most 3e-7 below 1, and relatively by at most 5e-7 above.

    Examples
    --------
    >>> round(exp1(1.0), 6)
    0.219384
    """
    if x > 700.0:
        return 0.0  # less than can be told from nothing
    if x < 1.0:
        series = 0.05519968 + x * (-0.00976004 + x * 0.00107857)
        return -math.log(x) - 0.57721566 + x * (0.99999193 + x * (-0.24991055 + x * series))
    above = 0.2677737343 + x * (8.6347608925 + x * (18.0590169730 + x * (8.5733287401 + x)))
    below = 3.9584969228 + x * (21.0996530827 + x * (25.6329561486 + x * (9.5733223454 + x)))
    return math.exp(-x) / x * above / below


@numba.njit(cache=True, nogil=True)
def i0e(x: float) -> float:
    """Bessel function exp(-x) I0(x) of ``x`` >= 0, relative error at most 5e-7.

    Examples
    --------
    >>> round(i0e(1.0), 6)
    0.46576
    """
    if x < 3.75:
        t = (x / 3.75) ** 2
        high = 0.2659732 + t * (0.0360768 + t * 0.0045813)
        return math.exp(-x) * (1 + t * (3.5156229 + t * (3.0899424 + t * (1.2067492 + t * high))))
    t = 3.75 / x
    high = 0.00916281 + t * (-0.02057706 + t * (0.02635537 + t * (-0.01647633 + t * 0.00392377)))
    return (0.39894228 + t * (0.01328592 + t * (0.00225319 + t * (-0.00157565 + t * high)))) / math.sqrt(x)


@numba.njit(cache=True, nogil=True)
def i1e(x: float) -> float:
    """Bessel function exp(-x) I1(x) of ``x`` >= 0, relative error at most 1e-6.

    Examples
    --------
    >>> round(i1e(1.0), 6)
    0.20791
    """
    if x < 3.75:
        t = (x / 3.75) ** 2
        high = 0.02658733 + t * (0.00301532 + t * 0.00032411)
        return x * math.exp(-x) * (0.5 + t * (0.87890594 + t * (0.51498869 + t * (0.15084934 + t * high))))
    t = 3.75 / x
    high = -0.01031555 + t * (0.02282967 + t * (-0.02895312 + t * (0.01787654 - t * 0.00420059)))
    return (0.39894228 + t * (-0.03988024 + t * (-0.00362018 + t * (0.00163801 + t * high)))) / math.sqrt(x)
