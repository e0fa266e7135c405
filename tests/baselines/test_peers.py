"""Denoisers of other packages: found without being imported, aligned, and honest when they are absent."""

import subprocess
import sys

import numpy as np
import pytest

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.baselines import registry
from percepkit.baselines.registry import load, peers
from percepkit.dsp.lag import find_lag
from percepkit.eval.metrics import score_all
from percepkit.manifests.demo import demo_folder

NAMES = sorted(peers())
LATE = [name for name in NAMES if peers()[name].delay_samples]
RATE = 16_000


def peer_and_item(name, seconds):
    """An installed peer, speech and noisy speech at its rate."""
    peer = peers()[name]
    if not peer.installed:
        pytest.skip(f"{peer.package} is not installed; it is of the extra 'peers'")
    rate = (peer.spec.native_sample_rates or (RATE,))[0]
    path = sorted(demo_folder().joinpath("speech").rglob("*.flac"))[0]
    clean, file_rate = read(path, channel=0)
    clean = resample(clean, file_rate, rate)[: int(seconds * rate)].astype(np.float64)
    clean *= 0.1 / np.std(clean)
    return peer, clean, clean + 0.01 * np.random.default_rng(0).standard_normal(len(clean)), rate


@pytest.mark.parametrize("name", NAMES)
def test_output_is_aligned_whole_and_repeatable(name):
    peer, _, noisy, rate = peer_and_item(name, 0.25 if "subspace" in name else 2)
    noisy = noisy[:-13]  # no whole number of frames
    enhanced = peer(noisy, rate)
    assert enhanced.shape == noisy.shape
    assert enhanced[-200:].any()  # its end is not lost to the delay
    assert abs(find_lag(noisy, enhanced, max_delay=rate // 10).delay_samples) < 0.2
    if "subspace" not in name:  # eight times as long as the signal
        assert np.array_equal(enhanced, peer(noisy, rate))
    assert peer(noisy[:1000].astype(np.float32), rate).dtype == np.float32


@pytest.mark.parametrize("name", LATE)
def test_si_sdr_that_the_delay_costs_is_won_back(name):
    peer, clean, noisy, rate = peer_and_item(name, 0.25 if "subspace" in name else 2)
    late = peer.late(noisy, rate)[: len(noisy)]
    before = score_all(["si_sdr"], clean, late, rate)["si_sdr"].value
    after = score_all(["si_sdr"], clean, peer(noisy, rate), rate)["si_sdr"].value
    assert before < -15
    assert after > before + 20


@pytest.mark.parametrize("name", NAMES)
def test_silence_stays_finite(name):
    peer, _, _, rate = peer_and_item(name, 1)
    assert np.abs(peer(np.zeros(4_000), rate)).max() < 1e-3


def test_other_rates_are_refused():
    if not peers()["peer-speex"].installed:
        pytest.skip("speexdsp_ns is not installed; it is of the extra 'peers'")
    with pytest.raises(ValueError, match="peer-speex runs at 16000 Hz, found 8000 Hz"):
        peers()["peer-speex"](np.zeros(800), 8_000)


def test_missing_package_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs the package webrtc_noise_gain.*pip install 'percepkit\[peers\]'"):
        load("peer-webrtc-2")


def test_peers_are_not_scored_unasked():
    assert not set(NAMES) & {*registry.names(), *registry.default_names()}


def test_finding_peers_imports_none_of_their_packages():
    code = (
        "import sys\n"
        "from percepkit.baselines.registry import peers\n"
        "print(*{peer.package for peer in peers().values() if peer.package in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
