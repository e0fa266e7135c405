"""Folders of enhanced files, named by the items."""

import numpy as np
import pytest

from percepkit.audio.files import write
from percepkit.baselines.denoiser import Denoiser, Oracle, Recorded
from percepkit.baselines.recorded_folder import MissingRecording
from percepkit.baselines.registry import load

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000)


def test_files_are_found_by_item_and_brought_to_the_rate(tmp_path):
    write(tmp_path / "7_x.wav", TONE, 16_000)
    recorded = load(f"folder:{tmp_path}/{{item_id}}_x.wav")
    assert isinstance(recorded, Recorded)
    assert not isinstance(recorded, Denoiser | Oracle)
    np.testing.assert_allclose(recorded.of_item("7")(TONE, 16_000), TONE, atol=1 / 32768)
    fine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000)
    assert np.abs(recorded.of_item("7")(fine, 48_000) - fine)[600:-600].max() < 1e-3
    with pytest.raises(MissingRecording, match=r"8_x\.wav does not exist"):
        recorded.of_item("8")


def test_patterns_that_cannot_work_are_refused(tmp_path):
    with pytest.raises(ValueError, match="does not say which file is whose"):
        load(f"folder:{tmp_path}")
    with pytest.raises(ValueError, match="there is no folder nowhere"):
        load("folder:nowhere/{item_id}.wav")


def test_new_files_are_another_denoiser(tmp_path):
    recorded = load(f"folder:{tmp_path}/{{item_id}}.wav")
    before = recorded.fingerprint
    write(tmp_path / "1.wav", TONE, 16_000)
    assert recorded.fingerprint != before
