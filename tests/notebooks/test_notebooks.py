"""Notebooks run from top to bottom, say what their text says, and are stored with pictures and without audio."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MAX_BYTES = 1_500_000
ABSOLUTE_PATH = re.compile(r"(?<![\w<])/(home|root|tmp|work|usr|opt|mnt|var|Users|private)\b|[A-Z]:\\")

#: What must be true at the end of a notebook; runs as one more cell of it.
CLAIMS = {
    "01_oracle_ladder": """
assert (scores["status"] == "ok").all()
oracles = ladder.drop(index="noisy")
assert len(oracles) == 4
for metric in ladder.columns:
    assert (oracles[metric] > ladder.loc["noisy", metric]).all(), metric
assert ladder.loc["oracle-comb", "pesq_wb"] > ladder.loc["oracle-gains", "pesq_wb"]
assert comb_gain.low > 0 and postfilter_gain.high < 0
assert rescue(1.0).mean < 0 < rescue(0.5).low
assert exact_sdr.low > 0
assert abs(exact_pesq.mean) < 0.1
""",
    "02_bands_and_pitch": """
assert default.notna().all().all()
assert few.high < -0.5 and many.low > 0
assert abs(bands["34 bands, ERB rate"]["pesq_wb"].mean) < 0.1
assert longest.high < -0.5
assert without["si_sdr"].high < -1 and without["pesq_wb"].high < 0
assert -1.5 < none["si_sdr"].mean < 0 and abs(three["si_sdr"].mean) < 0.1
for harder, easier in (("jitter of 100 cents", "jitter of 30 cents"), ("jitter of 30 cents", "jitter of 10 cents"),
                       ("octave errors in 20%", "octave errors in 5%"), ("20% called unvoiced", "5% called unvoiced")):
    assert pitch[harder]["si_sdr"].mean < pitch[easier]["si_sdr"].mean < 0
assert pitch["whole samples"]["si_sdr"].high < 0
assert steps["3 bits in amplitude"]["pesq_wb"].mean < steps["3 bits in dB"]["pesq_wb"].mean < 0
assert abs(steps["6 bits in dB"]["pesq_wb"].mean) < 0.05
assert rules["published formula"]["si_sdr"].high < 0
assert rules["smoothed gains"]["pesq_wb"].high < 0
""",
    "03_masks_compared": """
missing = scores[scores["status"] != "ok"]
assert set(missing["status"]) <= {"infinite"} and set(missing["denoiser"]) <= {"cIRM"}
assert phase.low > 1 and truncation.high < -0.5
assert bands.high < 0 < comb.low
assert means.loc["cIRM", "si_sdr"] > 40
for better, worse in (("cIRM", "ORM"), ("ORM", "PSM"), ("PSM", "IRM"), ("IRM", "IBM"), ("IBM", "noisy")):
    assert means.loc[better, "pesq_wb"] > means.loc[worse, "pesq_wb"]
assert best in ("gains", "gains + comb")
assert ibm.loc["pesq_wb"].idxmax() < 0 and irm.loc["si_sdr"].idxmax() == 1
assert robust["6 dB"].max() - robust["6 dB"].min() < 0.5
assert robust.loc["cIRM", "0 dB"] - robust.loc["cIRM", "4 bits"] > 0.3
assert means.loc["noise mask":"ORM", "pesq_wb"].min() > means.loc["IBM", "pesq_wb"] + 0.3
assert means.loc["gains + comb", "pesq_wb"] > means.loc["IRM", "pesq_wb"] - 0.2
""",
    "04_benchmark_denoisers": """
assert (scores["status"] == "ok").all()
assert (means.drop(index=ORACLE).max() < means.loc[ORACLE]).all()
changes = by_noise[by_noise["metric"] == "pesq_wb"].pivot(index="denoiser", columns="noise_class", values="delta")
for name in DENOISERS[1:]:
    assert changes.loc[name, ["pink", "car"]].min() > 0.2, name
    assert changes.loc[name, ["babble", "keyboard"]].max() < 0.15, name
