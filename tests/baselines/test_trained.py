"""Networks that are shipped: what their cards must tell, and what they are scored by. There may be none."""

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from percepkit.baselines.cost import SIZES, sizes, speech_in_noise
from percepkit.baselines.dnn.card import Card, write_card
from percepkit.baselines.registry import load, names
from percepkit.baselines.trained import DENOISERS, WEIGHTS, networks_in
from percepkit.cli.main import app
from percepkit.eval.metrics import Panel
from percepkit.eval.metrics._shadow import cast_shadow

MOST_MB = 12.0
SHIPPED = [network.spec.name for network in DENOISERS]


def test_the_promised_networks_are_shipped():
    assert {"percepnet", "percepnet-small", "crn", "rnnoise"} <= set(SHIPPED)


def test_every_card_of_a_folder_is_a_denoiser(tmp_path):
    for name in ("two", "one"):
        card = Card(name, f"Network {name}.", "", 16_000, "rnnoise", "gains", "rnnoise", parameters=7)
        write_card(card, tmp_path / f"{name}.json")
        (tmp_path / f"{name}.onnx").write_bytes(b"nothing is run")
    assert [network.spec.name for network in networks_in(tmp_path)] == ["one", "two"]
    assert networks_in(tmp_path / "missing") == ()


def test_what_is_shipped_is_small():
    assert sum(network.file_mb for network in DENOISERS) <= MOST_MB


@pytest.mark.parametrize("name", SHIPPED)
def test_card_tells_data_training_scores_and_limits(name):
    network = load(name)
    assert name in names()
    assert network.path == WEIGHTS / f"{name}.onnx"
    assert all(sizes(network)[key] > 0 for key in SIZES)
    about = network.card.about
    assert about["limits"]
    assert about["hours_trained"] > 0
    assert set(about["data"]) == {"train", "valid"}
    assert about["data"]["train"]["recipe"]["split"] != about["data"]["valid"]["recipe"]["split"]
    assert {"si_sdr", "pesq_wb"} <= set(about["scores"])
    assert set(about["scores_noisy"]) <= set(about["scores"])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_file_of_any_rate_is_enhanced(name, tmp_path):
    item = speech_in_noise(22_050, 1.5)
    soundfile.write(tmp_path / "noisy.wav", item["noisy"], 22_050)
    arguments = ["enhance", str(tmp_path / "noisy.wav"), str(tmp_path / "clean.wav"), "--with", name]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    enhanced, rate = soundfile.read(tmp_path / "clean.wav")
    assert (rate, len(enhanced)) == (22_050, len(item["noisy"]))
    assert np.std(enhanced) < np.std(item["noisy"])


@pytest.mark.parametrize("name", [name for name in SHIPPED if hasattr(load(name), "gains")])
def test_gains_and_strengths_are_scored(name):
    network = load(name)
    rate = network.card.sample_rate
    stems = speech_in_noise(rate, 2.0)
    shadow = cast_shadow(network, stems, rate, native_rate=rate)
    wanted = ["gain_error", "noise_attenuation", "speech_distortion"]
    wanted += ["strength_error"] * hasattr(network, "predict")
    found = Panel(wanted, stems["clean"], rate).score(network(stems["noisy"], rate), shadow=shadow)
    assert {outcome.status for outcome in found.values()} == {"ok"}
    assert found["noise_attenuation"].value > 0
