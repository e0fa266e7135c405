"""What the README shows works as shown."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from percepkit.synth.recipe import Recipe
from percepkit.synth.room_bank import RoomBank

README = Path(__file__).resolve().parents[1] / "README.md"


def block(language: str, index: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)[index]


def test_the_python_example_runs_and_the_ladder_shows(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    pesq = {name: float(values[1]) for name, values in rows.items()}
    assert pesq["noisy"] < pesq["wiener"] < pesq["oracle"]
    assert (tmp_path / "oracle.wav").is_file()


def test_the_example_is_short():
    assert len(block("python").splitlines()) <= 24


def test_the_recipe_and_the_bank_are_valid():
    recipe = yaml.safe_load(block("yaml"))
    assert Recipe.model_validate(recipe).items == 4500
    rich = Recipe.model_validate(recipe | yaml.safe_load(block("yaml", 1)))
    assert list(rich.layers) == ["rival", "knocks"]
    picky = Recipe.model_validate(recipe | yaml.safe_load(block("yaml", 2)))
    assert "quality" in picky.speech.keep.limits
    assert Recipe.model_validate(yaml.safe_load(block("yaml", 3))).stems == ("noisy", "clean", "noise")
    assert Recipe.model_validate(yaml.safe_load(block("yaml", 4))).rate_of("noisy") == 16_000
    assert RoomBank.model_validate(yaml.safe_load(block("yaml", 5))).rooms == 500


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