assert narrow["verdict"] == "omlsa better" and wider["verdict"].startswith("no test: ")
spread = summary.loc[("pesq_wb", A), "high"] - summary.loc[("pesq_wb", A), "low"]
assert narrow["high"] - narrow["low"] < 0.5 * spread
assert wider["high"] - wider["low"] > narrow["high"] - narrow["low"]
assert summary.loc[("pesq_wb", A), "low"] < summary.loc[("pesq_wb", B), "high"]
assert gap.loc["pesq_wb"].loc["highpass", "share"] < 0.02 < gap.loc["pesq_wb"].loc["wiener", "share"] < 0.5
assert trade.notna().all().all() and len(front) >= 1
assert harmed["improvement"].iloc[0] < -0.03 and harmed["noise_class"].iloc[0] == "pink"
assert change.loc[["half", "late", "inverted"], ["pesq_wb", "estoi"]].abs().max().max() < 0.01
assert change.loc[["half", "inverted"], "si_sdr"].abs().max() < 1e-3 and change.loc["late", "si_sdr"] < -5
assert 0 < rewarded < len(tried) and change.loc["pad", "pesq_wb"] > 0.1 and change.loc["pad", "ssnr"] < -3
alarms = notable[list(AUDITS)] > 1
raised = {trick: [name for name in AUDITS if alarms.loc[trick, name]] for trick in TRICKS}
assert raised.pop("pad") == []
assert raised == {"half": ["gain_error_db"], "late": ["delay_ms"], "inverted": ["inverted"],
                  "mute": ["muted_share"], "louder": ["gain_error_db", "clipped_share"]}
assert -0.1 < change.loc["mute", "pesq_wb"] < 0 and change.loc["mute", "muted_share"] > 3
assert change.loc["louder", ["pesq_wb", "estoi"]].abs().max() < 0.05 and abs(change.loc["louder", "si_sdr"]) < 0.5
""",
    "05_training": """
assert lost["pesq_wb"].max() < LIMIT
assert ahead["si_sdr_gain"].is_monotonic_increasing
assert abs(change["pesq_wb"]) < last["pesq_wb_gain_error"]
assert large["core_percent"] > small["core_percent"]
assert set(best["network"]) == set(matrix["network"])
if CAN_TRAIN:
    assert log["valid_loss"].iloc[-1] < 0.7 * log["valid_loss"].iloc[0]
    assert log["waiting_share"].iloc[1:].max() < 0.1
    assert log["si_sdr"].max() > 8
""",
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def own_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder to run in, with the kernel ``python3`` being this interpreter, whatever is installed beside it."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    # A user's own start-up files and matplotlib back end must not decide how a notebook ends.
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    return work


def _outputs(notebook: Path) -> list[nbformat.NotebookNode]:
    stored = nbformat.read(notebook, as_version=4)
    return [output for cell in stored.cells if cell.cell_type == "code" for output in cell.outputs]


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} >= set(CLAIMS)


def test_runs(notebook: Path, own_kernel: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    n_cells = len(content.cells)
    content.cells.append(nbformat.v4.new_code_cell(f"import sys\n{CLAIMS.get(notebook.stem, '')}\nsys.executable"))
    resources = {"metadata": {"path": str(own_kernel)}}
    NotebookClient(content, timeout=120, kernel_name="python3", resources=resources).execute()
    assert content.cells[-1].outputs[-1].data["text/plain"] == repr(sys.executable)
    printed = [output for cell in content.cells[:n_cells] for output in cell.get("outputs", ())]
    assert not [output.text for output in printed if output.get("name") == "stderr"]
    assert not list(own_kernel.iterdir()), "the notebook leaves files behind in its folder"


def test_stored_outputs_show_pictures_without_audio(notebook: Path) -> None:
    outputs = _outputs(notebook)
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    assert not {kind for kind in kinds if kind.startswith(("audio/", "video/"))}
    assert not {output.output_type for output in outputs} & {"error"}
    text = notebook.read_text(encoding="utf-8")
    assert "<audio" not in text
    assert "data:audio" not in text
    assert len(text) < MAX_BYTES


def test_stored_outputs_name_no_place(notebook: Path) -> None:
    texts = [output.get("text", "") for output in _outputs(notebook)]
    texts += [
        str(value)
        for output in _outputs(notebook)
        for kind, value in output.get("data", {}).items()
        if not kind.startswith("image/")
    ]
    assert not [text for text in texts if ABSOLUTE_PATH.search(text)]


def test_stored_in_order_and_without_traces_of_a_machine(notebook: Path) -> None:
    stored = nbformat.read(notebook, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert stored.metadata.kernelspec.name == "python3"
    assert not any(cell.metadata for cell in stored.cells)
