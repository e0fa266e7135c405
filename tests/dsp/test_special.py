"""The approximations against SciPy, over all that a suppressor can ask for."""

import numpy as np
import pytest
import scipy.special

from percepkit.dsp import special

ARGUMENTS = np.concatenate([np.logspace(-12, 2.8, 4_000), [1.0, 3.75, 1 - 1e-12, 3.75 - 1e-12]])


@pytest.mark.parametrize("name, error", [("i0e", 5e-7), ("i1e", 1e-6)])
def test_bessel_functions(name, error):
    ours = np.array([getattr(special, name)(x) for x in ARGUMENTS])
    expected = getattr(scipy.special, name)(ARGUMENTS)
    assert np.abs(ours / expected - 1).max() < error


def test_exponential_integral():
    ours = np.array([special.exp1(x) for x in ARGUMENTS])
    expected = scipy.special.exp1(ARGUMENTS)
    assert np.abs(ours - expected)[ARGUMENTS < 1].max() < 3e-7
    above = (ARGUMENTS >= 1) & (expected > 0)
    assert np.abs(ours / expected - 1)[above].max() < 5e-7


def test_ends_do_not_overflow():
    assert special.exp1(1e10) == 0
    assert special.i0e(0.0) == 1
    assert special.i1e(0.0) == 0
    assert special.i0e(1e10) == pytest.approx(1 / np.sqrt(2e10 * np.pi))
