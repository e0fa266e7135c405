import csv
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from percepkit.baselines.dnn.card import read_card
from percepkit.baselines.dnn.config import load_config
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.synth.torch import CorpusDataset

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra dnn)")
from percepkit.baselines.dnn.batches import EpochBatches, train_loader  # noqa: E402
from percepkit.baselines.dnn.checkpoints import read_checkpoint  # noqa: E402
from percepkit.baselines.dnn.losses.signals import analyse  # noqa: E402
from percepkit.baselines.dnn.sources import open_data, write_facts  # noqa: E402
from percepkit.baselines.dnn.system import System  # noqa: E402
from percepkit.baselines.dnn.train import train  # noqa: E402

ROOTS = {"speech": demo_folder() / "speech"}
#: Features, model, options, objective and loss of tiny networks of each kind.
SYSTEMS = {
    "gains": ("rnnoise", "rnnoise", "{widths: [8, 8, 8]}", "gains-vad", "{percepnet-2020: 1, si-sdr: 0.01}"),
    "comb": ("{name: percepnet, options: {look_ahead_frames: 1}}", "percepnet",
             "{width: 8, entry_width: 8, second_width: 4}", "gains-strengths",
             "{percepnet-2021: 1, si-sdr: 0.01}"),
    "complex": ("compressed-complex", "crn", "{channels: 4, hidden: 4}", "fusion-complex",
                "{mse: 10, si-sdr: 0.01, multi-resolution-stft: 1}"),
    "mask": ("compressed-complex", "crn", "{channels: 4, hidden: 4}", "irm", "mse"),
    "waveform": ("waveform", "wavenet", "{channels: 4, stacks: 1, layers: 3, postnet_layers: 0}", "waveform",
                 "{mse: 1, log-mse: 0.01}"),
}  # fmt: skip
DROPOUT = ("log-magnitude", "unet", "{widths: [2, 4]}", "irm", "mse")


def config_of(tiny_config, kind, more=""):
    return tiny_config(kind, *SYSTEMS[kind], more)


def data_of(config, base):
    with cluster.client(0) as serial:
        return open_data(config, base, base / "cache", ROOTS, client=serial)


def si_sdr(pairs):
    ratios = []
    for clean, enhanced in pairs:
        wanted = np.dot(clean, enhanced) / np.dot(clean, clean) * clean
        ratios.append(10 * np.log10(np.sum(wanted**2) / np.sum((enhanced - wanted) ** 2)))
    return {"si_sdr": float(np.mean(ratios))}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_loss_falls_for_every_kind_of_network(kind, tiny_config, training, tmp_path):
    config = load_config(config_of(tiny_config, kind)).model_copy(update={"epochs": 6, "checkpoint_steps": 1000})
    items, valid_items = data_of(config, training)
    state = train(config, tmp_path / "run", items, valid_items, device="cpu", validate=si_sdr)
    losses = [row["train_loss"] for row in state.history]
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 0.02 * abs(losses[0])
    assert state.finished == "all 6 epochs done"
    assert state.step == 6 * 2  # of 8 items two batches of 3 are full
    assert state.total_audio_seconds == pytest.approx(6 * 6 * 0.8)
    assert state.noisy["si_sdr"] == pytest.approx(5, abs=0.5)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[-1]["train_loss"]) == pytest.approx(losses[-1], rel=1e-4)
    assert (tmp_path / "run" / "curves.png").stat().st_size > 5000


@pytest.mark.parametrize("kind", ["comb", "complex"])
def test_half_precision_is_another_way_to_nearly_the_same_network(kind, tiny_config, training, tmp_path):
    losses = {}
    for precision in ("float32", "bf16"):
        config = load_config(config_of(tiny_config, kind)).model_copy(update={"epochs": 3, "precision": precision})
        state = train(config, tmp_path / precision, *data_of(config, training), device="cpu")
        losses[precision] = np.array([row["train_loss"] for row in state.history])
        weights = read_checkpoint(tmp_path / precision / "last.pt")["model"].values()
        assert {weight.dtype for weight in weights if weight.is_floating_point()} == {torch.float32}
    assert not np.array_equal(*losses.values())
    np.testing.assert_allclose(*losses.values(), rtol=0.02)


@pytest.mark.parametrize("kind", ["gains", "complex", "waveform"])
def test_a_perfect_network_is_heard_as_the_clean_signal(kind, tiny_config, training):
    """Outputs that say what the clean spectrum is come out of `enhance` as the clean item, sample for sample."""
    config = load_config(config_of(tiny_config, kind))
    system = System(config)
    _, valid_items = data_of(config, training)
    piece = valid_items.piece(1, epoch=0, place=0.0, frames=valid_items.frames(1))
    batch = torch.utils.data.default_collate([piece])
    clean = torch.tensor(CorpusDataset(training / "corpus")[1]["clean"])
    if kind == "complex":
        spectrum = analyse(clean[None], 160)
        noisy = analyse(torch.tensor(piece["noisy"][1:].reshape(1, -1) / 32768).float(), 160)[:, :-1]
        mask = spectrum / noisy
        outputs = torch.cat([mask.real, mask.imag], -1)
        bound = 1e-3
    elif kind == "waveform":
        outputs, bound = batch["targets"].float(), 3e-4  # half precision
    else:  # gains of 1 leave the noisy signal
        clean = torch.tensor(CorpusDataset(training / "corpus")[1]["noisy"])
        outputs, bound = torch.ones(1, len(piece["features"]), 27), 1e-5
    found = system.enhance(outputs, batch)[0, : len(clean)]
    assert torch.abs(found - clean).max() < bound


