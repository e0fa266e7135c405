"""Refuse a checkout whose links did not survive; everything else about the package is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

FOLDERS = ("audio", "baselines", "cli", "dsp", "engine", "eval", "manifests", "synth")

package = Path(__file__).resolve().parent / "src" / "percepkit"
broken = [name for name in FOLDERS if not (package / name / "__init__.py").is_file()]
if broken:
    raise SystemExit(
        f"error: src/percepkit/{broken[0]} does not lead to {broken[0]}/: this checkout lost its links; "
        "run 'git config core.symlinks true' and 'git checkout -- src'"
    )

setup()
