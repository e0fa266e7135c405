"""Faults of other corpus generators in rooms, targets and gains; each is a test that this generator passes.

Speech that is a single click makes every stem the response that it was convolved with.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp import rir, rir_augment
from percepkit.dsp.level import rms_dbfs
from percepkit.dsp.percepnet import compute_targets
from percepkit.synth.degradations.registry import load
from percepkit.synth.rooms import RoomBank, draw_geometry
from percepkit.synth.targets import TARGETS

RATE = 16_000
CLICK = 3200  # sample of the click, at 16 kHz
rng = np.random.default_rng(5)


def click(rate=RATE, seconds=1.0, at=0.2):
    x = np.zeros(int(seconds * rate))
    x[round(at * rate)] = 0.9
    return {"s/click": (x, rate)}


def room(*pulses, rate=RATE, seconds=0.3):
    """A response of pulses given as (seconds, amplitude)."""
    h = np.zeros(int(seconds * rate))
    for at, amplitude in pulses:
        h[round(at * rate)] = amplitude
    return {"r/one": (h, rate)}


def heard(build, rooms, rate=RATE, speech=None, **changes):
    """Stems of an item in a room, from the click on, the direct path's magnitude being 1."""
    world = build(speech or click(rate), {"generated": ["white"]}, rooms, sample_rate=rate, items=1, **changes)
    item = world.render(world.rows[0])
    first = round(0.2 * rate)
    scale = np.abs(item.speech).max()
    return {name: item.stem(name)[first:] / scale for name in world.recipe.stems}, item


