"""The house rules: floors, links, sizes, names and texts, checked on the source itself."""

import ast
import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import percepkit

ROOT = Path(__file__).resolve().parents[1]
LINKS = ROOT / "src" / "percepkit"
FLOORS = {"dsp": 0, "audio": 1, "engine": 2, "manifests": 3, "synth": 4, "baselines": 5, "eval": 6, "cli": 7}
FILES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for floor in FLOORS
    for path in (ROOT / floor).rglob("*.py")
}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60

MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:work|root|home|Users|mnt|opt)/\w+")
REGISTRY = re.compile(r"py[p]i\.org|python[h]osted\.org|npm[j]s\.org|deb[.]debian\.org")


def module_name(path: Path) -> str:
    """Dotted name of a source file, e.g. ``percepkit.dsp.stft``."""
    parts = path.with_suffix("").parts
    return ".".join(("percepkit", *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {module_name(path): path for path in sorted(FILES)}


#: What can be imported here: modules that need PyTorch, of the extra dnn, are left out where there is none.
NEED_TORCH = tuple(
    f"percepkit.baselines.dnn.{name}"
    for name in ("losses.", "models.", "batches", "checkpoints", "export", "sources", "system", "train")
)
IMPORTABLE = [name for name in MODULES if importlib.util.find_spec("torch") or not name.startswith(NEED_TORCH)]


def imports_of(tree: ast.Module) -> set[str]:
    """Modules that a file imports, also inside functions; ``from package import module`` is the module."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            submodules = {f"{base}.{alias.name}" for alias in node.names} & set(MODULES)
            names_more = any(f"{base}.{alias.name}" not in MODULES for alias in node.names)
            found |= submodules | ({base} if names_more else set())
    return found


IMPORTS = {name: imports_of(FILES[path]) for name, path in MODULES.items()}


def run_python(code: str) -> str:
    """Run code in a fresh interpreter in the checkout, where a bare ``import dsp`` would succeed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked_texts() -> list[tuple[Path, str]]:
    """Every text file that is committed or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files belong to the project is not known")
    texts = []
    for path in (ROOT / name for name in listed.split("\0") if name):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                texts.append((path.relative_to(ROOT), content.decode(errors="replace")))
    return texts


def test_every_folder_is_linked_into_the_package():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(FLOORS)
    for folder in folders:
        assert (LINKS / folder).samefile(ROOT / folder)


def test_setup_checks_every_link():
    tree = ast.parse((ROOT / "setup.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(values[0]) == tuple(sorted(FLOORS))


def test_every_module_imports_and_none_under_a_bare_name():
    code = (
        "import importlib, json, sys\n"
        f"for name in {IMPORTABLE!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = set(json.loads(run_python(code)))
    assert set(IMPORTABLE) <= loaded
    assert not loaded & set(FLOORS)


def test_modules_are_found_by_walking_the_package():
    walked = {module.name for module in pkgutil.walk_packages(percepkit.__path__, "percepkit.")}
    assert walked - {"percepkit.__main__"} == set(MODULES)


def test_a_worker_that_renders_starts_light():
    synth = [name for name in MODULES if name.startswith("percepkit.synth")]
    code = (
        "import importlib, sys\n"
        f"for name in {synth!r}: importlib.import_module(name)\n"
        "print(*sorted({'torch', 'matplotlib', 'IPython'} & set(sys.modules)))"
    )
    assert run_python(code).split() == []


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_absolute_and_only_go_down(name):
    floor = FLOORS[name.split(".")[1]]
    for imported in IMPORTS[name]:
        parts = imported.split(".")
        assert parts[0], f"{MODULES[name]}: relative import of {imported!r}"
        assert parts[0] not in FLOORS, f"{MODULES[name]}: bare import of {imported!r}"
        if parts[0] == "percepkit" and len(parts) > 1 and parts[1] in FLOORS:
            assert FLOORS[parts[1]] <= floor, f"{MODULES[name]}: {imported} is on a higher floor"


def test_imports_make_no_circle():
    graph = {}
    for name, found in IMPORTS.items():  # a package may collect from its own modules, and they may name it
        graph[name] = {other for other in found & set(MODULES) if not f"{name}.".startswith(f"{other}.")}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_files_and_functions_stay_small(path):
    assert len((ROOT / path).read_text().splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[0].end_lineno + 1 if documented else node.lineno
            lines = node.end_lineno - first + 1
            assert lines <= MAX_FUNCTION_LINES, f"{path}: {node.name} has {lines} lines below its docstring"


def test_finding_the_denoisers_starts_no_network():
    code = "import percepkit.baselines.registry as r, sys; r.names(); print(*sys.modules)"
    assert not {"torch", "onnxruntime"} & set(run_python(code).split())


@pytest.mark.parametrize("name", IMPORTABLE)
def test_public_names_exist_and_are_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    defined = {
        key
        for key, value in vars(module).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == name
        and not key.startswith("_")
    }
    if defined and not name.rpartition(".")[2].startswith("_"):
        assert hasattr(module, "__all__"), f"{name} has no __all__"
    for key in getattr(module, "__all__", []):
        value = getattr(module, key)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert inspect.getdoc(value), f"{name}.{key} has no docstring"


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_no_function_hides_a_module_of_its_name(name):
    package = importlib.import_module(name)
    for module in pkgutil.iter_modules(package.__path__):
        assert inspect.ismodule(getattr(package, module.name, package)), f"{name}.{module.name} is not the module"


@pytest.mark.parametrize(
    ("pattern", "what"), [(MACHINE_PATH, "a path of one machine"), (REGISTRY, "a registry's host")]
)
def test_texts_name_no_machine_and_no_registry(pattern, what):
    found = [f"{path}: {match[0]}" for path, text in tracked_texts() for match in pattern.finditer(text)]
    assert not found, f"{what}: {found}"


def test_lowest_versions_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {}
    for line in project["dependencies"] + project["optional-dependencies"]["dev"]:
        requirement = Requirement(line)
        [bound] = [spec for spec in requirement.specifier if spec.operator == ">="]
        wanted[requirement.name.lower()] = Version(bound.version)
    lines = [
        line for line in (ROOT / "constraints-lowest.txt").read_text().splitlines() if not line.startswith("#")
    ]
    pinned = {name.lower(): Version(version) for name, version in (line.split("==") for line in lines)}
    assert pinned == wanted


def documentation() -> str:
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(path.read_text() for path in texts)


def test_every_metric_is_documented():
    from percepkit.eval.metrics import _interface

    text = documentation()
    assert [name for name in _interface.names() if f"`{name}`" not in text] == []


def test_every_command_is_documented():
    import typer

    from percepkit.cli.main import app

    def paths(command, prefix):
        if not hasattr(command, "list_commands"):
            return [prefix]
        context = command.context_class(command, info_name=prefix)
        names = command.list_commands(context)
        return [path for name in names for path in paths(command.get_command(context, name), f"{prefix} {name}")]

    text = documentation()
    assert [path for path in paths(typer.main.get_command(app), "percepkit") if path not in text] == []
