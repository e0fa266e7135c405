"""Multiplications of a network, counted in its ONNX graph."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from percepkit.baselines.dnn.runtime import start_session

__all__ = ["count_macs"]

PRODUCTS = ("MatMul", "MatMulInteger", "Gemm", "Conv")


def count_macs(path: Path, feeds: Mapping[str, np.ndarray]) -> int:
    """Count the multiplications with addition of one run: those of matrix products and convolutions.

    Parameters
    ----------
    path : Path
        ONNX file.
    feeds : mapping of array
        Its inputs. The graph is run on them, so that shapes that it computes itself are known.

    Returns
    -------
    int
        What is done element by element, such as activations, is not among them.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    nodes = [node for node in graph.node if node.op_type in PRODUCTS]
    shapes = {weights.name: tuple(weights.dims) for weights in graph.initializer}
    shapes |= {name: array.shape for name, array in feeds.items()}
    touched = {name for node in nodes for name in (*node.input[:2], node.output[0])}
    asked = sorted(touched - set(shapes))
    known = {output.name for output in graph.output}
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked if name not in known)
    if asked:
        found = start_session(model.SerializeToString()).run(asked, dict(feeds))
        shapes |= {name: array.shape for name, array in zip(asked, found, strict=True)}
    return sum(prod(shapes[node.output[0]]) * _terms(node, shapes) for node in nodes)


def _terms(node: Any, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Products that an element of a node's output is the sum of."""
    left, right = (shapes[name] for name in node.input[:2])
    if node.op_type == "Conv":
        return prod(right[1:])
    flags = {attribute.name: attribute.i for attribute in node.attribute}
    return left[0] if flags.get("transA") else left[-1]
