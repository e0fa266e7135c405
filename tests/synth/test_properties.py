"""What holds for every corpus: sums, SNRs, aligned targets, and draws that depend on nothing but their key."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.convolver import Convolver
from percepkit.dsp.draws import key_of, normal_samples
from percepkit.dsp.noise import KINDS, generate
from percepkit.dsp.rir import dry_response, early_response, onset
from percepkit.dsp.rir_augment import direct_response, shape_decay
from percepkit.dsp.snr import noise_gain, realised_snr_db
from percepkit.synth.plan import draw_plan, plan_chunks
from percepkit.synth.render import Renderer
from percepkit.synth.sources import load_sources

RATE = 16_000
TARGETS = {"dry": dry_response, "direct": direct_response, "early": early_response, "decay": shape_decay}
LAYERS = {
    "music": {"generated": ["siren", "hum"], "snr_db": {"uniform": [0, 15]}, "share": 0.7},
    "rival": {"talkers": 1, "snr_db": {"uniform": [0, 10]}, "share": 0.6},
    "knocks": {"manifest": "noise.parquet", "events": {"choice": [0, 1, 3]}, "snr_db": 5},
}
DEGRADATIONS = [
    {"kind": "equaliser", "to": "speech", "share": 0.5, "target": True,
     "parameters": {"kind": "peak", "frequency_hz": 1000, "gain_db": {"uniform": [-9, 9]}}},
    {"kind": "gaps", "to": "noise", "share": 0.5, "parameters": {"share": {"uniform": [0, 0.1]}}},
    {"kind": "packet_loss", "to": "mixture", "share": 0.3, "target": True, "parameters": {"loss_rate": 0.1}},
]  # fmt: skip


class Made:
    """Recipes of the shared world with their sources and renderers, each made once."""

    def __init__(self, world, roots, make_recipe):
        self.world, self.roots, self.make_recipe = world, roots, make_recipe
        self.kept = {}

    def __call__(self, **changes):
        key = repr(changes)
        if key not in self.kept:
            recipe = self.make_recipe(**changes)
            self.kept[key] = recipe, load_sources(recipe, self.world), Renderer(recipe, self.roots)
        return self.kept[key]


@pytest.fixture(scope="module")
def made(world, roots, make_recipe):
    return Made(world, roots, make_recipe)


@settings(max_examples=20)
@given(
    item=st.integers(0, 10**6), layers=st.booleans(), degradations=st.booleans(), rooms=st.booleans(),
    level=st.sampled_from([-45, -20, -3]),
)  # fmt: skip
def test_the_mix_is_linear(made, item, layers, degradations, rooms, level):
    """Noisy is speech + noise to the rounding of float32, and a level is one factor of all stems."""
    changes = {"layers": LAYERS} if layers else {}
    changes |= {"degradations": DEGRADATIONS} if degradations else {}
    changes |= {} if rooms else {"rooms": None}
    stems = []
    for dbfs in (level, -60):
        recipe, sources, render = made(level_dbfs=dbfs, item_seconds=1, **changes)
        rendered = render(draw_plan(recipe, sources, first=item, count=1).to_dict("records")[0])
        stems.append([rendered.stem(name).astype(np.float64) for name in ("noisy", "clean", "speech", "noise")])
        noisy, _, speech, noise = stems[-1]
        peak = max(np.abs(x).max() for x in stems[-1])
        assert peak <= recipe.peak_limit * (1 + 1e-5)
        assert np.abs(noisy - speech - noise).max() <= 4 * np.finfo(np.float32).eps * peak
    loud, quiet = np.concatenate(stems[0]), np.concatenate(stems[1])
    factor = (loud @ quiet) / (quiet @ quiet)
    assert np.abs(loud - factor * quiet).max() <= 3e-6 * np.abs(loud).max()


sounds = st.tuples(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 2**64),
    st.floats(-60, 20),
    st.sampled_from(["", "gated", "swell"]),
)


def source(kind, key, gain_db, course, n):
    x = 10 ** (gain_db / 20) * generate(kind, n, RATE, key, {})
    t = np.arange(n) / RATE
    if course == "gated":
        return x * (t % 0.9 < 0.6)
    return x * 10 ** (-2 * np.abs(np.sin(2 * t))) if course == "swell" else x


@settings(max_examples=60)
@given(
    speech=sounds, noise=sounds, snr_db=st.floats(-9, 34), seconds=st.floats(0.5, 2),
    kind=st.sampled_from(["rms", "active", "simultaneous", "segmental", "lufs"]),
)  # fmt: skip
def test_the_snr_asked_for_is_realised(speech, noise, snr_db, seconds, kind):
    n = int(seconds * RATE)
    x, y = source(*speech, n).astype(np.float32), source(*noise, n).astype(np.float32)
    try:
        gain = noise_gain(x, y, snr_db, RATE, kind=kind)
    except ValueError:  # only segments that are too different, or rare events, have none
        if kind in ("segmental", "simultaneous", "lufs"):
            return
        raise
    mixed = np.float32(gain) * y
    assert realised_snr_db(x, mixed, RATE, kind=kind) == pytest.approx(snr_db, abs=1e-3)
    if kind == "rms":  # by the definition, independent of all code
        energies = [float(np.sum(z.astype(np.float64) ** 2)) for z in (x, mixed)]
        assert 10 * np.log10(energies[0] / energies[1]) == pytest.approx(snr_db, abs=1e-3)


@settings(max_examples=60)
@given(
    rate=st.sampled_from([8000, 16_000, 44_100]), delay=st.floats(0, 4000), sign=st.sampled_from([-1, 1]),
    n=st.integers(1, 9000), tail=st.floats(0, 0.08), seed=st.integers(0, 999),
    name=st.sampled_from(sorted(TARGETS)),
)  # fmt: skip
def test_every_target_is_aligned_with_its_reverberant_speech(rate, delay, sign, n, tail, seed, name):
    """The strongest likeness of target and speech is at lag 0 and positive: for any onset, polarity and length."""
    n = int(delay) + 2 + n
    grid = np.arange(n)
    direct = sign * np.sinc(grid - delay) * np.exp(-0.5 * ((grid - delay) / 12) ** 2)
    late = (grid > delay + 0.004 * rate) * np.exp(-(grid - delay) / (0.08 * rate))
    h = direct + tail * late * normal_samples(key_of("tail", seed), n)
    x = normal_samples(key_of("speech", seed), 6000).astype(np.float32)
    x[4000:] = 0
    padded = np.concatenate([x, np.zeros(len(h), np.float32)])
    heard, target = Convolver([h, TARGETS[name](h, rate)], len(padded))(padded)
    n_fft = 2 * len(padded)
    lags = np.fft.irfft(np.fft.rfft(heard, n_fft) * np.fft.rfft(target, n_fft).conj(), n_fft)
    assert np.argmax(np.abs(lags)) == 0
    assert lags[0] > 0
    # And with the dry speech at the delay of the direct path, to the nearest sample.
    dry = np.fft.irfft(np.fft.rfft(target, n_fft) * np.fft.rfft(padded, n_fft).conj(), n_fft)
    assert abs(int(np.argmax(np.abs(dry))) - delay) <= 1
    assert np.sign(dry[np.argmax(np.abs(dry))]) == sign
    assert onset(h) <= delay + 1


RICH = {"items": 60, "item_seconds": 1, "layers": LAYERS, "degradations": DEGRADATIONS}


@settings(max_examples=8)
@given(per_shard=st.integers(1, 70), cuts=st.lists(st.integers(0, 59), max_size=3), seed=st.integers(0, 1))
def test_draws_do_not_depend_on_the_sharding(made, per_shard, cuts, seed):
    recipe, sources, _ = made(**RICH, seed=seed)
    whole = draw_plan(recipe, sources)
    other = recipe.model_copy(update={"items_per_shard": per_shard})
    edges = [0, *sorted(cuts), 60]
    parts = [draw_plan(other, sources, first=a, count=b - a) for a, b in pairwise(edges) if b > a]
    again = pd.concat(parts, ignore_index=True)
    assert again["shard"].tolist() == [item // per_shard for item in range(60)]
    pd.testing.assert_frame_equal(again.drop(columns="shard"), whole.drop(columns="shard"))
    [chunk] = plan_chunks(recipe, sources)
    pd.testing.assert_frame_equal(chunk, whole)


@settings(max_examples=6)
@given(order=st.lists(st.integers(0, 59), min_size=2, max_size=5, unique=True))
def test_items_do_not_depend_on_the_order_they_are_rendered_in(made, order):
    recipe, sources, render = made(**RICH)
    rows = draw_plan(recipe, sources).to_dict("records")
    fresh = {item: Renderer(recipe, made.roots)(rows[item]) for item in sorted(order)}
    for item in order:
        rendered = render(rows[item])
        for name in ("noisy", "clean", "speech", "noise"):
            np.testing.assert_array_equal(rendered.stem(name), fresh[item].stem(name))
        assert str(rendered.measured) == str(fresh[item].measured)


STAGES = {
    "rooms": {"manifest": "rooms.parquet", "share": 0.5, "noise_share": 0.5, "drr_db": {"uniform": [0, 10]}},
    "layers": LAYERS,
    "degradations": DEGRADATIONS,
    "snr_kind": "active",
    "level_dbfs": {"uniform": [-40, -20]},
    "snr_db": {"choice": [0, 5]},
    "targets": ["vad"],
    "container": "tar",
}
OWN = {
    "rooms": {"room", "rir_root", "rir_path", "rir_channel", "rir_key", "rt60", "drr", "c50", "noise_rir_path",
              "noise_rir_channel", "asked_rt60_seconds", "asked_drr_db", "asked_early_gain"},
    "layers": {"layers"}, "degradations": {"degradations"}, "snr_kind": {"snr_kind"}, "level_dbfs": {"level_dbfs"},
    "snr_db": {"snr_db"}, "targets": set(), "container": set(),
}  # fmt: skip


@settings(max_examples=12)
@given(before=st.sets(st.sampled_from(sorted(STAGES))), added=st.sampled_from(sorted(STAGES)))
def test_a_new_stage_changes_no_other_draw(made, before, added):
    base = {"rooms": None, "items": 40}
    old = base | {name: STAGES[name] for name in sorted(before - {added})}
    new = old | {added: STAGES[added]}
    first, second = (draw_plan(*made(**changes)[:2]) for changes in (old, new))
    same = [name for name in first if name not in OWN[added]]
    pd.testing.assert_frame_equal(first[same], second[same])
    changed = OWN[added] & set(first)
    assert not changed or not first[sorted(changed)].equals(second[sorted(changed)])


@settings(max_examples=5)
@given(count=st.integers(1, 3), kinds=st.permutations(["dc_offset", "quantisation", "gaps"]))
def test_more_layers_and_degradations_leave_the_first_ones_alone(made, count, kinds):
    names = list(LAYERS)
    bits = {"quantisation": {"bits": {"choice": [8, 12]}}}
    steps = [{"kind": kind, "to": "noise", "share": 0.5, "parameters": bits.get(kind, {})} for kind in kinds]
    few, many = (
        draw_plan(
            *made(items=30, rooms=None, layers={n: LAYERS[n] for n in names[:k]}, degradations=steps[:k])[:2]
        )
        for k in (count, 3)
    )
    for less, more in zip(few.to_dict("records"), many.to_dict("records"), strict=True):
        assert [layer for layer in more["layers"] if layer["name"] in names[:count]] == less["layers"]
        assert more["degradations"].startswith(less["degradations"].rstrip("]"))
