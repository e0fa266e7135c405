"""The pages about metrics and models know all of them, and say of them what they say of themselves."""

import re
from pathlib import Path

import pytest

from percepkit.baselines.dnn.model_card import models_page
from percepkit.baselines.trained import DENOISERS as TRAINED
from percepkit.eval import metrics
from percepkit.eval.metrics._interface import STATUSES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
VALUES = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \|" + r" *(.*?) *\|" * 5 + "$", PAGE, re.MULTILINE)}


def test_every_metric_has_its_section_and_no_other() -> None:
    assert sorted(SECTIONS) == sorted(metrics.names())


@pytest.mark.parametrize("name", metrics.names())
def test_a_section_answers_the_five_questions(name: str) -> None:
    asked = re.findall(r"^- \*\*(.*?)\*\*", SECTIONS[name], re.MULTILINE)
    assert asked == ["Hears", "Misses", "Fools you", "Typical", "Use it"]


@pytest.mark.parametrize("name", metrics.names())
def test_values_agree_with_the_definition(name: str) -> None:
    spec = metrics.load(name).SPEC
    unit, better, *values = VALUES[name]
    assert (unit, better) == (spec.unit[name], spec.better)
    low, high = spec.range[name]
    assert all(low <= float(value) <= high for value in values if value)


def test_every_status_is_explained() -> None:
    table = PAGE.split("## When there is no number")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(STATUSES)


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.skipif(not TRAINED, reason="no network is shipped")
def test_the_page_about_models_is_what_their_cards_say() -> None:
    page = ROOT / "docs" / "models.md"
    assert page.is_file(), "write it with `make models`"
    assert page.read_text(encoding="utf-8") == models_page(TRAINED)
