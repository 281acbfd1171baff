"""The mesh renderer's kernel against its plain twin: depth, textures, faces of one colour."""

import numpy as np
import pytest

from renderer import plain_mesh
from renderer.mesh import SKY_RGB, MeshRenderer, MeshSurface, mip_sizes, texels_a_metre

K = np.array([[60.0, 0, 24], [0, 60, 18], [0, 0, 1]])
SIZE_WH = (48, 36)


def a_surface() -> MeshSurface:
    """A tilted textured square that goes past the camera, and a plain triangle before it."""
    rng = np.random.default_rng(0)
    square = [(-4, -3, 0), (4, -3, -1), (4, 3, 0.5), (-4, 3, 0)]
    before = [(-0.5, -0.4, 2.0), (0.9, -0.2, 2.2), (0.1, 0.8, 2.0)]
    beside = [(-1, 6, 9), (1, 6, -9), (0, 6.5, 9)]
    uv = np.zeros((4, 3, 2), np.float32)
    uv[0], uv[1] = [(0, 0), (2, 0), (2, 1.5)], [(0, 0), (2, 1.5), (0, 1.5)]
    return MeshSurface(
        np.array([*square, *before, *beside], np.float32),
        np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [7, 8, 9]], np.int32),
        uv,
        np.array([0, 0, -1, -1], np.int32),
        np.array([[0, 0, 0], [0, 0, 0], [200, 30, 60], [10, 240, 20]], np.uint8),
        (rng.integers(0, 256, (24, 40, 3), np.uint8),),
    )


def looking_down(height, turn=0.3) -> np.ndarray:
    c, s = np.cos(turn), np.sin(turn)
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]]) @ [
        [c, s, 0],
        [-s, c, 0],
        [0, 0, 1],
    ]
    pose[:3, 3] = -pose[:3, :3] @ [0.3, 0.2, height]
    return pose


@pytest.mark.parametrize("height", [5.0, 40.0])
@pytest.mark.parametrize("samples", [1, 2])
def test_the_kernel_sees_what_its_twin_sees(height, samples):
    pose = looking_down(height)
    found = MeshRenderer(a_surface(), "cpu", samples).look(K, pose, SIZE_WH)
    expected = plain_mesh.look(a_surface(), K, pose, SIZE_WH, samples)
    alike = np.abs(found.depth / np.maximum(expected.depth, 1e-9) - 1) < 1e-5
    alike |= (found.depth == 0) & (expected.depth == 0)
    assert alike.mean() > 0.999, "rays through an edge may fall on either side"
    off = np.abs(found.rgb.astype(int) - expected.rgb)[alike]
    assert np.quantile(off, 0.99) <= 1
    assert (expected.depth > 0).any() and len(np.unique(expected.rgb.reshape(-1, 3), axis=0)) > 3


def test_what_no_triangle_is_before_is_sky_without_depth():
    turned = np.diag([1.0, -1.0, -1.0, 1.0]) @ looking_down(5.0)
    found = MeshRenderer(a_surface()).look(K, turned, SIZE_WH)
    assert not found.depth.any()
    assert (found.rgb == np.array(SKY_RGB)).all()


def test_a_texture_is_halved_without_losing_its_mean():
    texture = np.random.default_rng(1).integers(0, 256, (7, 12, 3), np.uint8)
    sizes = mip_sizes(texture, 6)
    assert [size.shape[:2] for size in sizes] == [(7, 12), (4, 6), (2, 3), (1, 2), (1, 1), (1, 1)]
    even = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.abs(mip_sizes(even, 4)[-1][0, 0] - even.mean((0, 1))).max() < 2


def test_density_is_in_texels_a_metre():
    density = texels_a_metre(a_surface())
    assert density[2] == density[3] == 0
    assert density[0] == pytest.approx(np.sqrt(80 * 36 / 48), rel=0.02)
