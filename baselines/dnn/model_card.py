"""Cards of networks as people read them: one network, or a page of all that are shipped."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from percepkit.baselines.cost import latency_ms
from percepkit.baselines.dnn.runtime import WholeNetworkDenoiser

__all__ = ["card_text", "models_page"]

PAGE_HEAD = """# Models

Networks that percepkit trained itself, by the recipes in `baselines/dnn/configs`, and ships as ONNX files.
`percepkit enhance noisy.wav clean.wav --with NAME` runs one, without PyTorch. This page is written
from the files' cards by `make models`; `percepkit baselines NAME` prints them, too.

Scores are means over the validation items, which the networks were chosen by: held out from training by the
splitter, but the judgement of a benchmark is another matter.
"""


def card_text(network: WholeNetworkDenoiser, *, level: int = 1, recipes: bool = True) -> str:
    """Write a network's card in Markdown.

    Parameters
    ----------
    network : WholeNetworkDenoiser
        Of a file that `percepkit.baselines.dnn.export_run.export_run` wrote.
    level : int
        Of its heading.
    recipes : bool
        Show the recipes of its data too.
    """
    card, about = network.card, network.card.about
    noisy = {name: f" (noisy {value:.4g})" for name, value in about["scores_noisy"].items()}
    scores = {name: f"{value:.4g}{noisy.get(name, '')}" for name, value in about["scores"].items()}
    sections = {"Network": _facts(network), "Data": _data(about["data"]), "Scores on the validation items": scores}
    lines = [f"{'#' * level} {card.name}", "", card.summary, ""]
    for title, entries in sections.items():
        entry_lines = (f"- {name.replace('_', ' ')}: {value}" for name, value in entries.items())
        lines += [f"{'#' * (level + 1)} {title}", "", *entry_lines, ""]
    if recipes:
        lines += _recipes(about["data"], level + 1)
    for title, text in (("Source", card.paper), ("Limits", about["limits"])):
        if text:
            lines += [f"{'#' * (level + 1)} {title}", "", text, ""]
    return "\n".join(lines)


def _facts(network: WholeNetworkDenoiser) -> dict[str, str]:
    card, about = network.card, network.card.about
    return {
        "features": card.features,
        "model": f"{card.model}, {card.parameters:,} weights, matrices of {about['bits']} bits",
        "objective": card.objective,
        "loss": ", ".join(f"{weight:g} x {name}" for name, weight in about["config"]["loss"].items()),
        "sample rate": f"{card.sample_rate} Hz",
        "latency": _latency(network),
        "file": f"{network.file_mb:.2f} MB",
        "cost": f"{_millions(network)} multiplications a second",
        "trained": f"{about['hours_trained']:g} hours of audio, epoch {about['epoch']}, seed {about['seed']}",
        "ONNX against PyTorch": f"outputs differ by at most {about['onnx_difference']:.2g}",
        "versions": ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
    }


def _latency(network: WholeNetworkDenoiser) -> str:
    if not network.card.causal:
        return "the whole signal"
    return f"{latency_ms(network, network.card.sample_rate):.0f} ms"


def _millions(network: WholeNetworkDenoiser) -> str:
    return f"{network.macs_per_second / 1e6:.3g} million"


def _data(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part, facts in parts.items():
        found |= {f"{part}, split": facts["recipe"]["split"]} if facts["recipe"].get("split") else {}
        found |= {f"{part}, {name}": _plain(value) for name, value in facts.items() if name != "recipe"}
    return found


def _recipes(parts: Mapping[str, Mapping[str, Any]], level: int) -> list[str]:
    lines: list[str] = []
    for facts in parts.values():
        text = yaml.safe_dump(facts["recipe"], sort_keys=False, default_flow_style=None)
        lines += ["```yaml", f"{text}```", ""]
    return [f"{'#' * level} Recipes", "", *lines] if lines else []


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def models_page(networks: Sequence[WholeNetworkDenoiser]) -> str:
    """Write the page ``docs/models.md`` about networks with cards."""
    columns = (
        "network",
        "rate",
        "weights",
        "file",
        "multiplications a second",
        "latency",
        "speech it learned from",
    )
    rows = [columns, ("---",) * len(columns)]
    for network in networks:
        card = network.card
        facts = (
            f"[`{card.name}`](#{card.name})",
            f"{card.sample_rate / 1000:g} kHz",
            f"{card.parameters:,}",
            f"{network.file_mb:.2f} MB",
            _millions(network),
            _latency(network),
            _speech(card.about["data"]["train"]),
        )
        rows.append(facts)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    parts = [card_text(network, level=2, recipes=False) for network in networks]
    return "\n".join([PAGE_HEAD, table, "", *parts])


def _speech(train: Mapping[str, Any]) -> str:
    """How much was learned from; a recipe that is rendered on the fly knows its hours only."""
    if "speech_files" not in train:
        return f"{train['hours_an_epoch']:g} hours an epoch, mixed on the fly"
    speakers = f"{train['labelled_speakers']} labelled speakers"
    return f"{train['speech_files']} files, {speakers.removesuffix('s' * (train['labelled_speakers'] == 1))}"
