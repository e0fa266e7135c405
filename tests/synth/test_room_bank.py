"""The YAML file of a bank: what it may say, and what it may not."""

import pytest
import yaml
from pydantic import ValidationError

from percepkit.synth.room_bank import RoomBank, load_bank
from percepkit.synth.yaml_model import yaml_text

NEEDED = {"rooms": 3, "sample_rate": 16000, "seed": 5, "rt60_seconds": {"uniform": [0.15, 0.3]}}
MATERIALS = {"walls": ["brickwork"], "floor": ["carpet_thin"], "ceiling": ["plasterboard"]}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"reverb": 1}, "unknown key `reverb`; known: format_version, rooms"),
        ({"rooms": 0}, "`rooms`: .*greater than or equal to 1"),
        (
            {"rt60_seconds": {"uniform": [0.1, 2]}},
            "rt60_seconds: expected values from 0.1 to 1, found 0.1 to 2; longer ones need method: hybrid",
        ),
        ({"rt60_seconds": 4, "method": "hybrid"}, "expected values from 0.1 to 3, found 4 to 4$"),
        ({"rt60_seconds": {"normal": [0.4, 0.1]}}, "found -inf to inf"),
        ({"rt60_seconds": "long"}, "`rt60_seconds`: expected a plain number"),
        ({"rt60_seconds": None}, "rt60_seconds: needed where no materials are given"),
        ({"length_m": 1}, "length_m: expected values from 1.2 to 30"),
        ({"distance_m": 4}, "distance_m: 4 m and more does not fit"),
        ({"method": "rays"}, "`method`: Input should be 'image' or 'hybrid'"),
        ({"shape": "polygon"}, "shape: polygon needs method: hybrid"),
        ({"materials": MATERIALS}, "materials: need method: hybrid"),
        ({"materials": MATERIALS | {"walls": []}}, "`materials.walls`: .*at least 1 item"),
        (
            {"materials": MATERIALS | {"roof": ["wood"]}},
            "unknown key `materials.roof`; known: walls, floor, ceiling",
        ),
        (
            {"materials": MATERIALS | {"floor": ["lawn", "carpet_thin"]}},
            "`materials.floor`: unknown material lawn; known: .*brickwork, .*carpet_thin,",
        ),
    ],
)
def test_faulty_banks_name_the_file_and_the_key(tmp_path, changes, message):
    path = tmp_path / "bank.yaml"
    path.write_text(yaml.safe_dump(NEEDED | changes))
    with pytest.raises(ValueError, match=message) as caught:
        load_bank(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text, message", [("[1, 2]", "found list"), ("a: [", "not a YAML file")])
def test_files_that_are_no_bank(tmp_path, text, message):
    path = tmp_path / "bank.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_bank(path)
    with pytest.raises(ValueError, match="no such room bank"):
        load_bank(tmp_path / "other.yaml")


@pytest.mark.parametrize(
    "changes",
    [{"distance_m": 1.5}, {"method": "hybrid", "shape": "polygon", "materials": MATERIALS, "rt60_seconds": None}],
)
def test_a_bank_is_saved_as_it_was_read(tmp_path, changes):
    path, bank = tmp_path / "bank.yaml", RoomBank.model_validate(NEEDED | changes)
    path.write_text(yaml_text(bank))
    assert load_bank(path) == bank


def test_a_bank_needs_a_seed():
    with pytest.raises(ValidationError, match="seed"):
        RoomBank.model_validate({key: NEEDED[key] for key in NEEDED if key != "seed"})
