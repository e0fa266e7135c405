"""Run notebooks from top to bottom in a fresh kernel and store them with their pictures, without audio.

Usage: python notebooks/_store.py [NOTEBOOK ...]
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent


def store(path: Path) -> None:
    """Run one notebook and write it back."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as work:
        kernel = Path(work, "jupyter", "kernels", "python3")
        kernel.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Python 3", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = str(Path(work, "jupyter"))
        resources = {"metadata": {"path": work}}
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    count = 0
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = [kept for output in cell.outputs if (kept := _without_audio(output))]
    path.write_text(nbformat.writes(notebook, indent=1) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def _without_audio(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """The output, None for a player: readers of the stored page get pictures only."""
    data = output.get("data", {})
    if "<audio" in str(data.get("text/html", "")) or any(kind.startswith("audio/") for kind in data):
        return None
    if "execution_count" in output:
        output.execution_count = None
    output.metadata = {}
    return output


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, FOLDER.glob("*.ipynb"))):
        store(Path(name).resolve())
