"""Expression network: a small convolutional classifier of 64 x 64 patches."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

WIDTHS: Final = (16, 32, 48, 96, 128)
"""Channels of each block. The first block has stride 2, and the others end in pooling."""
_DROPOUT: Final = 0.3


class ExpressionNetwork(nn.Module):
    """Classifier of patches ``(n, 1, 64, 64)`` float32 0..1, with logits ``(n, classes)``."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        first, *rest = WIDTHS
        layers: list[nn.Module] = [*_convolution(1, first, size=5, stride=2)]
        channels = first
        for width in rest:
            layers += [*_convolution(channels, width), nn.MaxPool2d(2)]
            channels = width
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(_DROPOUT)
        self.head = nn.Linear(
            channels * 4, classes
        )  # not averaged over the 2 x 2 cells: position matters

    def forward(self, patches: Tensor) -> Tensor:
        """Return the logits, ``(n, classes)``, of patches, ``(n, 1, 64, 64)`` float32 0..1."""
        features = self.body((patches - 0.5) * 4)
        logits: Tensor = self.head(self.dropout(features.flatten(1)))
        return logits


def _convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
