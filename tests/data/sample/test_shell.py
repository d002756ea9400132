"""Rotated solids, and which point of the surface each pixel shows."""

from __future__ import annotations

import numpy as np
import pytest

from data.sample.shell import COLUMNS, Shell, angle_of, dome, look_at, position_of, stack


def cylinder(nose: float = 0.0) -> Shell:
    """Return a cylinder of radius 1, from y -1 to 1, with a ridge along the front."""
    angle = angle_of(np.linspace(-1, 1, COLUMNS))
    ridge = nose * np.exp(-((angle / 0.1) ** 2))
    return stack([(-1, 1, 1, 0), (1, 1, 1, 0)], np.tile(ridge, (240, 1)))


def test_angles_and_positions_are_inverse() -> None:
    t = np.linspace(-1, 1, 41)
    np.testing.assert_allclose(position_of(angle_of(t)), t, atol=1e-5)


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0, -30.0, 70.0, -70.0])
def test_the_middle_of_a_turned_cylinder_shows_the_angle_turned_by(yaw_deg: float) -> None:
    view = look_at(cylinder(), float(np.radians(yaw_deg)), origin=(100.0, 100.0), scale=50.0)
    seen = view.take(np.tile(angle_of(np.linspace(-1, 1, COLUMNS)), (240, 1)).astype(np.float32))
    middle = seen[seen.shape[0] // 2, 100 - view.corner[0]]
    assert np.degrees(middle) == pytest.approx(-yaw_deg, abs=2)


def test_left_and_right_are_mirror_images() -> None:
    right = look_at(cylinder(0.4), 0.8, origin=(100.0, 100.0), scale=50.0)
    left = look_at(cylinder(0.4), -0.8, origin=(100.0, 100.0), scale=50.0)
    assert left.hit.shape == right.hit.shape
    assert np.mean(left.hit != right.hit[:, ::-1]) < 0.02
    assert left.corner[0] + left.hit.shape[1] == 200 - right.corner[0]


def test_a_ridge_hides_the_surface_behind_it() -> None:
    view = look_at(cylinder(0.6), 0.5, origin=(100.0, 100.0), scale=50.0)
    columns = view.column[view.hit.shape[0] // 2][view.hit[view.hit.shape[0] // 2]]
    steps = np.diff(columns)
    assert np.all(steps >= 0)
    assert steps.max() > 10 * np.median(steps)


def test_normals_point_outwards() -> None:
    shell = cylinder()
    nx, ny, nz = shell.normals()
    inner = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(nx[inner], shell.x[inner], atol=0.01)
    np.testing.assert_allclose(nz[inner], shell.z[inner], atol=0.01)
    np.testing.assert_allclose(ny[inner], 0, atol=0.01)


@pytest.mark.parametrize(("y", "half"), [(-1.0, 0.0), (0.0, 1.0), (0.5, 1.0), (-0.6, 0.8)])
def test_round_dome_is_a_half_circle(y: float, half: float) -> None:
    assert dome(y, -1.0, 0.0, 2.0) == pytest.approx(half)


def test_grids_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="must have shape"):
        Shell(np.zeros(3), np.zeros((3, 4)), np.zeros((3, 4)), np.zeros(3))
