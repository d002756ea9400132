"""Untrained expression models."""

from __future__ import annotations

from pathlib import Path

import torch

from cropping.expressions.graph import expression_graph
from cropping.expressions.model import ExpressionMetadata
from cropping.expressions.network import ExpressionNetwork
from cropping.expressions.patch import PATCH_VERSION


def network(classes: int = 2, *, seed: int = 0) -> ExpressionNetwork:
    """Return an untrained network with statistics for its batch normalisation."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = ExpressionNetwork(classes)
        for _ in range(3):
            made(torch.rand(8, 1, 64, 64))
    return made.eval()


def write_model(
    path: Path, *, classes: tuple[str, ...] = ("no_smile", "smile"), patch: int = PATCH_VERSION
) -> Path:
    metadata = ExpressionMetadata(classes, patch)
    graph = expression_graph(network(len(classes)), metadata, temperature=1.0)
    path.write_bytes(graph.SerializeToString())
    return path
