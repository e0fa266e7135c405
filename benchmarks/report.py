"""The report of 10 denoisers and 500 items in headless Chromium: how soon it is there, and what it weighs.

The scores are made up, the sounds synthetic; the page is the real one, with 40 players. It must load and draw in
under 3 s and hold at most 25 MB, otherwise this script fails. Loading is timed from the command to open the file
until the plots are drawn and the browser has painted.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from percepkit.eval.report.costs import Costs
from percepkit.eval.report.page import MAX_BYTES, render_page

MOST_SECONDS = 3.0
TESTS = Path(__file__).parents[1] / "tests" / "eval" / "report"
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
SORT = """(() => {
  const start = performance.now();
  document.querySelector('table.scores thead th:nth-child(2) button').click();
  return performance.now() - start;
})()"""
FILTER = """(() => {
  const start = performance.now();
  const form = document.querySelector('form.filters');
  form.snr_from.value = '0';
  form.dispatchEvent(new Event('input', {bubbles: true}));
  return performance.now() - start;
})()"""


def load(name: str) -> ModuleType:
    """Import a module of the tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"report_{name}", TESTS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def make_page(denoisers: int, items: int, players: int, seconds: float) -> str:
    """Render the page of made-up scores."""
    fakes = load("conftest")
    names = [f"denoiser-{k:02d}" for k in range(denoisers)]
    fakes.LIFT.update({name: 0.08 * k for k, name in enumerate(names)})
    table = fakes.make_items(items, seconds=seconds)
    scores = fakes.make_scores(table, names=("noisy", *names, *fakes.CEILING))
    costs = pd.DataFrame({"rtf": np.geomspace(1e-3, 0.5, denoisers), "latency_ms": 10.0}, index=names)
    return str(
        render_page(
            scores,
            fakes.Corpus(table),
            corpus_name="made up",
            title=f"{denoisers} denoisers, {items} items",
            players=players,
            load=lambda name: fakes.Scale(name, 0.5, "stems" if name in fakes.CEILING else "nothing"),
            costs=Costs(costs),
        )
    )


def main() -> None:
    """Print sizes and times; end with an error where a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--denoisers", type=int, default=10)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--players", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=6.0, help="of an item")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="write the page here")
    arguments = parser.parse_args()
    browsers = load("browser")
    binary = browsers.find_browser()
    if binary is None:
        print("no ratio: there is no Chromium or Chrome on the PATH to time the page in")
        return
    start = time.perf_counter()
    page = make_page(arguments.denoisers, arguments.items, arguments.players, arguments.seconds)
    n_players = page.count('class="player"')
    size = len(page.encode())
    print(f"made in {time.perf_counter() - start:.1f} s, {size / 1e6:.1f} MB (ratio to the limit "
          f"{size / MAX_BYTES:.2f}), {n_players} players")  # fmt: skip
    loads = []
    with tempfile.TemporaryDirectory() as name:
        path = arguments.keep or Path(name, "report.html")
        path.write_text(page, encoding="utf-8")
        for number in range(arguments.rounds):
            browser = browsers.Browser(binary, Path(name, f"profile{number}"))
            try:
                begun = time.perf_counter()
                browser.open(path)
                browser.run(PAINTED)
                loads.append(time.perf_counter() - begun)
                sort, filtered = browser.run(SORT), browser.run(FILTER)
            finally:
                browser.close()
            share = loads[-1] / MOST_SECONDS
            print(f"open to painted {loads[-1]:.2f} s (ratio to the limit {share:.2f}), "
                  f"sort {sort:.0f} ms, filter {filtered:.0f} ms", flush=True)  # fmt: skip
    if np.median(loads) >= MOST_SECONDS or size > MAX_BYTES:
        sys.exit(f"too slow or too large: median {np.median(loads):.2f} s, {size:,} bytes")


if __name__ == "__main__":
    main()
