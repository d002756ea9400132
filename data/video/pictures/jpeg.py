"""Encode, decode, read and write JPEG images; OpenCV's BGR order is confined to this module."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from data.core.arrays import Image
from data.core.atomic import write_bytes
from data.core.errors import InputError


def encode_jpeg(image: Image, *, quality: int = 95) -> bytes:
    """Encode an image as JPEG.

    Args:
        image: ``(h, w, 3)`` uint8 RGB.
        quality: 1 to 100.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"image of shape {image.shape} cannot be encoded as JPEG")
    return content.tobytes()


def decode_jpeg(content: bytes) -> Image:
    """Decode the content of a JPEG file to ``(h, w, 3)`` uint8 RGB.

    Raises:
        ValueError: the content is not an image.
    """
    encoded = np.frombuffer(content, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    if image is None:
        raise ValueError(f"not an image: {len(content)} bytes")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def write_jpeg(path: Path, image: Image, *, quality: int = 95) -> None:
    """Write an image, ``(h, w, 3)`` uint8 RGB, atomically."""
    write_bytes(path, encode_jpeg(image, quality=quality))


def read_jpeg(path: Path) -> Image:
    """Read an image as ``(h, w, 3)`` uint8 RGB.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        # Not cv2.imread: it fails on some file names that Windows allows.
        return decode_jpeg(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"{path}: cannot be read ({error}); run cluster-faces --project PROJECT --force"
        raise InputError(message) from error
