"""Columns that curation rests on, from signals whose values are known."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from percepkit.audio.files import write
from percepkit.engine.cluster import client
from percepkit.engine.tables import write_table
from percepkit.manifests.measure import measure, read_head
from percepkit.manifests.scan import scan
from percepkit.manifests.table import read_manifest

RATE = 16_000


def tone(seconds, frequency_hz=220.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE)) / RATE)


def measured(folder, x, kind="speech", **options):
    write(folder / "a.wav", x, RATE, **options)
    row = measure(str(folder), "a.wav", kind)
    assert row["status"] == "ok"
    return row


@pytest.mark.parametrize("kind", ["speech", "noise", "music"])
def test_activity_is_the_share_of_time_with_sound(tmp_path, kind):
    x = np.concatenate([0.3 * tone(2), np.zeros(6 * RATE)])
    row = measured(tmp_path, x, kind)
    assert row["activity_share"] == pytest.approx((2 + 0.2) / 8, abs=0.02)  # P.56 has a hang-over of 0.2 s
    assert ("active_level" in row) == (kind == "speech")
    assert measured(tmp_path, 0.3 * tone(8), kind)["activity_share"] == pytest.approx(1, abs=0.01)


def test_speech_knows_where_its_sound_begins_and_ends(tmp_path):
    x = np.concatenate([np.zeros(RATE), 0.3 * tone(2), np.zeros(3 * RATE)])
    row = measured(tmp_path, x)
    assert (row["active_start"], row["active_end"]) == pytest.approx((0.94, 3.06))
    assert "active_start" not in measured(tmp_path, x, "noise")
    long = measured(tmp_path, np.concatenate([x, np.zeros(60 * RATE)]))  # beyond the first minute nobody looked
    assert (long["active_start"], long["active_end"]) == pytest.approx((0.94, 66))


def test_dc_is_the_magnitude_of_the_mean_of_the_first_channel(tmp_path):
    x = 0.3 * tone(1)
    both = np.stack([x - 0.05, x + 0.4], axis=1)
    assert measured(tmp_path, both, subtype="FLOAT")["dc_offset"] == pytest.approx(0.05, abs=1e-6)
    assert measured(tmp_path, x, subtype="FLOAT")["dc_offset"] < 1e-6


def test_clipping_is_the_share_of_flat_samples_and_a_quiet_tone_has_none(tmp_path):
    glide = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE * (1 + 0.1 * np.arange(RATE) / RATE))
    row = measured(tmp_path, np.clip(glide, -0.7, 0.7))
    assert row["clipped_share"] == pytest.approx(2 * np.arccos(0.7) / np.pi, abs=0.02)
    for level in (0.001, 0.01, 0.1):
        assert measured(tmp_path, level * tone(1, 60.0))["clipped_share"] == 0


def test_only_the_first_minute_counts(tmp_path):
    x = np.concatenate([0.3 * tone(60), 0.3 + 0 * tone(20)])
    row = measured(tmp_path, x)
    assert row["dc_offset"] < 1e-4
    assert row["activity_share"] == pytest.approx(1, abs=0.01)
    head, rate = read_head(tmp_path / "a.wav")
    assert (head.shape, head.dtype, rate) == ((60 * RATE,), np.float32, RATE)
    assert read_head(write_short(tmp_path))[0].shape == (100,)


def write_short(folder):
    soundfile.write(folder / "short.flac", np.ones((100, 3)) / 2, RATE)
    return folder / "short.flac"


def test_a_room_has_none_of_these(tmp_path):
    assert not {"activity_share", "clipped_share", "dc_offset"} & set(measured(tmp_path, tone(0.5), "rir"))


def test_an_older_manifest_is_read_and_measured_anew(tmp_path):
    (tmp_path / "d").mkdir()
    write(tmp_path / "d" / "a.wav", 0.3 * tone(1), RATE)
    with client(0) as serial:
        new = scan(tmp_path / "d", kind="speech", root_name="v", client=serial)
        columns = [
            "active_start",
            "active_end",
            "activity_share",
            "clipped_share",
            "dc_offset",
            "quality",
            "duplicate_of",
        ]
        write_table(new.drop(columns=columns), tmp_path / "old.parquet", kind="manifest")
        old = read_manifest(tmp_path / "old.parquet")
        assert old[columns].isna().all().all()
        assert old["duplicate_of"].tolist() == [None]
        again = scan(tmp_path / "d", kind="speech", root_name="v", client=serial, previous=old)
    pd.testing.assert_frame_equal(again, new)
