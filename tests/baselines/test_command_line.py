"""Commands as denoisers, by tiny scripts."""

import sys

import numpy as np
import pytest

from percepkit.audio.files import write
from percepkit.baselines.command_line import CommandDenoiser
from percepkit.baselines.enhance_files import enhance_file
from percepkit.baselines.registry import load
from percepkit.engine.child import ChildTimeout

NOISY = (0.1 * np.random.default_rng(0).standard_normal(8_000)).astype(np.float32)

SCRIPT = """
import sys
import soundfile
x, rate = soundfile.read(sys.argv[sys.argv.index("--in") + 1])
EDIT
soundfile.write(sys.argv[sys.argv.index("--out") + 1], x, rate)
"""


@pytest.fixture
def command(tmp_path):
    def make(edit="x = x / 2"):
        script = tmp_path / "my denoiser.py"
        script.write_text(SCRIPT.replace("EDIT", edit))
        return f"cmd:{sys.executable} '{script}' --in {{in}} --out {{out}}"

    return make


def test_command_reads_and_writes_a_file(command):
    denoiser = load(command())
    enhanced = denoiser(NOISY, 16_000)
    assert enhanced.dtype == np.float32
    np.testing.assert_allclose(enhanced, NOISY / 2, atol=2 / 32768)
    assert denoiser.spec.name == command()
    assert not denoiser.spec.aligned


def test_other_rates_come_back_and_short_ends_are_filled(command):
    tone = np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000) * 0.5
    enhanced = load(command("import soxr; x = soxr.resample(x, rate, 48000)[:-480]; rate = 48000"))(tone, 16_000)
    assert enhanced.dtype == np.float64
    assert enhanced.shape == tone.shape
    assert np.abs(enhanced - tone)[200:-400].max() < 2e-3
    assert np.abs(enhanced[-100:]).max() < 1e-4  # what was missing is silence, but for the filter's ringing


@pytest.mark.parametrize(
    "edit, message",
    [
        ("x = x[:-900]", r"enhanced.wav returned the shape \(7100,\) for 8000 samples at 16000 Hz"),
        ("x = x[:, None] * [1, 1]", "expected one channel, found 2"),
        ("sys.exit()", "did not write its output"),
        ("sys.exit('no model')", "ended with exit code 1: no model"),
    ],
)
def test_what_is_no_answer_is_refused(command, edit, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        load(command(edit))(NOISY, 16_000)


def test_timeout(command):
    denoiser = CommandDenoiser(command("import time; time.sleep(60)")[4:], "slow", timeout_seconds=1)
    with pytest.raises(ChildTimeout, match="longer than 1 s"):
        denoiser(NOISY, 16_000)


@pytest.mark.parametrize(
    "name, message",
    [
        ("cmd:cat {in}", "no argument holds {out}"),
        ("cmd:{in} {out}", "no argument holds {in}"),
        ("cmd:no-such-program {in} {out}", "there is no program 'no-such-program'"),
        ("cmd:cat '{in} {out}", "No closing quotation"),
    ],
)
def test_commands_that_cannot_work_are_refused_at_once(name, message):
    with pytest.raises(ValueError, match=message):
        load(name)


def test_edits_of_the_script_are_another_denoiser(command):
    name = command()
    before = load(name).fingerprint
    assert load(name).fingerprint == before
    assert load(command("x = x / 3 + 0")).fingerprint != before


def test_a_failing_command_names_the_file_that_was_enhanced(command, tmp_path):
    write(tmp_path / "in.wav", NOISY, 16_000)
    with pytest.raises(ValueError, match=r"in\.wav: .*no model"):
        enhance_file(tmp_path / "in.wav", tmp_path / "out.wav", load(command("sys.exit('no model')")))
