"""Gaps: the share is exact, lengths stay in their bounds, no two gaps meet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percepkit.synth.degradations import gaps
from percepkit.synth.degradations.gaps import Gaps


def gap_lengths(lost: np.ndarray) -> np.ndarray:
    edges = np.flatnonzero(np.diff(lost, prepend=False, append=False))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 48_000])
def test_share_is_exact(share: float, sample_rate: int) -> None:
    x = np.ones(5 * sample_rate, np.float32)
    degraded = gaps.apply(x, sample_rate, Gaps(share=share), 11)
    assert np.count_nonzero(degraded.signal == 0) == round(share * len(x))
    assert degraded.measured["share"] == pytest.approx(share, abs=0.5 / len(x))


@given(
    n_samples=st.integers(0, 6_000), share=st.floats(0, 0.5), key=st.integers(0, 2**64),
    bounds=st.tuples(st.integers(1, 900), st.integers(1, 900)), fade=st.integers(0, 200),
)  # fmt: skip
def test_lengths_stay_in_their_bounds(
    n_samples: int, share: float, key: int, bounds: tuple[int, int], fade: int
) -> None:
    shortest, longest = sorted(bounds)
    parameters = Gaps(
        share=share, shortest_seconds=shortest / 10_000, longest_seconds=longest / 10_000,
        fade_seconds=fade / 10_000,
    )  # fmt: skip
    x = np.ones(n_samples, np.float32)
    degraded = gaps.apply(x, 10_000, parameters, key)
    assert degraded.lost is not None
    lengths = gap_lengths(degraded.lost)
    assert len(lengths) == degraded.measured["gaps"]  # none overlap or touch
    assert np.all((shortest <= lengths) & (lengths <= longest))
    wanted = round(share * n_samples)
    fewer = wanted // shortest  # as many gaps as fit in the share, or one more that overshoots it
    short_by, over_by = max(0, wanted - fewer * longest), (fewer + 1) * shortest - wanted
    if shortest < n_samples:
        assert abs(lengths.sum() - wanted) == min(short_by, over_by)
    assert np.all(degraded.signal[~degraded.lost] == 1)
    assert np.all(degraded.signal[degraded.lost] < 1)


def test_lengths_and_places_are_spread_evenly() -> None:
    x = np.ones(48_000 * 60, np.float32)
    lost = gaps.apply(x, 48_000, Gaps(share=0.1), 5).lost
    assert lost is not None
    lengths = gap_lengths(lost)
    assert lengths.mean() == pytest.approx((120 + 1_800) / 2, rel=0.02)
    counts = np.histogram(lengths, bins=4, range=(120, 1_800))[0]
    assert counts.min() > 0.6 * counts.max()
    shares = lost.reshape(6, -1).mean(axis=1)
    assert np.all((shares > 0.05) & (shares < 0.15))


def test_fades_are_half_cosines_inside_the_gap() -> None:
    x = np.ones(8_000, np.float32)
    parameters = Gaps(share=0.02, shortest_seconds=0.02, longest_seconds=0.02, fade_seconds=0.005)
    degraded = gaps.apply(x, 8_000, parameters, 2)
    assert degraded.lost is not None
    gap = degraded.signal[degraded.lost]
    fade = np.cos(np.pi * np.arange(1, 41) / 82) ** 2
    assert np.allclose(gap, np.concatenate([fade, np.zeros(80), fade[::-1]]), atol=1e-6)


def test_too_short_for_a_gap() -> None:
    x = np.ones(1, np.float32)
    degraded = gaps.apply(x, 16_000, Gaps(share=0.5), 0)
    assert np.array_equal(degraded.signal, x)
    assert degraded.measured == {"share": 0.0, "gaps": 0.0}


def test_refusals() -> None:
    with pytest.raises(ValueError, match="exchange them"):
        Gaps(shortest_seconds=0.05, longest_seconds=0.01)
    with pytest.raises(ValueError, match="share"):
        Gaps(share=0.6)
