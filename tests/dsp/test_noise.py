"""What every generated noise keeps, whatever its kind; and babble."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.dsp.coloured import white
from percepkit.dsp.draws import key_of
from percepkit.dsp.noise import KINDS, PARAMETERS, _looped, babble, draw_parameters, generate

RATE = 16_000
GAUSSIAN = ("white", "pink", "brown", "speech_shaped")


def noise(kind: str, n_samples: int, *seed: int) -> np.ndarray:
    return generate(kind, n_samples, RATE, key_of("test", *seed), {})


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@given(
    kind=st.sampled_from(sorted(KINDS)),
    n_samples=st.one_of(st.integers(1, 10), st.integers(1, 30_000)),
    sample_rate=st.sampled_from([8_000, 11_025, 16_000, 44_100, 96_000]),
    key=st.integers(0, 2**128 - 1),
)
@settings(max_examples=120, deadline=None)
def test_every_request_gives_finite_noise_of_unit_rms(kind, n_samples, sample_rate, key):
    x = generate(kind, n_samples, sample_rate, key, {})
    assert x.shape == (n_samples,)
    assert x.dtype == np.float64
    assert np.isfinite(x).all()
    assert np.mean(x**2) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("end", ["low", "high"])
def test_ends_of_every_parameter_work_at_the_lowest_rate(kind, end):
    values = {name: getattr(parameter, end) for name, parameter in PARAMETERS[kind].items()}
    x = generate(kind, 8_000, 8_000, 3, values)
    assert np.mean(x**2) == pytest.approx(1)


def test_mean_is_near_zero(kind):
    assert abs(np.mean([noise(kind, 5 * RATE, i).mean() for i in range(5)])) < 0.01


def test_same_key_same_noise_and_another_key_another(kind):
    x, again, other = noise(kind, RATE, 1), noise(kind, RATE, 1), noise(kind, RATE, 2)
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)
    # Two hums of one frequency correlate by their phases: only the mean over many pairs is 0.
    correlations = [np.mean(noise(kind, RATE, i) * noise(kind, RATE, i + 50)) for i in range(20)]
    assert abs(np.mean(correlations)) < 0.3
    assert np.max(np.abs(correlations)) < 0.99


@pytest.mark.parametrize("kind", [*GAUSSIAN, "fan", "car", "rain", "keyboard"])
def test_broadband_noises_of_two_keys_do_not_correlate(kind):
    x, other = (np.diff(noise(kind, 10 * RATE, i)) for i in range(2))  # diff: away from slow, few-cycle parts
    assert abs(np.corrcoef(x, other)[0, 1]) < 0.03


@pytest.mark.parametrize("kind", [*GAUSSIAN, "fan", "car", "rain", "keyboard"])
def test_nothing_repeats(kind):
    x = np.diff(noise(kind, 20 * RATE, 7), n=2 if kind == "brown" else 1)
    power = np.abs(np.fft.rfft(x, 2 * x.size)) ** 2
    correlation = np.fft.irfft(power)[: x.size]
    later = np.abs(correlation[RATE // 2 : 15 * RATE]) / correlation[0]
    assert later.max() < 0.03


@pytest.mark.parametrize("kind", ["pink", "brown", "speech_shaped"])
def test_end_does_not_join_the_start(kind):
    ends = np.array([x[[0, -1]] for x in (noise(kind, 4_000, i) for i in range(150))])
    assert abs(np.corrcoef(ends.T)[0, 1]) < 0.3  # a circular brown noise has 0.99


@pytest.mark.parametrize("kind", GAUSSIAN)
def test_gaussian_noises_have_no_steps_and_no_special_blocks(kind):
    x = noise(kind, 20 * RATE, 4)
    step = np.diff(x)
    assert np.abs(step).max() < 6 * step.std()
    blocks = np.std(step[: step.size // 100 * 100].reshape(100, -1), axis=1)
    assert blocks.max() < 1.15 * blocks.min()


@pytest.mark.parametrize("kind", ["hum", "siren"])
def test_tones_run_on_without_a_step(kind):
    x = generate(kind, 960_000, 96_000, 4, {})
    bend = np.abs(np.diff(x, n=3))
    blocks = bend[: bend.size // 40 * 40].reshape(40, -1).max(axis=1)
    spread = 1.3 if kind == "hum" else 20  # a siren bends less where it is low
    assert blocks.max() < spread * blocks.min()
    assert bend.max() < 12 * np.sqrt(np.mean(bend**2))


def test_start_and_end_are_as_loud_as_the_middle(kind):
    parts = np.array([np.mean(noise(kind, 4 * RATE, i).reshape(4, -1) ** 2, axis=1) for i in range(40)])
    assert parts.mean(axis=0) == pytest.approx(np.ones(4), abs=0.1)
    edge = np.array([np.mean(noise(kind, 2 * RATE, i).reshape(40, -1) ** 2, axis=1) for i in range(40)])
    for moment in (edge[:, 0], edge[:, -1]):
        assert 0.75 < moment.mean() < 1.3


def test_ten_seconds_at_48_khz_take_less_than_0_15_s(kind):
    spent = []
    for i in range(4):
        start = time.process_time()
        generate(kind, 480_000, 48_000, i, {})
        spent.append(time.process_time() - start)
    assert min(spent) < 0.15


def test_parameters_come_from_the_key_or_override_it():
    key = key_of("siren")
    drawn = draw_parameters("siren", key)
    assert np.array_equal(generate("siren", 999, RATE, key, drawn), generate("siren", 999, RATE, key, {}))
    drawn["low_hz"] = 500.0
    assert np.array_equal(
        generate("siren", 999, RATE, key, drawn), generate("siren", 999, RATE, key, {"low_hz": 500.0})
    )


def test_drawn_parameters_fill_their_ranges(kind):
    drawn = [draw_parameters(kind, key) for key in range(200)]
    for name, parameter in PARAMETERS[kind].items():
        values = np.array([row[name] for row in drawn])
        assert parameter.low <= values.min()
        assert values.max() <= parameter.high
        if parameter.ends_only:
            assert 60 < np.sum(values == parameter.low) < 140
            assert set(values) == {parameter.low, parameter.high}
        else:
            share = (values - parameter.low) / (parameter.high - parameter.low)
            assert share.min() < 0.05
            assert share.max() > 0.95


def test_every_kind_lists_its_parameters():
    assert list(PARAMETERS) == list(KINDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("thunder", 10, RATE, 1, {}), "unknown generated noise 'thunder': use one of white, pink"),
        (("hum", 10, RATE, 1, {"rate_hz": 3}), "its parameters: frequency_hz, decay_db"),
        (("white", 10, RATE, 1, {"rate_hz": 3}), "its parameters: none"),
        (("hum", 10, RATE, 1, {"frequency_hz": 55}), "frequency_hz is 50 or 60, not 55"),
        (("rain", 10, RATE, 1, {"rate_hz": 1e4}), "rate_hz lies between 5 and 80"),
        (("rain", 10, RATE, 1, {"rate_hz": float("nan")}), "rate_hz lies between 5 and 80, not nan"),
        (("pink", 0, RATE, 1, {}), "at least 1 sample, not 0"),
        (("siren", 10, 4_000, 1, {}), "8000 to 96000 Hz, not 4000"),
    ],
)
def test_bad_requests_say_what_is_valid(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate(*arguments)


# Babble


def test_babble_brings_all_voices_to_one_level():
    t = np.arange(2 * RATE) / RATE
    voices = [a * np.sin(2 * np.pi * f * t) for a, f in ((1, 300), (0.01, 700), (40, 1_500))]
    x = babble(voices, 4 * RATE, RATE, 1)
    power = np.abs(np.fft.rfft(x * np.hanning(x.size))) ** 2
    lines = [power[4 * f - 40 : 4 * f + 41].sum() for f in (300, 700, 1_500)]
    assert 10 * np.log10(np.array(lines) / np.mean(lines)) == pytest.approx(np.zeros(3), abs=0.3)


def test_a_repeating_voice_has_no_seam():
    voice = np.sin(2 * np.pi * 123.4 * np.arange(5_001) / RATE)  # its end is out of step with its start
    x = babble([voice], 10 * RATE, RATE, 2)
    slope = 2 * np.pi * 123.4 / RATE
    assert np.abs(np.diff(x)).max() < 2.0 * slope
    period = 5_001 - round(0.05 * RATE)
    assert x[:period] == pytest.approx(x[period : 2 * period])


def test_the_crossfade_keeps_the_power():
    fade = 500
    turns = np.array([_looped(white(4_000, RATE, i), 3_500, 0, fade) for i in range(400)])
    power = np.mean(turns**2, axis=0)[:fade].reshape(10, -1).mean(axis=1)
    assert power == pytest.approx(np.ones(10), abs=0.05)  # a straight crossfade falls to 0.5


def test_babble_starts_are_drawn():
    voices = [white(30_000, RATE, i) for i in range(3)]
    first, again, other = (babble(voices, 20_000, RATE, key) for key in (1, 1, 2))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.05


@pytest.mark.parametrize("n_samples", [1, 2, 77])
@pytest.mark.parametrize("length", [1, 2, 3, 5_000])
def test_babble_of_any_length(length, n_samples):
    x = babble([np.ones(length), np.ones(7)], n_samples, RATE, 4)
    assert x.shape == (n_samples,)
    assert np.mean(x**2) == pytest.approx(1)


@pytest.mark.parametrize("voice", [np.zeros(9), np.zeros(0), np.full(9, np.nan), np.ones((9, 2))])
def test_babble_refuses_voices_it_cannot_level(voice):
    with pytest.raises(ValueError, match="voice 1 of the babble"):
        babble([np.ones(9), voice], 100, RATE, 1)


def test_babble_needs_voices():
    with pytest.raises(ValueError, match="at least one voice"):
        babble([], 100, RATE, 1)
