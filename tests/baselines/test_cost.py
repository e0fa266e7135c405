"""Cost of a denoiser: of one whose work is known; and what the shipped ones may cost."""

import time

import numpy as np
import pytest

from percepkit.baselines.cost import cost_percent, latency_ms, sizes, speech_in_noise
from percepkit.baselines.dnn.card import Card, write_card
from percepkit.baselines.dnn.runtime import load_network
from percepkit.baselines.registry import FunctionDenoiser, load


def test_known_work_is_measured():
    def busy(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        end = time.process_time() + 0.1 * len(noisy) / sample_rate
        while time.process_time() < end:
            pass
        return noisy

    assert cost_percent(FunctionDenoiser(busy, "busy"), 16_000, seconds=1.0) == pytest.approx(10, abs=4)


def test_oracles_are_told_the_stems():
    assert cost_percent(load("oracle-irm"), 16_000, seconds=1.0) > 0


def test_the_item_is_speech_in_noise_and_always_the_same():
    item = speech_in_noise(16_000, 2)
    assert item["noisy"].shape == (32_000,)
    assert np.array_equal(item["noisy"], speech_in_noise(16_000, 2)["noisy"])
    assert np.allclose(item["speech"] + item["noise"], item["noisy"], atol=1e-7)
    assert 20 * np.log10(np.std(item["speech"]) / np.std(item["noise"])) == pytest.approx(5, abs=0.1)


def test_a_network_tells_its_sizes_and_others_none(tmp_path):
    card = Card("net", "A net.", "", 48_000, "percepnet", "gains", "percepnet", parameters=5, macs_per_second=2e6)
    write_card(card, tmp_path / "net.json")
    (tmp_path / "net.onnx").write_bytes(bytes(2_500))  # nothing is run
    network = load_network(tmp_path / "net.onnx")
    assert sizes(network) == {"parameters": 5, "macs_per_second": 2e6, "file_mb": 0.0025}
    assert latency_ms(network, 16_000) == pytest.approx(40, abs=0.05)
    assert np.isnan(list(sizes(load("wiener")).values())).all()
    assert np.isnan(latency_ms(FunctionDenoiser(lambda noisy, sample_rate: noisy, "none"), 16_000))
