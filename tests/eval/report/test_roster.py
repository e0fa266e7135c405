from types import SimpleNamespace

from percepkit.baselines.registry import load
from percepkit.eval.report.roster import make_roster, of_role


def test_every_series_can_be_told_apart_without_colour(fakes):
    entries = make_roster([f"d{k}" for k in range(18)], fakes.load)
    assert len({(entry.marker, str(entry.dashes)) for entry in entries}) == 18


def test_anchors_are_neither_denoisers_nor_oracles():
    names = ["oracle-gains", "wiener", "clean", "silence", "noisy"]
    entries = make_roster(names, load)
    assert [(entry.name, entry.role) for entry in entries] == [
        ("noisy", "noisy"),
        ("wiener", "denoiser"),
        ("oracle-gains", "oracle"),
        ("clean", "anchor"),
        ("silence", "anchor"),
    ]
    assert [entry.index for entry in entries] == list(range(5))


def test_networks_are_told_from_signal_processing():
    def made(name):
        return load(name) if name == "wiener" else SimpleNamespace(spec=SimpleNamespace(needs="nothing"))

    entries = make_roster(["noisy", "wiener", "onnx:net.onnx", "peer-rnnoise", "mine:it"], made)
    assert [entry.kind for entry in of_role(entries, "denoiser")] == ["traditional", "neural", "neural", ""]
    assert entries[0].kind == ""
