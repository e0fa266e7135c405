"""Fixtures that many tests share."""

import importlib.util
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from percepkit.audio.files import write
from percepkit.engine import cluster
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.scan import scan
from percepkit.manifests.table import write_manifest
from percepkit.synth.recipe import Recipe

# Compiling numba functions takes seconds once; the same examples in every run keep a failure repeatable.
settings.register_profile("percepkit", deadline=None, derandomize=True)
settings.load_profile("percepkit")

# A shell starts background jobs deaf to Ctrl-C; the tests that send it want it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real speech, noise, rooms and reference values beside the checkout; not part of the project."""
    if not (SHARED / "corpus" / "SOURCES.md").is_file():
        pytest.skip("no ../shared/corpus beside the checkout: tests on real recordings are skipped")
    return SHARED


@pytest.fixture(scope="session")
def start_browser() -> Callable[[Path], Any]:
    """Starter of a browser with its profile in a folder; CI must have one."""
    driver = Path(__file__).parent / "eval" / "report" / "browser.py"
    spec = importlib.util.spec_from_file_location("report_browser", driver)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    binary = module.find_browser()
    if binary is None:
        reason = "no Chromium or Chrome on the PATH: the page is not tried in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return lambda profile: module.Browser(binary, profile)


@pytest.fixture(scope="session")
def voice() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Maker of vowel-like tones with known pitch: (sample_rate, seconds, f0_hz, glide) to signal and f0."""

    def make(
        sample_rate: int, seconds: float, f0_hz: float = 120.0, *, glide: float = 0.5
    ) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(int(seconds * sample_rate)) / sample_rate
        f0 = f0_hz * 2 ** (glide * np.sin(2 * np.pi * 0.7 * t))
        phase = 2 * np.pi * np.cumsum(f0) / sample_rate
        x = sum(np.sin(k * phase + k) / k * (k * f0 < 0.45 * sample_rate) for k in range(1, 40))
        return 0.1 * np.asarray(x), f0

    return make


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with speech.parquet, noise.parquet and rooms.parquet; their audio is in ``roots``."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    for name, rate, seconds in [
        ("street/long", 44_100, 9.0),
        ("street/short", 8000, 0.7),
        ("kitchen/mid", 16_000, 3.1),
    ]:
        path = folder / "noise" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, 0.1 * rng.standard_normal((int(rate * seconds), 2)), rate)
    (folder / "rooms").mkdir()
    for index, (onset, sign) in enumerate([(12.0, 1), (40.37, -1), (95.5, 1), (1000.25, -1)]):
        t = np.arange(6000)
        tail = rng.standard_normal(6000) * np.exp(-t / 900) * (t > onset + 30) * 0.01
        direct = (
            sign * np.sinc(t - onset) * np.where(np.abs(t - onset) < 40, np.cos(np.pi / 80 * (t - onset)) ** 2, 0)
        )
        write(folder / "rooms" / f"room{index}.wav", 0.7 * direct + tail, 16_000, subtype="FLOAT")
    with cluster.client(0) as client:
        for kind, root, pattern in [
            ("speech", demo_folder() / "speech", "{speaker}/*"),
            ("noise", folder / "noise", "{class}/*"),
            ("rir", folder / "rooms", None),
        ]:
            name = "rooms" if kind == "rir" else kind
            table = scan(root, kind=kind, root_name=name, pattern=pattern, client=client)
            write_manifest(table, folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="session")
def roots(world: Path) -> dict[str, Path]:
    return {"speech": demo_folder() / "speech", "noise": world / "noise", "rooms": world / "rooms"}


@pytest.fixture(scope="session")
def make_recipe() -> Callable[..., Recipe]:
    """Maker of recipes: a small default with keys replaced, None drops a key."""

    def make(**changes: object) -> Recipe:
        content: dict[str, object] = {
            "name": "test", "seed": 3, "items": 12, "item_seconds": 2, "sample_rate": 16_000, "items_per_shard": 5,
            "speech": {"manifest": "speech.parquet"},
            "noise": {"manifest": "noise.parquet", "generated": ["pink", "babble", "keyboard"]},
            "rooms": {"manifest": "rooms.parquet", "share": 0.5},
            "snr_db": {"uniform": [-5, 20]},
        }  # fmt: skip
        content |= changes
        return Recipe.model_validate({key: value for key, value in content.items() if value is not None})

    return make