KILLED = """
import os, signal, sys, pathlib
from percepkit.baselines.dnn.config import load_config
from percepkit.baselines.dnn.sources import open_data
from percepkit.baselines.dnn.train import train
from percepkit.engine import cluster

def main(config_file, run, kill_at):
    config_file, kill_at = pathlib.Path(config_file), int(kill_at)
    config = load_config(config_file)
    with cluster.client(0) as serial:
        data = open_data(config, config_file.parent, config_file.parent / "cache", {}, client=serial)

    def on_step(state, n_batches, loss):
        if state.step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    train(config, pathlib.Path(run), *data, device="cpu", on_step=on_step)

main(*sys.argv[1:])
"""


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_killed_run_goes_on_bit_for_bit(tiny_config, training, tmp_path, one_thread):
    more = "ema_decay: 0.9\nschedule: {name: cosine, warmup_steps: 2}\nepochs: 3\ncheckpoint_steps: 1\n"
    path = tiny_config("dropout", *DROPOUT)  # whose draws must go on too
    path.write_text(path.read_text().replace("epochs: 2\n", "").replace("checkpoint_steps: 1\n", "") + more)
    config = load_config(path)
    data = data_of(config, training)
    train(config, tmp_path / "calm", *data, device="cpu")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(tmp_path / "killed"), "3"],  # within the second epoch
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    stopped = read_checkpoint(tmp_path / "killed" / "last.pt")["state"]
    assert (stopped["epoch"], stopped["batch"], stopped["step"]) == (1, 1, 3)
    train(config, tmp_path / "killed", *data, device="cpu", resume=True)
    for name in ("last.pt", "best.pt"):
        calm, resumed = (read_checkpoint(tmp_path / run / name) for run in ("calm", "killed"))
        for part in {"model", "average"} & set(calm):
            assert calm[part].keys() == resumed[part].keys()
            for key, tensor in calm[part].items():
                assert torch.equal(tensor, resumed[part][key]), (name, part, key)
    logs = [read_checkpoint(tmp_path / run / "last.pt")["state"]["history"] for run in ("calm", "killed")]
    for key in ("train_loss", "valid_loss", "step", "learning_rate", "audio_hours"):
        assert [row[key] for row in logs[0]] == [row[key] for row in logs[1]]


def test_the_best_epoch_is_kept_and_patience_ends(tiny_config, training, tmp_path):
    config = load_config(config_of(tiny_config, "gains", "stopping: {metric: si_sdr, patience: 2}\n"))
    config = config.model_copy(update={"epochs": 9})
    scores = iter([0.0, 1.0, 3.0, 2.0, 2.5, 9.0])  # noisy first
    state = train(config, tmp_path / "run", *data_of(config, training), device="cpu",
                  validate=lambda pairs: {"si_sdr": next(scores)})  # fmt: skip
    assert state.finished == "no better si_sdr in 2 epochs"
    assert (state.epoch, state.best_epoch, state.best) == (4, 2, 3.0)
    best = read_checkpoint(tmp_path / "run" / "best.pt")
    assert best["row"]["si_sdr"] == 3.0
    assert best["noisy"] == {"si_sdr": 0.0}
    last = read_checkpoint(tmp_path / "run" / "last.pt")
    assert not torch.equal(best["model"]["first.weight"], last["model"]["first.weight"])


