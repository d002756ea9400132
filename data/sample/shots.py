"""The film's script: its shots, and the movements of the people in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Key:
    """Keyframe of a person in a shot; values between keyframes are eased."""

    at: float  # time, 0 at the start of the shot to 1 at its end
    x: float  # of the eyes, in frame widths; outside 0..1 is off screen
    y: float  # of the eyes, in frame heights
    size: float  # height of the face box in frame heights
    yaw: float = 0.0  # degrees, positive to the right of the picture
    smile: float = 0.0  # 0 to 1


@dataclass(frozen=True, slots=True)
class Entrance:
    """One person's movement through a shot."""

    cast_index: int  # from 0, in the film's cast
    keys: tuple[Key, ...]  # in order of time

    def at(self, moment: float) -> tuple[float, float, float, float, float]:
        """Return x, y, size, yaw and smile at a time of the shot (0 to 1)."""
        times = np.array([key.at for key in self.keys])
        table = np.array([(k.x, k.y, k.size, k.yaw, k.smile) for k in self.keys])
        after = int(np.clip(np.searchsorted(times, moment, "right"), 1, max(len(times) - 1, 1)))
        if len(times) == 1:
            row = table[0]
        else:
            span = times[after] - times[after - 1]
            share = float(np.clip((moment - times[after - 1]) / span, 0, 1))
            share = share * share * (3 - 2 * share)
            row = table[after - 1] * (1 - share) + table[after] * share
        x, y, size, yaw, smile = row.tolist()
        return x, y, size, yaw, smile


@dataclass(frozen=True, slots=True)
class ScriptedShot:
    """One shot of the script."""

    name: str
    weight: float  # seconds in a film of the default duration
    place: str  # see `backdrop.PLACES`
    zoom: float  # of the backdrop
    parts: tuple[Entrance, ...]  # from the farthest person to the nearest


def _group(turn: float) -> tuple[Entrance, ...]:
    """Return six people in two rows, who turn by ``turn`` degrees and smile one after another."""
    back = ((1, 0.13), (3, 0.44), (5, 0.75))
    front = ((0, 0.285), (2, 0.595), (4, 0.895))
    parts = []
    for order, (cast_index, x) in enumerate(back + front):
        near = order >= 3
        y, size = (0.50, 0.185) if near else (0.34, 0.172)
        first, last = 0.12 + 0.08 * order, 0.45 + 0.08 * order
        parts.append(
            Entrance(cast_index, (
                Key(0.0, x, y, size),
                Key(first, x, y, size, 0, 0),
                Key(first + 0.12, x, y, size, 0, 1),
                Key(last - 0.08, x, y, size, 0, 1),
                Key(last, x, y - 0.01, size, turn * (1 if x < 0.5 else -1), 0.5),
                Key(1.0, x, y, size, 0, 0),
            ))
        )  # fmt: skip
    return tuple(parts)


