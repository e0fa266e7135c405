"""States of denoisers: every edit that a score may depend on gives another fingerprint, and no other edit does."""

import sys

import pytest

from percepkit.baselines import registry
from percepkit.baselines.dnn.runtime import WholeNetworkDenoiser
from percepkit.baselines.fingerprint import fingerprint_of, sources_of


@pytest.fixture
def guest(tmp_path, monkeypatch):
    """A package of somebody's that imports a module of its own, one beside it, and an installed one."""
    package = tmp_path / "some_guest"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(
        "import json\nimport numpy as np\nfrom . import part\n\n\n"
        "def run(noisy, sample_rate):\n    import beside_guest\n    return noisy\n"
    )
    (package / "part.py").write_text("GAIN = 1\n")
    (package / "other.py").write_text("GAIN = 1\n")
    (tmp_path / "beside_guest.py").write_text("GAIN = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("some_guest", "beside_guest"))]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "edited, other", [("some_guest/net.py", True), ("some_guest/part.py", True), ("beside_guest.py", True),
                      ("some_guest/other.py", False)]
)  # fmt: skip
def test_the_code_of_guests_counts_as_far_as_it_is_imported(guest, edited, other):
    before = fingerprint_of("some_guest.net:run")
    (guest / edited).write_text((guest / edited).read_text() + "# edited\n")
    assert (fingerprint_of("some_guest.net:run") != before) == other


def test_installed_packages_are_not_followed(guest):
    names = {path.relative_to(guest).as_posix() for path in sources_of("some_guest.net")}
    assert names == {"some_guest/__init__.py", "some_guest/net.py", "some_guest/part.py", "beside_guest.py"}


def test_nor_are_those_of_other_folders_of_packages(guest, monkeypatch):
    folder = guest / "target"  # as `pip install --target` and distributions fill them
    for made in (folder / "installed_guest", folder / "installed_guest-1.0.dist-info"):
        made.mkdir(parents=True)
    (folder / "installed_guest" / "__init__.py").write_text("")
    (folder / "single_guest.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    with (guest / "beside_guest.py").open("a") as file:
        file.write("import installed_guest\nimport single_guest\n")
    assert not [path for path in sources_of("some_guest.net") if path.is_relative_to(folder)]
    assert len(sources_of("installed_guest")) == 1


@pytest.mark.parametrize(
    "name, module",
    [("wiener", "baselines/wiener.py"), ("wiener", "baselines/suppression.py"), ("wiener", "dsp/stft.py"),
     ("omlsa+mcra", "baselines/omlsa.py"), ("omlsa+mcra", "estimators/mcra.py"), ("clean", "baselines/anchors.py"),
     ("peer-rnnoise", "peers/rnnoise.py")],
)  # fmt: skip
def test_shipped_denoisers_depend_on_what_they_import(name, module):
    assert any(path.as_posix().endswith(module) for path in sources_of(registry.module_of(name)))


def test_shipped_denoisers_do_not_depend_on_each_other():
    assert not [path for path in sources_of(registry.module_of("wiener")) if path.name == "omlsa.py"]


def test_a_network_is_told_by_its_files(tmp_path):
    network = object.__new__(WholeNetworkDenoiser)
    network.path = tmp_path / "a.onnx"
    found = []
    for weights, card in (("1", "{}"), ("2", "{}"), ("2", "{ }")):
        network.path.write_text(weights)
        (tmp_path / "a.json").write_text(card)
        found.append(network.fingerprint)
    assert len(set(found)) == 3


def test_unknown_denoisers_have_none():
    with pytest.raises(ValueError, match=r"no denoiser is called 'winner'"):
        fingerprint_of("winner")