def test_tensorboard_gets_every_loss_where_it_is_installed(tiny_config, training, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = load_config(config_of(tiny_config, "gains"))
    state = train(config, tmp_path / "run", *data_of(config, training), device="cpu")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss/train")] == [1, 2, 3, 4]
    assert events.Scalars("epoch/valid_loss")[-1].value == pytest.approx(state.history[-1]["valid_loss"])


def test_folders_and_changed_configurations_are_guarded(tiny_config, training, tmp_path):
    config = load_config(config_of(tiny_config, "gains")).model_copy(update={"epochs": 1})
    data = data_of(config, training)
    train(config, tmp_path / "run", *data, device="cpu", resume=True)  # nothing there: a new run
    with pytest.raises(ValueError, match=r"holds a run already; go on with --resume"):
        train(config, tmp_path / "run", *data, device="cpu")
    other = config.model_copy(update={"seed": 6, "batch_size": 2})
    with pytest.raises(ValueError, match=r"had another `seed`, `batch_size`; choose another folder"):
        train(other, tmp_path / "run", *data, device="cpu", resume=True)
    longer = config.model_copy(update={"epochs": 2})
    assert train(longer, tmp_path / "run", *data, device="cpu", resume=True).epoch == 2
    (tmp_path / "run" / "last.pt").write_bytes(b"PK no")
    with pytest.raises(ValueError, match=r"last\.pt: not a readable checkpoint"):
        train(longer, tmp_path / "run", *data, device="cpu", resume=True)


def test_a_loss_that_is_no_number_ends_the_run(tiny_config, training, tmp_path):
    more = "clip_norm: null\n"
    path = config_of(tiny_config, "waveform", more)
    path.write_text(path.read_text().replace("learning_rate: 0.003", "learning_rate: 1.0e+30"))
    config = load_config(path)
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) at step \d+; lower `optimiser.learning_rate`"):
        train(config, tmp_path / "run", *data_of(config, training), device="cpu")


def test_parts_that_do_not_fit_name_their_key(tiny_config):
    with pytest.raises(ValueError, match=r"`model`: crn maps complex spectra"):
        System(load_config(tiny_config("wrong", model="crn", options="{}")))
    with pytest.raises(ValueError, match=r"`loss`: PercepNet's losses know the heads"):
        System(load_config(tiny_config("wrong", objective="irm")))
    with pytest.raises(ValueError, match=r"`objective`: gains-strengths needs features that track pitch"):
        System(load_config(tiny_config("wrong", features="log-magnitude", objective="gains-strengths")))


def test_every_epoch_draws_all_items_in_another_order():
    order = EpochBatches(10, 4, seed=1)
    epochs = []
    for order.epoch in (0, 1):
        batches = list(order)
        assert [len(batch) for batch in batches] == [4, 4]
        assert len({index for batch in batches for _, index, _ in batch}) == 8
        epochs.append(batches)
    assert [b[1] for b in epochs[0][0]] != [b[1] for b in epochs[1][0]]
    order.epoch, order.first = 1, 1
    assert list(order) == epochs[1][1:]
    assert len(EpochBatches(2, 16, seed=1)) == 1


def test_workers_give_the_batches_of_one_process(tiny_config, training):
    config = load_config(config_of(tiny_config, "gains"))
    on_the_fly = config.data.model_copy(update={"corpus": None, "recipe": "recipe.yaml"})
    fly = config.model_copy(update={"data": on_the_fly})
    items, _ = data_of(fly, training)
    found = {}
    for workers in (0, 1):
        order = EpochBatches(len(items), 4, seed=1)
        order.epoch = 1
        found[workers] = list(train_loader(items, order, 50, workers=workers, pin=False))
    for one, other in zip(found[0], found[1], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one if name != "prepared_seconds")


def test_a_trained_network_runs_from_its_file_and_its_cards_tell_all(tiny_config, training, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed (extra dnn)")
    from percepkit.baselines.dnn.export_run import export_run
    from percepkit.baselines.dnn.runtime import load_network

    config = load_config(config_of(tiny_config, "gains", "limits: Trained on eight seconds.\n"))
    data, heard = data_of(config, training), []

    def validate(pairs):
        heard.append(pairs)
        return si_sdr(pairs)

    train(config, tmp_path / "run", *data, device="cpu", validate=validate)
    write_facts(config, training, tmp_path / "run")
    done = export_run(tmp_path / "run", tmp_path / "mine.onnx", quantise=False)
    assert done.float_difference < 1e-4
    card = read_card(tmp_path / "mine.json")
    assert card.name == "mine"
    assert card.causal
    assert card.about["seed"] == 5
    assert card.about["data"]["train"]["items"] == 8
    assert card.about["data"]["train"]["recipe"]["snr_db"] == 5
    assert len(card.about["curves"]["train_loss"]) == 2
    best = card.about["epoch"]
    noisy = CorpusDataset(training / "corpus")[0]["noisy"]
    enhanced = load_network(tmp_path / "mine.onnx")(noisy, 16_000)
    told = heard[best][0][1]  # of that epoch, the first item: what was scored is what the file gives
    assert np.abs(enhanced - told).max() < 5e-3 * np.abs(noisy).max()
    text = (tmp_path / "mine.md").read_text()
    for words in ("# mine", "seed 5", "Trained on eight seconds.", "(noisy ", "percepnet-2020", "32 bits"):
        assert words in text
    assert f"- valid, noise classes: {', '.join(card.about['data']['valid']['noise_classes'])}" in text
    assert "snr_db: 5" in text
    with pytest.raises(ValueError, match=r"expected a name that ends in \.onnx"):
        export_run(tmp_path / "run", tmp_path / "mine.pt", quantise=False)
    with pytest.raises(ValueError, match=r"best\.pt: no such checkpoint"):
        export_run(tmp_path, tmp_path / "mine.onnx", quantise=False)
