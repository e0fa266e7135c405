"""Rendering: the SNR asked for, stems that add up, aligned targets, seamless noise, and every failure typed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from percepkit.audio.files import AudioError, read, write
from percepkit.dsp.level import active_level_dbfs, rms_dbfs
from percepkit.synth.plan import draw_plan
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources


def planned(world, recipe):
    return draw_plan(recipe, load_sources(recipe, world))


def si_sdr(reference, estimate):
    part = (reference @ estimate) / (reference @ reference) * reference
    return 10 * np.log10((part @ part) / np.sum((estimate - part) ** 2))


@pytest.mark.parametrize("snr_kind", ["rms", "active"])
@pytest.mark.parametrize("level", [-40, -3])  # -3 dBFS makes the clipping guard act
def test_snr_level_and_sum(world, roots, make_recipe, snr_kind, level):
    recipe = make_recipe(snr_kind=snr_kind, level_dbfs=level, items=15)
    render = Renderer(recipe, roots)
    guarded = 0
    for _, row in planned(world, recipe).iterrows():
        item = render(row)
        speech, noise = item.speech.astype(np.float64), item.noise.astype(np.float64)
        speech_db = active_level_dbfs(speech, 16_000)[0] if snr_kind == "active" else rms_dbfs(speech)
        assert abs(speech_db - rms_dbfs(noise) - row["snr_db"]) < 0.001
        assert abs(item.measured["snr_realised_db"] - row["snr_db"]) < 0.001
        assert np.abs(item.noisy - speech - noise).max() < 1e-7
        guarded += item.measured["guard_db"] < 0
        assert rms_dbfs(item.noisy) == pytest.approx(level + item.measured["guard_db"], abs=0.001)
        assert max(np.abs(x).max() for x in (item.noisy, item.clean, item.speech, item.noise)) <= 0.99001
    assert (guarded > 0) == (level == -3)


def test_written_stems_keep_snr_and_sum(world, roots, make_recipe, tmp_path):
    recipe = make_recipe(items=15)
    render = Renderer(recipe, roots)
    for _, row in planned(world, recipe).iterrows():
        item = render(row)
        stems = {}
        for name in ("noisy", "speech", "noise"):
            write(tmp_path / "x.wav", getattr(item, name), 16_000)
            stems[name] = read(tmp_path / "x.wav", channel=0)[0].astype(np.float64)
        assert np.abs(stems["noisy"] - stems["speech"] - stems["noise"]).max() * 32768 <= 1
        assert min(rms_dbfs(stems["speech"]), rms_dbfs(stems["noise"])) > -70
        assert abs(rms_dbfs(stems["speech"]) - rms_dbfs(stems["noise"]) - row["snr_db"]) < 0.05


def test_rendering_alone_in_any_order_or_again_gives_the_same_samples(world, roots, make_recipe):
    recipe = make_recipe()
    plan = planned(world, recipe)
    render = Renderer(recipe, roots)
    forward = [render(row).noisy for _, row in plan.iterrows()]
    for index in (11, 3, 3, 0):
        alone = Renderer(recipe, roots)(plan.iloc[index])
        np.testing.assert_array_equal(alone.noisy, forward[index])


@pytest.mark.parametrize("target", ["dry", "early"])
def test_target_is_aligned_with_the_direct_sound_whatever_polarity_and_onset(world, roots, make_recipe, target):
    # Peers shift the output of rooms of negative polarity, or make the target empty when the onset is late.
    recipe = make_recipe(items=12, rooms={"manifest": "rooms.parquet", "target": target})
    render = Renderer(recipe, roots)
    onset = {"room0.wav": 12.0, "room1.wav": 40.37, "room2.wav": 95.5, "room3.wav": 1000.25}
    seen = set()
    for _, row in planned(world, recipe).iterrows():
        item = render(row)
        delay = onset[row["rir_path"]]
        seen.add(row["rir_path"])
        dry = render._cutter.speech(row["speech"], with_damage=False)[0].astype(np.float64)
        sign = -1 if row["rir_path"] in ("room1.wav", "room3.wav") else 1
        n = np.arange(-60, 61)
        direct = sign * np.sinc(n - delay % 1) * np.hanning(123)[1:-1]
        want = np.roll(np.pad(fftconvolve(dry, direct, "same"), (0, 2000)), int(delay))[: len(dry)]
        if target == "dry":
            assert si_sdr(want, item.clean.astype(np.float64)) > 25
        lag = np.argmax(fftconvolve(item.clean, want[::-1])) - len(want) + 1
        assert lag == 0  # of the signed correlation: polarity is kept too
        # The target is part of the stem in the mix, not a rescaled copy.
        gain = (item.clean @ item.speech) / (item.clean @ item.clean)
        assert gain == pytest.approx(1, abs=0.25)
    assert len(seen) == 4


def test_without_a_room_target_and_stem_are_the_same(world, roots, make_recipe):
    recipe = make_recipe(rooms=None)
    item = Renderer(recipe, roots)(planned(world, recipe).iloc[0])
    np.testing.assert_array_equal(item.clean, item.speech)


def test_a_reverberant_target_is_the_speech_in_the_mix(world, roots, make_recipe):
    recipe = make_recipe(rooms={"manifest": "rooms.parquet", "target": "reverberant"})
    dry_recipe = make_recipe(rooms={"manifest": "rooms.parquet", "target": "dry"})
    row = planned(world, recipe).iloc[2]
    item, other = Renderer(recipe, roots)(row), Renderer(dry_recipe, roots)(row)
    np.testing.assert_array_equal(item.clean, item.speech)
    np.testing.assert_allclose(item.clean, other.speech, atol=1e-6)
    assert recipe.stems == ("noisy", "clean", "noise")


def test_looped_noise_has_no_seam_and_no_gap(world, roots, make_recipe):
    recipe = make_recipe(items=200, rooms=None, noise={"manifest": "noise.parquet"}, item_seconds=4)
    plan = planned(world, recipe)
    short = plan[plan["noise"].map(lambda s: "short" in s[0]["path"])]
    render = Renderer(recipe, roots)
    for _, row in short.head(5).iterrows():
        assert len(row["noise"]) > 4
        noise = render._cutter.noise(row)
        power = (noise.reshape(-1, 400) ** 2).mean(axis=1)
        # Neither dips nor bumps where passes join: white noise in blocks of 400 samples, band-limited to 4 kHz.
        assert power.min() > 0.4 * power.mean()
        assert power.max() < 2 * power.mean()
        assert power[-4:].min() > 0.4 * power.mean()  # a peer leaves the last 50 ms without noise


@settings(max_examples=10)
@given(st.floats(-30, 50), st.integers(0, 11))
def test_any_snr_is_realised(world, roots, make_recipe, snr_db, item):
    recipe = make_recipe(snr_db=snr_db)
    row = planned(world, recipe).iloc[item]
    assert abs(Renderer(recipe, roots)(row).measured["snr_realised_db"] - snr_db) < 0.001


def test_other_rates_are_resampled(world, roots, make_recipe):
    recipe = make_recipe(sample_rate=48_000, items=4)
    render = Renderer(recipe, roots)
    for _, row in planned(world, recipe).iterrows():
        item = render(row)
        assert len(item.noisy) == 96_000
        assert item.percepnet.gains.shape == (201, 34)


def test_missing_broken_and_silent_sources_are_typed(world, roots, make_recipe, tmp_path):
    recipe = make_recipe(rooms=None, noise={"generated": ["white"]})
    row = planned(world, recipe).iloc[0].to_dict()
    path = tmp_path / row["speech"][0]["path"]
    path.parent.mkdir(parents=True)
    here = roots | {"speech": tmp_path}
    with pytest.raises(AudioError) as missing:
        Renderer(recipe, here)(row)
    assert missing.value.status == "missing"
    assert str(path) in str(missing.value)
    frames = row["speech"][0]["start"] + row["speech"][0]["frames"]
    write(path, np.zeros(frames), 16_000)
    with pytest.raises(AudioError, match="the speech that the plan cuts from it is silent") as silent:
        Renderer(recipe, here)(row)
    assert silent.value.status == "silent"
    path.write_bytes(b"RIFF not a sound")
    with pytest.raises(AudioError) as broken:
        Renderer(recipe, here)(row)
    assert broken.value.status == "unreadable"
