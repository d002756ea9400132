"""The network that tells expressions: a few convolutions on a 64 x 64 patch."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

WIDTHS: Final = (16, 32, 48, 96, 128)
"""Channels of each block; the first looks at every second pixel, the others end by halving."""
_DROPOUT: Final = 0.3


class ExpressionNetwork(nn.Module):
    """Patches ``(n, 1, 64, 64)`` float32, 0..1 -> one number a class, ``(n, classes)``."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, *rest = WIDTHS
        layers: list[nn.Module] = [*_convolution(1, first, size=5, stride=2)]
        before = first
        for width in rest:
            layers += [*_convolution(before, width), nn.MaxPool2d(2)]
            before = width
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(_DROPOUT)
        self.head = nn.Linear(before * 4, classes)  # 2 x 2 places: a mouth is below its eyes

    def forward(self, patches: Tensor) -> Tensor:
        """Return the classes' logits."""
        features = self.body((patches - 0.5) * 4)
        logits: Tensor = self.head(self.dropout(features.flatten(1)))
        return logits


def _convolution(before: int, after: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers training sets."""
    return sum(parameter.numel() for parameter in network.parameters())
