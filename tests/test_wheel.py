"""The wheel holds what the tree holds, and works in a clean environment, from another folder."""

import fnmatch
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINKS = ROOT / "src" / "percepkit"

IMPORT_ALL = """
import importlib, pathlib, pkgutil, percepkit
print(pathlib.Path(percepkit.__file__).parent)
for module in pkgutil.walk_packages(percepkit.__path__, "percepkit."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name != "torch":  # of the extra dnn
            raise
    print(module.name)
"""


def run(*command, cwd, check=True):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 or not check, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Copy of the checkout as git keeps it: nothing that is not tracked, links as links."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the project is not known")
    listed = run("git", "ls-files", "-z", cwd=ROOT).stdout
    tracked = [name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)]
    if "pyproject.toml" not in tracked:
        pytest.skip("git tracks no pyproject.toml yet")
    folder = tmp_path_factory.mktemp("wheel") / "any-name"
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def wheel(tree):
    """Build the wheel from the source archive, as a release does, with this environment's setuptools."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tree.parent / "dist", cwd=tree)
    [path] = (tree.parent / "dist").glob("*.whl")
    return path


def shipped(tree):
    """Names within the package of all files of ``src/percepkit`` and of the folders linked there."""
    package = tree / "src" / "percepkit"
    paths = [path for path in package.iterdir() if path.is_file()]
    for link in package.iterdir():
        paths += [path for path in link.glob("**/*") if path.is_file()]
    names = {path.relative_to(package).as_posix() for path in paths}
    return {name for name in names if "__pycache__" not in name}


def test_wheel_holds_the_tree_and_nothing_else(tree, wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        for name in files:
            assert archive.read(name) == (tree / "src" / name).read_bytes(), name
    assert {name.removeprefix("percepkit/") for name in files} == shipped(tree)
    assert metadata


def test_every_data_file_matches_a_pattern(tree):
    patterns = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    unknown = {
        name
        for name in shipped(tree)
        if not name.endswith(".py") and not any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in patterns)
    }
    assert not unknown, f"the wheel leaves these out; add a pattern to package-data in pyproject.toml: {unknown}"


def test_source_archive_holds_no_stray_files(tree, wheel):
    [path] = wheel.parent.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {f"src/percepkit/{name}" for name in shipped(tree)} <= names
    assert not [name for name in names if name.startswith(("out/", ".venv"))]


def test_wheel_works_in_a_clean_environment(wheel, tmp_path):
    """A new environment gets the wheel alone; the dependencies come from this one by a path file."""
    venv.create(tmp_path / "clean", with_pip=False)
    python = tmp_path / "clean" / "bin" / "python"
    where_packages_go = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", where_packages_go, cwd=tmp_path).stdout.strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip_install = ["-m", "pip", "--python", python, "install", "--no-deps", "--no-index"]
    run(sys.executable, *pip_install, wheel, cwd=tmp_path)

    where, *modules = run(python, "-c", IMPORT_ALL, cwd=tmp_path).stdout.split()
    assert Path(where) == site / "percepkit"
    assert len(modules) == sum(path.suffix == ".py" for path in (site / "percepkit").rglob("*.py")) - 1
    assert "Usage" in run(python.parent / "percepkit", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("damage", ["text", "missing"])
def test_checkout_without_links_is_refused(tmp_path, damage):
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy2(ROOT / name, tmp_path / name)
    package = tmp_path / "src" / "percepkit"
    shutil.copytree(LINKS, package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for link in package.iterdir():
        if link.is_symlink():
            (tmp_path / link.name).mkdir()
            (tmp_path / link.name / "__init__.py").touch()
    assert run(sys.executable, "setup.py", "--version", cwd=tmp_path, check=False).stdout.strip()

    target = os.readlink(package / "dsp")
    (package / "dsp").unlink()
    if damage == "text":
        (package / "dsp").write_text(target)
    done = run(sys.executable, "setup.py", "--version", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: src/percepkit/dsp does not lead to dsp/")
    assert len(done.stderr.splitlines()) == 1
