from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cropping.expressions.graph import expression_graph
from cropping.expressions.model import ExpressionMetadata, expression_model
from cropping.expressions.patch import PATCH_VERSION
from tests.cropping.small_models import network


@pytest.mark.parametrize(("classes", "temperature"), [(2, 1.0), (17, 0.5)])
def test_the_graph_computes_what_the_network_computes(classes: int, temperature: float) -> None:
    trained = network(classes)
    names = tuple(f"face {number}" for number in range(classes))
    metadata = ExpressionMetadata(names, PATCH_VERSION, "key")
    graph = expression_graph(trained, metadata, temperature=temperature).SerializeToString()
    model = expression_model(graph, name="test")
    patches = np.random.default_rng(0).integers(0, 256, (7, 64, 64)).astype(np.uint8)
    with torch.no_grad():
        logits = trained(torch.from_numpy(patches[:, None]).float() / 255) / temperature
    expected = logits.softmax(1).numpy()
    assert model.probabilities(patches) == pytest.approx(expected, abs=1e-4)
    assert model.classes == names
    assert model.probability("face 1", patches) == pytest.approx(expected[:, 1], abs=1e-4)
    assert len(graph) < 2_000_000


def test_an_unknown_layer_is_refused() -> None:
    trained = network()
    trained.body.append(nn.Sigmoid())
    with pytest.raises(ValueError, match="cannot export a layer of type Sigmoid"):
        expression_graph(trained, ExpressionMetadata(("a", "b"), 1), temperature=1.0)
