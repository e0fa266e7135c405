"""Faults of other corpus generators in levels, mixing and noise; each is a test that this generator passes."""

import numpy as np
import pytest

from percepkit.audio.files import AudioError
from percepkit.dsp.level import rms_dbfs
from percepkit.dsp.snr import noise_gain, realised_snr_db
from percepkit.synth.segments import pick

RATE = 16_000
rng = np.random.default_rng(4)


def white(seconds, rate=RATE, scale=0.1):
    return scale * rng.standard_normal(int(seconds * rate))


def bursts(seconds, on, rate=RATE):
    """Noise that stands for speech: ``on`` seconds of sound, as much silence, and so on."""
    n = np.arange(int(seconds * rate))
    return white(seconds, rate) * (n // int(on * rate) % 2 == 0)


def snr_db(item):
    speech, noise = item.speech.astype(np.float64), item.noise.astype(np.float64)
    return 10 * np.log10((speech @ speech) / (noise @ noise))


def likeness(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    return (x @ y) / np.sqrt((x @ x) * (y @ y))


def test_dns_snr_of_the_levels_before_normalisation(build):
    """DNS-Challenge normalises both signals, then uses the old ratio: 0 dB became +8.6, -18 and +19 dB."""
    clicks = np.zeros(RATE)
    clicks[:: RATE // 7] = 0.9
    noises = {"a/white": white(1), "b/clicks": clicks, "c/tone": 0.01 * np.sin(np.arange(RATE) / 9)}
    world = build(
        {"s/one": (bursts(1, 0.25), RATE)}, {k: (x, RATE) for k, x in noises.items()}, items=12,
        level_dbfs={"uniform": [-50, -20]},
    )  # fmt: skip
    for _, item in world.items():
        assert snr_db(item) == pytest.approx(0, abs=1e-3)
    assert world.plan["noise_class"].nunique() == 3


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_dns_active_level_that_is_no_active_level(build, rate):
    """DNS-Challenge's gate compares an amplitude with -50 dB and is always open; its windows are for 16 kHz."""
    speech = bursts(8, 4, rate)
    world = build(
        {"s/one": (speech, rate)}, {"generated": ["white"]}, item_seconds=8, sample_rate=rate, items=2,
        snr_kind="active", snr_db=10,
    )  # fmt: skip
    for _, item in world.items():
        sounding = item.speech[: 4 * rate].astype(np.float64)
        # An open gate would count the silence too, and be off by 3 dB.
        assert rms_dbfs(sounding) - rms_dbfs(item.noise) == pytest.approx(10, abs=0.5)


def test_ms_snsd_ratio_of_powers_taken_for_a_gain():
    """MS-SNSD once forgot the square root: 20 dB lower is a tenth of the amplitude."""
    x = white(1)
    assert noise_gain(x, x, 20.0, RATE, kind="rms") == pytest.approx(0.1)


def test_clipping_guard_that_treats_stems_differently(build):
    """MS-SNSD has no guard, others scale the mixture but not its target or its noise."""
    room = np.zeros(3000)
    room[[50, 900]] = 1.0, -0.8
    parts = {"s/one": (white(1), RATE)}, {"generated": ["white"]}, {"r/one": (room, RATE)}
    plain, loud = (build(*parts, level_dbfs=level, snr_db=6) for level in (-40, 0))
    for (_, low), (_, high) in zip(plain.items(), loud.items(), strict=True):
        assert high.measured["guard_db"] < -1
        assert high.measured["peak"] == pytest.approx(0.99, abs=1e-4)
        gains = []
        for name in ("noisy", "clean", "speech", "noise"):
            assert np.abs(high.stem(name)).max() <= 0.99001
            gains.append(rms_dbfs(high.stem(name)) - rms_dbfs(low.stem(name)))
            assert likeness(high.stem(name), low.stem(name)) > 1 - 1e-9
        assert np.ptp(gains) < 1e-3


def test_speechbrain_target_rescaled_in_the_mix(build):
    """SpeechBrain mixes (1 - f) clean + f noise: at 0 dB the target is 6 dB louder than the speech in the mix."""
    for ratio in (-10, 0, 20):
        world = build({"s/one": (white(1), RATE)}, {"generated": ["white"]}, snr_db=ratio)
        for _, item in world.items():
            np.testing.assert_allclose(item.noisy - item.noise, item.clean, atol=1e-7)


def test_urgent_clean_aliased_and_scaled_in_place(build):
    """URGENT's wind scales the array that is also the clean target."""
    wind = [{"kind": "wind", "to": "speech", "parameters": {"snr_db": 0.0}}]
    parts = {"s/one": (bursts(1, 0.2), RATE)}, {"generated": ["white"]}
    windy, still = build(*parts, degradations=wind), build(*parts)
    for (row, item), (_, plain) in zip(windy.items(), still.items(), strict=True):
        assert likeness(item.clean, plain.clean) > 1 - 1e-9
        # The speech under the wind is as loud as the target says.
        gain = (item.speech @ item.clean) / (item.clean @ item.clean)
        assert gain == pytest.approx(1, abs=0.15)
        np.testing.assert_array_equal(windy.render(row).clean, item.clean)


def test_speechbrain_noise_stem_that_is_not_the_noise_of_the_mixture(build):
    """SpeechBrain's dynamic mixing hands out a noise that is not the one it mixed."""
    layers = {
        "hum": {"generated": ["hum"], "snr_db": 10},
        "rival": {"talkers": 1, "snr_db": 5},
        "knocks": {"manifest": "noise.parquet", "events": 2, "snr_db": 0},
    }
    noise = {"a/one": (white(0.3), RATE), "b/two": (white(2), RATE)}
    speech = {f"{name}/x": (white(1), RATE) for name in "st"}
    for _, item in build(speech, noise, layers=layers, snr_db=3).items():
        np.testing.assert_allclose(item.noisy - item.speech, item.noise, atol=1e-7)
        # All four sounds are in it: their powers add.
        powers = sum(10 ** (-layer["snr_realised_db"] / 10) for layer in item.layers if layer["name"] != "knocks")
        assert 10 ** (-snr_db(item) / 10) > 0.95 * (10**-0.3 + powers)


LENGTHS = {"a/shorter": 0.7, "b/as_long": 2.0, "c/longer": 9.0}


def test_lhotse_last_50_ms_without_noise(build):
    """lhotse shortens the noise by 50 ms to draw its offset: the end of every mixture tells the noise apart."""
    noise = {name: (white(seconds), RATE) for name, seconds in LENGTHS.items()}
    world = build({"s/one": (white(2), RATE)}, noise, items=30, item_seconds=2)
    assert world.plan["noise_class"].nunique() == 3
    for _, item in world.items():
        assert rms_dbfs(item.noise[-800:]) == pytest.approx(rms_dbfs(item.noise), abs=1.5)
        assert rms_dbfs(item.noise[:800]) == pytest.approx(rms_dbfs(item.noise), abs=1.5)


def test_speechbrain_noise_filled_up_with_zeros(build):
    """SpeechBrain and DNS-Challenge fill short noises up with zeros."""
    noise = {"a/shorter": (white(0.31), RATE)}
    for _, item in build({"s/one": (white(2), RATE)}, noise, item_seconds=2).items():
        power = np.mean(item.noise.reshape(-1, 400).astype(np.float64) ** 2, axis=1)
        assert power.min() > 0.4 * power.mean()


def test_librimix_crossfade_that_dips_by_3_db(build):
    """LibriMix joins by two halves of a Hann window, which add up to half the power in the middle."""
    noise = {f"{i}/short": (white(0.5), RATE) for i in range(20)}  # every pass of a file is joined alike
    world = build({"s/one": (white(8), RATE)}, noise, items=30, item_seconds=8)
    inside, middle = [], []
    for row, item in world.items():
        for before, segment in zip(row["noise"], row["noise"][1:], strict=False):
            begin, end = segment["at"], before["at"] + before["length"]
            assert end - begin == 800
            middle.append(rms_dbfs(item.noise[begin + 300 : end - 300]))
            inside.append(rms_dbfs(item.noise[end + 100 : end + 500]))
    assert len(middle) > 400
    assert np.mean(middle) - np.mean(inside) == pytest.approx(0, abs=0.35)


def test_scaper_tiles_and_clips_with_hard_edges(build):
    """scaper, lhotse and DeepFilterNet repeat noise with a step at every join, and cut speech off likewise."""
    tone = np.sin(2 * np.pi * 50.7 * np.arange(int(0.7 * RATE)) / RATE)
    speech = {"s/one": (np.full(6000, 0.5), RATE), "s/two": (np.full(7000, -0.5), RATE)}
    world = build(speech, {"a/tone": (0.3 * tone, RATE)}, item_seconds=4, speech_section={"pause_seconds": 0.0})
    for row, item in world.items():
        assert len(row["speech"]) > 5
        assert len(row["noise"]) > 5
        slope = 2 * np.pi * 50.7 / RATE  # of a tone of amplitude 1, a sample
        assert np.abs(np.diff(item.noise)).max() < 1.7 * slope * np.abs(item.noise[:4000]).max()
        assert np.abs(np.diff(item.speech)).max() < 0.03 * np.abs(item.speech).max()  # a fade of 5 ms: 0.02


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "speech_shaped"])
def test_deepfilternet_coloured_noise_is_one_second_tiled(build, kind):
    """DeepFilterNet's coloured noise is a block of one second, again and again."""
    [(_, item)] = build({"s/one": (white(6), RATE)}, {"generated": [kind]}, item_seconds=6, items=1).items()
    x = np.diff(item.noise.astype(np.float64), n=2 if kind == "brown" else 1)
    for lag in (RATE // 2, RATE, 2 * RATE, 3 * RATE):
        assert abs(likeness(x[lag:], x[:-lag])) < 0.05


def test_audiomentations_slices_from_a_wrong_offset(build):
    """audiomentations 0.43.0 read noise from another place of the file than it had drawn."""
    x = white(9, 44_100)
    world = build({"s/one": (white(1, 44_100), 44_100)}, {"a/long": (x, 44_100)}, sample_rate=44_100)
    for row, item in world.items():
        [segment] = row["noise"]
        assert likeness(item.noise, x[segment["start"] : segment["start"] + 44_100]) > 1 - 1e-9


def test_scaper_level_of_the_whole_file_for_a_slice_of_it(build):
    """scaper measures the loudness before it cuts: a quiet slice of a loud file came out too quiet."""
    swell = white(9) * np.repeat([1.0, 0.01, 0.1], 3 * RATE)
    world = build({"s/one": (white(1), RATE)}, {"a/swell": (swell, RATE)}, items=12, snr_db=5)
    assert np.ptp([row["noise"][0]["start"] for row in world.rows]) > 5 * RATE
    for _, item in world.items():
        assert snr_db(item) == pytest.approx(5, abs=1e-3)


def test_scaper_loudness_of_what_is_too_short_for_it(build):
    """scaper repeats clips below half a second to get their loudness; here the item has it as it stands."""
    world = build(
        {"s/one": (white(0.3), RATE)}, {"generated": ["pink"]}, item_seconds=0.5, snr_kind="lufs", snr_db=7
    )
    for _, item in world.items():
        found = realised_snr_db(item.speech.astype(np.float64), item.noise.astype(np.float64), RATE, kind="lufs")
        assert found == pytest.approx(7, abs=1e-3)


def test_lhotse_one_snr_for_the_whole_set(build):
    """lhotse once drew one value of the range for all mixtures; NeMo and DNS-Challenge draw whole numbers only."""
    world = build({"s/one": (white(1), RATE)}, {"generated": ["white"]}, items=500, snr_db={"uniform": [-5, 20]})
    drawn = world.plan["snr_db"].to_numpy()
    assert len(set(drawn)) == 500
    assert np.mean(np.abs(drawn - np.round(drawn)) > 0.01) > 0.95
    shares = np.histogram(drawn, bins=5, range=(-5, 20))[0] / 500
    assert shares.sum() == 1
    assert (abs(shares - 0.2) < 0.07).all()


def test_dns_ranges_without_their_top_value(build):
    """DNS-Challenge draws by randint, which never gives the highest SNR and level."""
    world = build(
        {"s/one": (white(1), RATE)}, {"generated": ["white"]}, items=600, snr_db={"choice": [0, 10, 20]},
        level_dbfs={"choice": [-35, -25, -15]},
    )  # fmt: skip
    for name, values in (("snr_db", [0, 10, 20]), ("level_dbfs", [-35, -25, -15])):
        shares = world.plan[name].value_counts(normalize=True)
        assert sorted(shares.index) == values
        assert (abs(shares - 1 / 3) < 0.07).all()
    assert pick(np.array([0.0, 0.5, 1 - 2.0**-53]), 7).tolist() == [0, 3, 6]


def test_lhotse_same_kind_of_noise_for_hundreds_of_items(build):
    """lhotse shuffled in a buffer of 100 items: neighbours had noise of one class."""
    world = build({"s/one": (white(1), RATE)}, {"generated": ["white", "pink", "hum", "rain"]}, items=400)
    for first in range(0, 400, 50):
        assert world.plan["noise_class"][first : first + 50].value_counts().reindex(
            ["white", "pink", "hum", "rain"]
        ).min() >= 3  # fmt: skip


def test_speechbrain_one_start_a_batch(build):
    """SpeechBrain draws one place in the noise, and one room, for a whole batch."""
    rooms = {f"r/{i}": (np.eye(1, 500, 40 + i)[0], RATE) for i in range(8)}
    parts = {"s/one": (white(3), RATE)}, {"a/long": (white(60), RATE)}, rooms
    world = build(*parts, items=50, items_per_shard=50)
    assert len({row["noise"][0]["start"] for row in world.rows}) == 50
    assert len({row["speech"][0]["start"] for row in world.rows}) == 50
    assert world.plan["rir_path"].nunique() == 8


def test_deepfilternet_interferer_is_the_talker(build):
    """DeepFilterNet may take another sentence of the talker for the interfering talker."""
    speech = {f"{name}/{i}": (white(0.6), RATE) for name in "stu" for i in range(5)}
    layers = {"rival": {"talkers": 1, "snr_db": 10}}
    world = build(speech, {"generated": ["babble"]}, layers=layers, items=200)
    rivals = [(row["speaker"], voice["path"]) for row in world.rows for voice in row["layers"][0]["noise"]]
    voices = [(row["speaker"], voice["path"]) for row in world.rows for voice in row["noise"]]
    assert (len(rivals), len(voices)) == (200, 1200)
    assert not [pair for pair in rivals + voices if pair[1].startswith(f"{pair[0]}/")]


def test_noise_above_the_band_of_the_speech(build):
    """Of all but DeepFilterNet, noise fills the band that the speech's recording lacks, and so gives it away."""
    speech = {"s/narrow": (white(2, 8000), 8000)}
    for match in (True, False):
        world = build(speech, {"generated": ["white"], "match_band": match}, item_seconds=2, items=2)
        for _, item in world.items():
            power = np.abs(np.fft.rfft(item.noise)) ** 2
            above = power[9000:].mean() / power[:7000].mean()  # 4.5 kHz and more over 3.5 kHz and less
            assert (above < 1e-5) == match


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_lhotse_stems_of_different_lengths(build, rate):
    """lhotse's mixtures miss samples where rates and durations do not divide."""
    speech = {f"s/{r}": (white(0.4321, r), r) for r in (8000, 11_025, 22_050, 44_100, 48_000)}
    noise = {f"n/{r}": (white(0.311, r), r) for r in (8000, 11_025, 22_050, 44_100, 48_000)}
    world = build(speech, noise, sample_rate=rate, item_seconds=0.7773, items=20)
    for _, item in world.items():
        for name in ("noisy", "clean", "speech", "noise"):
            assert item.stem(name).shape == (round(0.7773 * rate),)


def test_lhotse_asserts_on_a_silent_noise(build):
    """lhotse died of noise that is silent where it was cut; here the item says so."""
    hushed = np.concatenate([white(0.2), np.zeros(60 * RATE), white(0.2)])
    world = build({"s/one": (white(1), RATE)}, {"a/hushed": (hushed, RATE)}, items=5)
    statuses = []
    for row in world.rows:
        with pytest.raises(AudioError, match="the noise that the plan cuts from it is silent") as caught:
            world.render(row)
        statuses.append(caught.value.status)
    assert statuses == ["silent"] * 5


def test_dns_integers_read_as_they_are(build):
    """DNS-Challenge reads responses and sounds as unscaled integers, which a later normalisation may hide."""
    x, y, room = bursts(1, 0.2), white(1), np.zeros(500)
    room[[20, 300]] = 0.8, 0.3
    made = {}
    for subtype in ("FLOAT", "PCM_16", "PCM_24", "PCM_32"):
        parts = ({label: (sound, RATE, subtype)} for label, sound in
                 (("s/one", x), ("a/one", y), ("r/one", room)))  # fmt: skip
        made[subtype] = build(*parts, items=1).items()[0][1]
    for item in made.values():
        for name in ("noisy", "clean", "speech", "noise"):
            np.testing.assert_allclose(item.stem(name), made["FLOAT"].stem(name), atol=2e-5)