def test_dns_response_not_resampled(build):
    """DNS-Challenge ignores the rate of the response: 48 kHz rooms became three times as large."""
    for own in (8000, 16_000, 48_000):
        # Smooth pulses, as no filter may change them.
        h = room((0.02, 1), (0.07, 0.5), rate=own)["r/one"][0]
        smooth = np.convolve(h, np.hanning(own // 1000 + 1)[1:-1], "same")
        stems, _ = heard(build, {"r/one": (smooth, own)})
        found = np.abs(stems["speech"])
        assert abs(int(np.argmax(found)) - 320) <= 1
        assert abs(int(np.argmax(found[800:])) + 800 - 1120) <= 1
        assert found[1100:1140].max() == pytest.approx(0.5, abs=0.02)


def test_dns_reverberant_target(build):
    """DNS-Challenge overwrites the clean speech by the reverberant one; here the target is dry unless asked."""
    stems, _ = heard(build, room((0.005, 1), (0.03, 0.7)))
    assert stems["speech"][480] == pytest.approx(0.7, abs=1e-4)
    assert abs(stems["clean"][480]) < 1e-4
    assert stems["clean"][80] == pytest.approx(1, abs=1e-3)
    whole, _ = heard(build, room((0.005, 1), (0.03, 0.7)), rooms_section={"target": "reverberant"})
    assert whole["clean"][480] == pytest.approx(0.7, abs=1e-4)


@pytest.mark.parametrize("target", ["dry", "direct", "early", "decay"])
def test_lhotse_signed_argmax_shifts_negative_responses(build, target):
    """lhotse and ESPnet align by the largest positive sample: a negative response was shifted by 700 samples."""
    rooms = room((0.010, -1), (0.010 + 700 / RATE, 0.9))
    stems, _ = heard(build, rooms, rooms_section={"target": target})
    for name in ("speech", "clean"):
        assert np.argmax(np.abs(stems[name])) == 160
        assert stems[name][160] == pytest.approx(-1, abs=1e-3)


def test_lhotse_early_part_counted_from_the_start_of_the_file(build):
    """lhotse keeps the first 50 ms of the file: with the direct path after 62.5 ms the target was all zero."""
    stems, item = heard(build, room((0.0625, 1), (0.0925, 0.5), (0.16, 0.4)), rooms_section={"target": "early"})
    assert item.clean.any()
    assert stems["clean"][[1000, 1480]] == pytest.approx([1, 0.5], abs=1e-3)
    assert abs(stems["clean"][2560]) < 1e-4


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_urgent_early_50_seconds(build, rate):
    """URGENT 2024 kept 50 s of early reflections for weeks, a slip between seconds and milliseconds."""
    pulses = (0.005, 1), (0.045, 0.5), (0.075, 0.5), (0.2, 0.5)
    stems, _ = heard(build, room(*pulses, rate=rate), rate, rooms_section={"target": "early"})
    found = [np.abs(stems["clean"][round(at * rate)]) for at, _ in pulses]
    assert found == pytest.approx([1, 0.5, 0, 0], abs=1e-3)


def test_urgent_crop_that_loses_the_direct_path(build):
    """URGENT 2026 crops every signal to 240000 samples at random, responses too, whatever the rate."""
    for seconds in (0.4, 5.0):
        stems, item = heard(build, room((0.01, 1), (0.3, 0.5), seconds=seconds))
        assert stems["speech"][[160, 4800]] == pytest.approx([1, 0.5], abs=1e-3)
        assert len(item.noisy) == RATE


def test_speechbrain_circular_convolution(build):
    """SpeechBrain convolves circularly: the tail of the end is heard at the start."""
    speech = click(at=0.9)
    world = build(speech, {"generated": ["white"]}, room((0.01, 1), (0.5, 0.9), seconds=0.6), items=1)
    item = world.render(world.rows[0])
    direct = round(0.91 * RATE)
    assert np.abs(item.speech).argmax() == direct
    assert np.abs(item.speech[: direct - 50]).max() < 1e-5 * np.abs(item.speech).max()


def test_espnet_early_target_convolved_twice(build):
    """ESPnet applies the early response to speech that is reverberant already."""
    stems, _ = heard(build, room((0.0, 1), (0.010, 0.5)), rooms_section={"target": "early"})
    # Twice would be 1, 1 and 0.25 at 0, 10 and 20 ms.
    assert stems["clean"][[0, 160, 320]] == pytest.approx([1, 0.5, 0], abs=1e-3)


@pytest.mark.parametrize("target", ["dry", "direct", "early", "decay"])
def test_espnet_direct_to_reverberant_ratio_lost_by_repowering(build, target):
    """ESPnet brings the reverberant speech and its target each to the level of the dry speech."""
    tail = rng.standard_normal(8000) * np.exp(-np.arange(8000) / 1500) * 0.05
    tail[:600] = 0
    h = room((0.01, 1), seconds=0.5)["r/one"][0] + tail
    stems, item = heard(build, {"r/one": (h, RATE)}, rooms_section={"target": target})
    assert stems["clean"][160] == pytest.approx(stems["speech"][160], abs=2e-3)
    found = rms_dbfs(item.clean) - rms_dbfs(item.speech - item.clean)
    if target in ("dry", "direct"):
        assert found == pytest.approx(rir.drr_db(h, RATE), abs=0.1)
    assert item.measured["drr_realised"] == pytest.approx(rir.drr_db(h, RATE), abs=0.05)


def test_audiomentations_level_lost_in_a_room(build):
    """audiomentations rescales what comes out of a room to a peak of 0.5."""
    for amplitude in (0.01, 1.0, -0.3):
        speech = {"s/one": (0.1 * rng.standard_normal(RATE), RATE)}
        world = build(speech, {"generated": ["white"]}, room((0.01, amplitude)), level_dbfs=-33, snr_db=4)
        for _, item in world.items():
            assert rms_dbfs(item.noisy) == pytest.approx(-33, abs=1e-3)
            assert rms_dbfs(item.speech) - rms_dbfs(item.noise) == pytest.approx(4, abs=1e-3)


def test_deepfilternet_interferer_reverberates_the_target(build):
    """DeepFilterNet's p_interfer_sp puts the target into the interferer's room, and leaves the interferer dry."""
    speech = {f"{name}/x": (0.1 * rng.standard_normal(RATE), RATE) for name in "st"}
    rooms = room((0.005, 1), (0.06, 0.9)) | {"r/two": (room((0.02, 1), (0.1, -0.9))["r/one"][0], RATE)}
    rival = {"rival": {"talkers": 1, "snr_db": 0}}
    section = {"noise_share": 1.0}
    plain = build(speech, {"generated": ["white"]}, rooms, rooms_section=section)
    busy = build(speech, {"generated": ["white"]}, rooms, rooms_section=section, layers=rival)
    for (_, alone), (_, item) in zip(plain.items(), busy.items(), strict=True):
        for name in ("clean", "speech"):
            x, y = alone.stem(name).astype(np.float64), item.stem(name).astype(np.float64)
            assert (x @ y) / np.sqrt((x @ x) * (y @ y)) > 1 - 1e-9


def test_deepfilternet_negative_response_never_trimmed():
    """DeepFilterNet takes the logarithm of a signed peak; nothing here depends on the sign of a response."""
    tail = rng.standard_normal(9000) * np.exp(-np.arange(9000) / 1000) * 0.1
    h = room((0.02, 1), seconds=9000 / RATE)["r/one"][0] + tail * (np.arange(9000) > 360)
    for measure in (rir.drr_db, rir.c50_db, rir.rt60_seconds):
        assert measure(-h, RATE) == pytest.approx(measure(h, RATE), rel=1e-12)
    assert rir.onset(-h) == rir.onset(h)
    changes = (rir.early_response, rir.dry_response, rir_augment.shape_decay, rir_augment.direct_response,
               lambda x, rate: rir_augment.scale_early(x, rate, 0.5),
               lambda x, rate: rir_augment.set_drr(x, rate, 3.0)[0])  # fmt: skip
    for change in changes:
        np.testing.assert_allclose(change(-h, RATE), -change(h, RATE), atol=1e-12)


def test_lhotse_room_from_a_global_generator():
    """lhotse draws rooms from the global generator too, so that their seed does not repeat them."""
    bank = RoomBank(rooms=4, sample_rate=RATE, seed=3, rt60_seconds={"uniform": [0.2, 0.5]})
    np.random.seed(1)  # noqa: NPY002 - the very thing that must not matter
    first = draw_geometry(bank, 2)
    np.random.seed(2)  # noqa: NPY002
    draw_geometry(bank, 0)
    again = draw_geometry(bank, 2)
    np.testing.assert_array_equal(first.sources_m, again.sources_m)
    assert first.rt60_seconds == again.rt60_seconds


def test_urgent_inverted_probabilities(build):
    """URGENT puts a share of 1 - p of the items into rooms, which its default of 0.5 does not show."""
    speech = {f"{name}/x": (0.1 * rng.standard_normal(RATE), RATE) for name in "st"}
    for share in (0.0, 0.2, 1.0):
        world = build(
            speech, {"generated": ["white"]}, room((0.01, 1)), rooms_section={"share": share},
            layers={"more": {"generated": ["hum"], "snr_db": 0, "share": share}},
            degradations=[{"kind": "gaps", "to": "noise", "share": share}], items=600,
        )  # fmt: skip
        found = [world.plan["room"].notna(), world.plan["layers"].map(len) > 0, world.plan["degradations"] != "[]"]
        assert [mask.mean() for mask in found] == pytest.approx([share] * 3, abs=0.05 if share == 0.2 else 0)
        quiet = build(speech, {"generated": ["white"], "share": share}, items=600)
        assert (quiet.plan["noise_kind"] != "none").mean() == pytest.approx(share, abs=0.05)


def test_percepnet_gain_without_the_square_root(build):
    """The open PercepNet's ideal gain is a ratio of energies, applied to amplitudes."""
    x = 0.1 * rng.standard_normal(RATE)
    targets = compute_targets(0.5 * x, x, RATE)
    assert np.median(targets.gains[targets.gains_valid]) == pytest.approx(0.5, abs=1e-3)


def test_percepnet_strengths_that_are_no_numbers(build):
    """The open PercepNet takes roots of what may be negative or 0 / 0: silence, one sound alone, both equal."""
    silence = np.zeros(RATE)
    tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for clean, noisy in ((silence, silence), (silence, tone), (tone, silence), (tone, tone), (tone, -tone)):
            made = compute_targets(clean, noisy, RATE)
            for values in (made.gains, made.strengths, made.attenuation, made.period):
                assert np.isfinite(values).all()
            assert ((made.gains >= 0) & (made.gains <= 1)).all()
            assert ((made.strengths >= 0) & (made.strengths <= 1)).all()


def test_percepnet_gains_of_bands_that_the_speech_never_had(build):
    """The open PercepNet trains on 16 kHz speech at 48 kHz: its gains above 8 kHz are noise."""
    speech = {"s/narrow": (0.1 * rng.standard_normal(RATE), RATE)}
    world = build(speech, {"generated": ["white"]}, sample_rate=48_000, items=1, targets=["erb_gains"])
    _, valid = TARGETS["erb_gains"](world.render(world.rows[0]))
    bands = world.recipe.analysis.layout(48_000)
    assert not valid[:, bands.centre_hz > 9000].any()
    assert valid[5:-5, bands.centre_hz < 7000].mean() > 0.9


def test_rnnoise_low_pass_mask_kept_from_an_earlier_item(build):
    """RNNoise never resets its low-pass mask: after a band-limited item, full-band ones lose their high bands."""
    wide, narrow = 0.1 * rng.standard_normal((2, RATE))
    narrow = load("band_limit").apply(
        narrow.astype(np.float32), RATE, load("band_limit").parameters.model_validate({"cutoff_hz": 3000}), 0
    ).signal  # fmt: skip
    speech = {"s/wide": (wide, RATE), "t/narrow": (narrow, RATE)}
    noise = {"generated": ["white"], "match_band": True}
    world = build(speech, noise, items=12, targets=["erb_gains", "band_flags"])
    kinds = world.plan["speaker"].tolist()
    assert "ts" in "".join(kinds)
    for row, speaker in zip(world.rows, kinds, strict=True):
        values, valid = TARGETS["erb_gains"](world.render(row))  # one renderer for all
        high = abs(world.recipe.analysis.layout(RATE).centre_hz - 5500) < 1000
        assert valid[5:-5, high].all() == (speaker == "s")
        fresh = type(world.render)(world.recipe, world.roots)(row)
        np.testing.assert_array_equal(values, TARGETS["erb_gains"](fresh)[0])


@settings(max_examples=10)
@given(st.sampled_from([8000, 16_000, 48_000]), st.floats(0.3, 2.0))
def test_rnnoise_lead_in_drawn_in_samples(build_once, rate, pause):
    """RNNoise draws its leading silence in samples where seconds were meant: 21 ms on average."""
    plan = build_once(rate, pause)
    assert {row[0]["at"] for row in plan["speech"]} == {round(pause * rate)}


@pytest.fixture(scope="module")
def build_once(world, make_recipe):
    """Plans of the shared world at a sample rate with a fixed pause."""
    from percepkit.synth.plan import draw_plan
    from percepkit.synth.sources import load_sources

    def make(rate, pause):
        speech = {"manifest": "speech.parquet", "pause_seconds": pause}
        recipe = make_recipe(items=5, item_seconds=4, sample_rate=rate, speech=speech, rooms=None)
        return draw_plan(recipe, load_sources(recipe, world))

    return make
