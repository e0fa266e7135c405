from pathlib import Path

import pytest

import percepkit.synth.degradations as package
from percepkit.synth.degradations.registry import load, names


def test_every_file_is_registered_by_its_presence() -> None:
    folder = Path(package.__path__[0])
    files = {path.stem for path in folder.glob("[!_]*.py")} - {"registry"}
    assert set(names()) == files
    assert list(names()) == sorted(names())
    assert all(load(name).name == name for name in names())


@pytest.mark.parametrize("name", ["reverb", "registry", "_interface", ""])
def test_unknown_names_list_the_valid_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown degradation '{name}'; valid ones: .*band_limit.*wind"):
        load(name)
