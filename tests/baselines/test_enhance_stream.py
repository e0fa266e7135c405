"""Raw PCM through denoisers: aligned, as long as it was, in any blocks and channels."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percepkit.baselines.denoiser import Spec
from percepkit.baselines.enhance_stream import ENCODINGS, enhance_pcm, require_causal
from percepkit.baselines.registry import load
from percepkit.dsp.draws import normal_samples

NOISY = 0.1 * normal_samples(1, 4_000)


class Pipe(io.BytesIO):
    """Gives at most so many bytes at once, as pipes do."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self._sizes, self._turn = sizes, 0

    def read1(self, size: int = -1, /) -> bytes:
        self._turn += 1
        return super().read(min(size, self._sizes[self._turn % len(self._sizes)]))


@settings(max_examples=20)
@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=5),
    name=st.sampled_from(["wiener", "highpass", "wiener-comb"]),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    channels=st.integers(1, 3),
)
def test_equals_the_whole_signal(sizes, name, encoding, channels):
    dtype = ENCODINGS[encoding]
    scale = 1.0 if dtype.kind == "f" else -float(np.iinfo(dtype).min)
    given_samples = (NOISY[: 1_000 * channels].reshape(-1, channels) * scale).astype(dtype)
    out = io.BytesIO()
    pipe = Pipe(given_samples.tobytes(), sizes)
    n_clipped = enhance_pcm(pipe, out, load(name), encoding=encoding, sample_rate=8_000, channels=channels)
    found = np.frombuffer(out.getvalue(), dtype).reshape(-1, channels) / scale
    whole = [load(name)(channel / scale, 8_000) for channel in given_samples.T.astype(np.float64)]
    assert n_clipped == 0
    assert found.shape == given_samples.shape
    assert np.abs(found - np.stack(whole, axis=1)).max() <= (1e-6 if dtype.itemsize == 4 else 0.51 / scale)


def test_empty_input_gives_empty_output():
    out = io.BytesIO()
    assert enhance_pcm(io.BytesIO(), out, load("wiener"), encoding="s16le", sample_rate=16_000) == 0
    assert out.getvalue() == b""


class Louder:
    """Causal, without latency, and too loud."""

    spec = Spec(name="louder", summary="Twice.", causal=True)

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        return 2 * noisy

    def latency_samples(self, sample_rate: int) -> int:
        return 0

    def stream(self, sample_rate: int) -> "Louder":
        return self

    def process(self, block: np.ndarray) -> np.ndarray:
        return 2 * block

    def flush(self) -> np.ndarray:
        return np.zeros(0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_exceeds_full_scale_is_counted_and_clipped(encoding):
    dtype = ENCODINGS[encoding]
    scale = 1.0 if dtype.kind == "f" else -float(np.iinfo(dtype).min)
    samples = (np.array([0.1, 0.75, -0.75]) * scale).astype(dtype)
    out = io.BytesIO()
    assert enhance_pcm(io.BytesIO(samples.tobytes()), out, Louder(), encoding=encoding, sample_rate=8_000) == 2
    found = np.frombuffer(out.getvalue(), dtype) / scale
    assert found == pytest.approx([0.2, 1.5, -1.5] if dtype.kind == "f" else [0.2, 1.0, -1.0], abs=1e-4)


def test_each_block_is_told():
    told = []
    data = (NOISY[:1_000] * 2**15).astype("<i2").tobytes()
    enhance_pcm(
        Pipe(data, [300]),
        io.BytesIO(),
        load("highpass"),
        encoding="s16le",
        sample_rate=16_000,
        on_block=lambda noisy, enhanced, rate, work: told.append((noisy.shape, enhanced.shape, rate, work > 0)),
    )
    assert told == [((150, 1), (150, 1), 16_000, True)] * 6 + [((100, 1), (100, 1), 16_000, True)]


def test_input_that_ends_within_a_sample_is_refused_after_the_rest_was_written():
    out = io.BytesIO()
    with pytest.raises(ValueError, match=r"ends 1 bytes into a sample of 4 bytes \(2 x s16le\); check"):
        enhance_pcm(io.BytesIO(bytes(41)), out, load("highpass"), encoding="s16le", sample_rate=16_000, channels=2)
    assert len(out.getvalue()) == 40


class Whole:
    spec = Spec(name="whole", summary="Not a stream.")

    def __call__(self, noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        return noisy.copy()

    def latency_samples(self, sample_rate: int) -> int:
        return 0


def test_denoisers_that_cannot_stream_are_refused():
    with pytest.raises(
        ValueError, match=r"whole works on whole recordings and not on a stream; .*wiener"
    ) as caught:
        require_causal(Whole(), 16_000)
    assert "oracle" not in str(caught.value)
    narrow = Louder()
    narrow.spec = Spec(name="narrow", summary="At 48 kHz.", causal=True, native_sample_rates=(48_000,))
    with pytest.raises(ValueError, match="narrow streams at 48000 Hz, found 16000; resample"):
        require_causal(narrow, 16_000)


def test_unknown_formats_and_no_channels_are_refused():
    with pytest.raises(ValueError, match="no sample format is called 'u8'; choose from s16le"):
        enhance_pcm(io.BytesIO(), io.BytesIO(), load("wiener"), encoding="u8", sample_rate=16_000)
    with pytest.raises(ValueError, match="at least 1 channel, found 0"):
        enhance_pcm(io.BytesIO(), io.BytesIO(), load("wiener"), encoding="s16le", sample_rate=16_000, channels=0)
