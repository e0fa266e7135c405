"""Packet loss: bursts never over the maximum, rates and means as asked, concealment by the book."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from percepkit.dsp.draws import key_of
from percepkit.synth.degradations import packet_loss
from percepkit.synth.degradations.packet_loss import PacketLoss, lost_packets

REQUESTS = [
    PacketLoss(loss_rate=0.25, mean_burst=3, max_burst=10),  # URGENT's: bursts of 33 were seen there
    PacketLoss(loss_rate=0.05, mean_burst=1, max_burst=1),
    PacketLoss(loss_rate=0.5, mean_burst=1, max_burst=4),  # every other packet
    PacketLoss(loss_rate=0.3, mean_burst=4.5, max_burst=5),
    PacketLoss(loss_rate=0.6, mean_burst=4, max_burst=4),
    PacketLoss(loss_rate=0.1, mean_burst=5, max_burst=500),
]


def burst_lengths(lost: np.ndarray) -> np.ndarray:
    edges = np.flatnonzero(np.diff(lost, prepend=False, append=False))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_long_run_rate_and_mean_burst(request_: PacketLoss) -> None:
    lost = lost_packets(400_000, request_, key_of("long run"))
    blocks = lost.reshape(400, -1).mean(axis=1)
    error = max(blocks.std() / np.sqrt(len(blocks)), 1e-5)
    assert abs(lost.mean() - request_.loss_rate) < 4 * error
    bursts = burst_lengths(lost)[1:-1]
    error = max(bursts.std() / np.sqrt(len(bursts)), 1e-5)
    assert abs(bursts.mean() - request_.mean_burst) < 4 * error
    assert bursts.max() <= request_.max_burst


def test_burst_lengths_are_geometric_up_to_the_maximum() -> None:
    request_ = PacketLoss(loss_rate=0.3, mean_burst=2.5, max_burst=6)
    bursts = burst_lengths(lost_packets(400_000, request_, key_of("distribution")))[1:-1]
    stay = np.roots([1, 1, 1, 1, 1, 1 - 2.5])  # 1 + q + ... + q^5 = 2.5
    q = float(stay[np.isclose(stay.imag, 0) & (stay.real > 0)].real[0])
    expected = np.append((1 - q) * q ** np.arange(5), q**5)
    share = np.bincount(bursts, minlength=7)[1:] / len(bursts)
    assert np.all(np.abs(share - expected) < 5 * np.sqrt(expected / len(bursts)))


def test_the_beginning_is_like_any_other_moment() -> None:
    """A model that starts with an arrived packet, or a fresh burst, loses too little in short items."""
    request_ = PacketLoss(loss_rate=0.3, mean_burst=5, max_burst=6)
    lost = np.stack([lost_packets(12, request_, key_of("start", k)) for k in range(4_000)])
    assert np.all(np.abs(lost.mean(axis=0) - 0.3) < 5 * np.sqrt(0.21 / 4_000))
    assert max(burst_lengths(row).max(initial=0) for row in lost) == 6


@given(
    rate=st.floats(0, 0.99), mean=st.floats(1, 40), longest=st.integers(1, 40),
    n_packets=st.integers(0, 3_000), key=st.integers(0, 2**64),
)  # fmt: skip
def test_peer_bug_urgent_burst_over_the_maximum(
    rate: float, mean: float, longest: int, n_packets: int, key: int
) -> None:
    """Asked for at most 10 packets, URGENT lost up to 33 in a row, as bursts merged."""
    assume(mean <= longest and rate <= mean / (mean + 1))
    request_ = PacketLoss(loss_rate=rate, mean_burst=mean, max_burst=longest)
    lost = lost_packets(n_packets, request_, key)
    assert lost.shape == (n_packets,)
    assert burst_lengths(lost).max(initial=0) <= longest


@pytest.mark.parametrize("concealment", ["zeros", "repeat"])
@pytest.mark.parametrize("n_samples", [0, 1, 319, 16_000, 16_001])
def test_only_marked_samples_change(concealment: packet_loss.Concealment, n_samples: int) -> None:
    x = np.random.default_rng(0).uniform(0.1, 1, n_samples).astype(np.float32)
    request_ = PacketLoss(loss_rate=0.3, mean_burst=2, max_burst=4, concealment=concealment)
    degraded = packet_loss.apply(x, 16_000, request_, 3)
    assert degraded.lost is not None
    assert np.array_equal(degraded.signal[~degraded.lost], x[~degraded.lost])
    if concealment == "zeros":
        assert not degraded.signal[degraded.lost].any()
    packets = [degraded.lost[first : first + 320] for first in range(0, n_samples, 320)]
    assert all(packet.all() or not packet.any() for packet in packets)
    lost = np.array([packet[0] for packet in packets], bool)
    assert degraded.measured["loss_rate"] == (lost.mean() if n_samples else 0)
    assert degraded.measured["longest_burst"] == burst_lengths(lost).max(initial=0)


def test_repeat_is_the_last_packet_fading_within_60_ms() -> None:
    request_ = PacketLoss(loss_rate=0.6, mean_burst=4, max_burst=6, concealment="repeat")
    x = np.random.default_rng(0).standard_normal(8_000 * 4 + 7).astype(np.float32)
    degraded = packet_loss.apply(x, 8_000, request_, 5)
    assert degraded.lost is not None
    expected, last, concealed = x.copy(), np.zeros(160, np.float32), 0
    for first in range(0, len(x), 160):
        packet = slice(first, min(first + 160, len(x)))
        if not degraded.lost[first]:
            last, concealed = x[packet], 0
            continue
        ms = (concealed + np.arange(packet.stop - first)) / 8
        expected[packet] = last[: packet.stop - first] * np.interp(ms, [10, 60], [1, 0])
        concealed += 160
    assert np.allclose(degraded.signal, expected, atol=1e-6)


def test_repeat_has_nothing_to_repeat_at_the_beginning() -> None:
    request_ = PacketLoss(loss_rate=0.6, mean_burst=4, max_burst=6, concealment="repeat")
    x = np.ones(1_600, np.float32)
    runs = [packet_loss.apply(x, 16_000, request_, key) for key in range(20)]
    started_lost = [run for run in runs if run.lost is not None and run.lost[0]]
    assert started_lost
    for run in started_lost:
        assert run.lost is not None
        first = np.argmin(run.lost) if not run.lost.all() else len(x)
        assert not run.signal[:first].any()


def test_rate_zero_loses_nothing() -> None:
    x = np.ones(16_000, np.float32)
    degraded = packet_loss.apply(x, 16_000, PacketLoss(loss_rate=0), 1)
    assert np.array_equal(degraded.signal, x)
    assert degraded.measured == {"loss_rate": 0.0, "longest_burst": 0.0}


def test_impossible_requests() -> None:
    with pytest.raises(ValueError, match="lower `mean_burst` or raise `max_burst`"):
        PacketLoss(mean_burst=5, max_burst=4)
    with pytest.raises(ValueError, match=r"the highest is 0\.6667; raise `mean_burst`"):
        PacketLoss(loss_rate=0.7, mean_burst=2)