SHOTS: tuple[ScriptedShot, ...] = (
    ScriptedShot("everyone", 6, "stage", 1.0, _group(24)),
    ScriptedShot("close-up", 4.5, "park", 2.0, (
        Entrance(0, (
            Key(0, 0.46, 0.52, 0.43, -6, 0), Key(0.25, 0.47, 0.52, 0.43, 0, 0),
            Key(0.35, 0.47, 0.52, 0.43, 0, 1), Key(0.55, 0.48, 0.52, 0.43, 4, 1),
            Key(0.70, 0.49, 0.52, 0.43, -48, 0.2), Key(0.80, 0.49, 0.52, 0.43, -48, 0),
            Key(1, 0.5, 0.52, 0.43, 8, 0),
        )),
    )),
    ScriptedShot("talk", 6, "cafe", 1.35, (
        Entrance(1, (
            Key(0, 0.30, 0.42, 0.30, 0, 0), Key(0.2, 0.30, 0.42, 0.30, 28, 0),
            Key(0.45, 0.30, 0.42, 0.30, 36, 0), Key(0.6, 0.31, 0.42, 0.30, 4, 0),
            Key(0.7, 0.31, 0.42, 0.30, 0, 1), Key(0.9, 0.31, 0.42, 0.30, 0, 1),
            Key(1, 0.31, 0.42, 0.30, 12, 0.5),
        )),
        Entrance(2, (
            Key(0, 0.70, 0.52, 0.28, 0, 0), Key(0.15, 0.70, 0.52, 0.28, -20, 0),
            Key(0.3, 0.70, 0.52, 0.28, -24, 1), Key(0.5, 0.69, 0.51, 0.28, 0, 1),
            Key(0.65, 0.69, 0.52, 0.28, 0, 0), Key(0.85, 0.69, 0.52, 0.28, 20, 0),
            Key(1, 0.69, 0.52, 0.28, 0, 0.5),
        )),
    )),
    ScriptedShot("walk", 7, "street", 1.2, (
        Entrance(3, (
            Key(0, 0.25, 0.40, 0.24, 10, 0), Key(0.12, 0.30, 0.40, 0.24, 40, 0),
            Key(0.24, 0.55, 0.39, 0.24, 80, 0), Key(0.42, 1.25, 0.40, 0.25, 80, 0),
            Key(0.56, 1.25, 0.40, 0.25, -80, 0), Key(0.78, 0.40, 0.40, 0.26, -60, 0),
            Key(0.88, 0.30, 0.41, 0.27, 0, 0.5), Key(1, 0.30, 0.41, 0.28, 0, 1),
        )),
        Entrance(4, (
            Key(0, 0.74, 0.44, 0.27, 0, 0), Key(0.2, 0.74, 0.44, 0.27, -18, 0.5),
            Key(0.34, 0.74, 0.44, 0.27, 20, 0), Key(0.5, 0.74, 0.44, 0.27, 0, 0),
            Key(0.75, 0.73, 0.44, 0.27, 0, 1), Key(1, 0.73, 0.44, 0.27, -10, 1),
        )),
    )),
    ScriptedShot("passing", 6.5, "park", 1.2, (
        Entrance(5, (
            Key(0, -0.15, 0.38, 0.24, 60, 0), Key(0.15, 0.12, 0.38, 0.24, 40, 0),
            Key(0.6, 0.66, 0.38, 0.24, 16, 0), Key(0.75, 0.86, 0.37, 0.24, 0, 0),
            Key(0.85, 0.87, 0.37, 0.24, -4, 1), Key(1, 0.87, 0.37, 0.24, 0, 1),
        )),
        Entrance(0, (
            Key(0, 0.36, 0.44, 0.27, 0, 0), Key(0.3, 0.36, 0.44, 0.27, 12, 0.5),
            Key(0.5, 0.36, 0.44, 0.27, 0, 1), Key(0.7, 0.36, 0.44, 0.27, 0, 0),
            Key(1, 0.35, 0.44, 0.27, 8, 0),
        )),
        Entrance(4, (
            Key(0, 0.62, 0.47, 0.28, 0, 1), Key(0.3, 0.62, 0.47, 0.28, -12, 0.5),
            Key(0.5, 0.62, 0.47, 0.28, 0, 0), Key(1, 0.60, 0.47, 0.28, 0, 0),
        )),
    )),
    ScriptedShot("profile", 4.5, "street", 2.2, (
        Entrance(1, (
            Key(0, 0.52, 0.46, 0.46, 0, 0), Key(0.2, 0.52, 0.46, 0.46, 0, 0),
            Key(0.38, 0.52, 0.46, 0.46, 84, 0), Key(0.5, 0.52, 0.46, 0.46, 84, 0),
            Key(0.68, 0.52, 0.46, 0.46, 0, 0), Key(0.78, 0.52, 0.46, 0.47, -4, 1),
            Key(1, 0.52, 0.46, 0.48, -6, 1),
        )),
    )),
    ScriptedShot("approach", 6, "beach", 1.0, (
        Entrance(3, (
            Key(0, 0.42, 0.55, 0.13, 0, 0), Key(0.5, 0.32, 0.40, 0.20, 8, 0),
            Key(1, 0.20, 0.36, 0.32, 0, 1),
        )),
        Entrance(5, (
            Key(0, 0.58, 0.55, 0.13, 0, 0), Key(0.6, 0.70, 0.38, 0.24, -10, 1),
            Key(1, 0.82, 0.34, 0.33, 0, 0),
        )),
        Entrance(4, (
            Key(0, 0.50, 0.55, 0.15, 0, 0), Key(0.4, 0.50, 0.44, 0.21, 0, 1),
            Key(0.7, 0.50, 0.46, 0.28, -30, 0), Key(1, 0.50, 0.46, 0.36, 0, 0),
        )),
    )),
    ScriptedShot("peek", 4.5, "cafe", 1.8, (
        Entrance(5, (
            Key(0, 0.60, 0.42, 0.34, -12, 0), Key(0.4, 0.60, 0.42, 0.34, -30, 0),
            Key(0.6, 0.60, 0.42, 0.34, 0, 1), Key(1, 0.60, 0.42, 0.34, 0, 1),
        )),
        Entrance(2, (
            Key(0, -0.14, 0.56, 0.36, 16, 0), Key(0.3, 0.20, 0.56, 0.36, 12, 0),
            Key(0.45, 0.22, 0.56, 0.36, 0, 1), Key(0.65, 0.22, 0.56, 0.36, 0, 1),
            Key(0.8, 0.22, 0.56, 0.36, -30, 0), Key(1, -0.12, 0.56, 0.36, -60, 0),
        )),
    )),
    ScriptedShot("farewell", 5, "stage", 1.15, _group(-20)),
)  # fmt: skip
