"""Damage to the bytes of a file: bits flipped, parts cut, repeated, zeroed, spliced."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Random = np.random.Generator
Mutation = Callable[[bytes, bytes, Random], bytes]
"""Function of a file's content, of another file's content, and of a source of random numbers."""

_HEAD: Final = 1024
"""Bytes at each end of a file that hold most of a container's structure."""
_TAG: Final = re.compile(rb"[A-Za-z][A-Za-z0-9 ]{3}")
_INTERESTING: Final = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 16384, 8192, 0x7FFFFFFF, 0xFFFFFFFF)
_MAX_MUTATIONS: Final = 4


def flip(content: bytes, _other: bytes, random: Random) -> bytes:
    """Flip one bit in each of up to eight bytes."""
    return _flipped(content, random.integers(len(content), size=random.integers(1, 9)), random)


def flip_many(content: bytes, _other: bytes, random: Random) -> bytes:
    """Flip one bit in 0.1 % to 3 % of the bytes."""
    count = max(int(len(content) * random.uniform(0.001, 0.03)), 1)
    return _flipped(content, random.integers(len(content), size=count), random)


def flip_ends(content: bytes, _other: bytes, random: Random) -> bytes:
    """Flip bits near the start or the end, where headers and indices are."""
    places = random.integers(min(len(content), _HEAD), size=random.integers(1, 17))
    if random.random() < 0.5:
        places = len(content) - 1 - places
    return _flipped(content, places, random)


def set_field(content: bytes, _other: bytes, random: Random) -> bytes:
    """Write a special number a few bytes after a tag, such as a box's name."""
    tags = [match.start() for match in _TAG.finditer(content)] or [0]
    for _ in range(random.integers(1, 4)):
        place = tags[random.integers(len(tags))] + int(random.integers(-4, 40))
        value = _INTERESTING[random.integers(len(_INTERESTING))]
        field = struct.pack(">I" if random.random() < 0.5 else "<I", value)
        field = field[-2:] if random.random() < 0.3 else field
        place = min(max(place, 0), max(len(content) - len(field), 0))
        content = content[:place] + field + content[place + len(field) :]
    return content


def cut(content: bytes, _other: bytes, random: Random) -> bytes:
    """Keep only the start."""
    return content[: random.integers(1, len(content) + 1)]


def cut_start(content: bytes, _other: bytes, random: Random) -> bytes:
    """Keep only the end."""
    return content[random.integers(len(content)) :]


def remove(content: bytes, _other: bytes, random: Random) -> bytes:
    """Remove a block."""
    start, end = _block(content, random)
    return content[:start] + content[end:] or content[:1]


def repeat(content: bytes, _other: bytes, random: Random) -> bytes:
    """Repeat a block up to four times."""
    start, end = _block(content, random)
    return content[:end] + content[start:end] * int(random.integers(1, 5)) + content[end:]


def zero(content: bytes, _other: bytes, random: Random) -> bytes:
    """Set a block to zero."""
    start, end = _block(content, random)
    return content[:start] + bytes(end - start) + content[end:]


def noise(content: bytes, _other: bytes, random: Random) -> bytes:
    """Set a block to random bytes."""
    start, end = _block(content, random)
    return content[:start] + random.bytes(end - start) + content[end:]


def swap(content: bytes, _other: bytes, random: Random) -> bytes:
    """Exchange two blocks that follow each other."""
    start, end = _block(content, random)
    middle = int(random.integers(start, end + 1))
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def splice(content: bytes, other: bytes, random: Random) -> bytes:
    """Join the start of a file and the end of another."""
    return content[: random.integers(1, len(content) + 1)] + other[random.integers(len(other)) :]


def other_head(content: bytes, other: bytes, random: Random) -> bytes:
    """Replace the first bytes by those of another file."""
    size = int(random.integers(4, _HEAD))
    return other[:size] + content[size:]


def join(content: bytes, other: bytes, _random: Random) -> bytes:
    """Append another file."""
    return content + other


def insert(content: bytes, other: bytes, random: Random) -> bytes:
    """Insert a block of another file."""
    place = int(random.integers(len(content) + 1))
    start, end = _block(other, random)
    return content[:place] + other[start:end] + content[place:]


def several(content: bytes, other: bytes, random: Random) -> bytes:
    """Apply two to four of the other mutations after each other."""
    for _ in range(random.integers(2, _MAX_MUTATIONS + 1)):
        content = _SINGLE[random.integers(len(_SINGLE))](content or bytes(1), other, random)
    return content


_SINGLE: Final[tuple[Mutation, ...]] = (
    flip,
    flip_many,
    flip_ends,
    set_field,
    cut,
    cut_start,
    remove,
    repeat,
    zero,
    noise,
    swap,
    splice,
    other_head,
    join,
    insert,
)
MUTATIONS: Final[dict[str, Mutation]] = {
    mutation.__name__.replace("_", " "): mutation for mutation in (*_SINGLE, several)
}
"""All mutations, by name."""


def _flipped(content: bytes, places: NDArray[np.int64], random: Random) -> bytes:
    changed = bytearray(content)
    for place in places.tolist():
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _block(content: bytes, random: Random) -> tuple[int, int]:
    """Return start and end of a block, mostly small and sometimes half of the file."""
    length = max(int(len(content) * 0.5 ** random.uniform(1, 12)), 1)
    start = int(random.integers(max(len(content) - length, 0) + 1))
    return start, min(start + length, len(content))
