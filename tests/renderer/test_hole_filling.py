"""The renderer against what a camera must see, and its kernels against their numpy twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
import torch
import warp as wp
from numpy.typing import NDArray

from benchmarks.gpu.clouds import (
    Cloud,
    a_camera,
    a_cloud,
    a_wall,
    degenerate_clouds,
    lifted,
    odd_cells,
    odd_widths,
    together,
)
from benchmarks.gpu.twins import every_launch_replayed
from renderer import fill_kernels, launcher, raster_kernels, splat_kernels, surface_kernels
from renderer.hole_filling import HoleFillingRenderer, RenderedView
from warpset.core.cameras import (
    Camera,
    intrinsics,
    opengl_projection_matrix,
    opengl_view_matrix,
    unproject,
)
from warpset.core.geometry import DepthMap
from warpset.core.points import lift


def a_turned_camera(width: int = 64, height: int = 48) -> Camera:
    """A camera far from the world's origin and axes, its principal point off centre."""
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = rotation * np.linalg.det(rotation)
    cam_from_world[:3, 3] = [1.0, -2.0, 0.5]
    return Camera(
        intrinsics(70.0, 65.0, 0.4 * width, 0.7 * height), cam_from_world, (width, height)
    )


def a_photo(camera: Camera, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*camera.shape_hw, 3), np.uint8)


def pixel_size(camera: Camera, depth: float) -> float:
    return depth * float(np.hypot(1 / camera.K[0, 0], 1 / camera.K[1, 1]))


def footprints(camera: Camera, cloud: Cloud) -> NDArray[np.floating]:
    """Width of the pixels that points of a wall before the camera were lifted from."""
    return (cloud.points[:, 2] - camera.center_world[2]) / camera.K[0, 0]


def seen(
    camera: Camera, cloud: Cloud, widths: NDArray | None = None, **options: Any
) -> RenderedView:
    """What a new renderer sees through the camera."""
    renderer = HoleFillingRenderer(*camera.size_wh, device="cpu", **options)
    return render_with(renderer, camera, cloud, widths)


def render_with(
    renderer: HoleFillingRenderer, camera: Camera, cloud: Cloud, widths: NDArray | None = None
) -> RenderedView:
    matrices = opengl_view_matrix(camera), opengl_projection_matrix(camera)
    return renderer.render_view(*cloud, *matrices, camera.fov_y, widths)


def same_bytes(one: RenderedView, other: RenderedView) -> bool:
    return all(
        a.tobytes() == b.tobytes() for a, b in zip(astuple(one), astuple(other), strict=True)
    )


# --- what the camera must see -------------------------------------------------------------------


def test_an_identity_view_returns_every_pixel_to_itself():
    camera = a_camera()
    photo = a_photo(camera)
    depth = np.random.default_rng(1).uniform(1.0, 5.0, camera.shape_hw).astype(np.float32)
    view = seen(camera, lifted(camera, depth, photo), s0=pixel_size(camera, 3.0))
    assert np.array_equal(view.rgb, photo)
    assert np.array_equal(view.depth, depth)
    assert not view.hole.any()
    assert np.all(view.confidence == 2.0)


def test_an_identity_view_keeps_missing_depth_as_holes():
    camera = a_turned_camera()
    photo = a_photo(camera)
    depth = np.full(camera.shape_hw, 2.0, np.float32)
    depth[10:14, 20:30] = depth[30, 5:50] = depth[40, 40] = 0
    view = seen(camera, lifted(camera, depth, photo), s0=pixel_size(camera, 2.0))
    assert np.array_equal(view.hole, depth == 0)
    assert np.array_equal(view.rgb[depth > 0], photo[depth > 0])
    assert np.allclose(view.depth, depth, rtol=1e-6)
    assert np.all(view.confidence[depth == 0] == 0)


def test_an_off_centre_principal_point_lands_where_the_pinhole_formula_says():
    camera = a_turned_camera(81, 60)
    pixel = (50.5, 20.5)
    point = unproject(camera, np.full(camera.shape_hw, 3.0, np.float32))[20, 50]
    cloud = Cloud(point[None], np.ones((1, 3), np.float32), np.full(1, 2.0, np.float32))
    rows, columns = np.nonzero(~seen(camera, cloud).hole)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(pixel, abs=0.51)


def test_a_half_pixel_shift_blends_the_two_neighbours():
    camera = a_camera(focal=64.0)
    photo = a_photo(camera)
    shifted = a_camera(focal=64.0, position=(0.5 * 2.0 / 64.0, 0.0, 0.0))
    view = seen(shifted, lifted(camera, np.full(camera.shape_hw, 2.0, np.float32), photo))
    middle = (photo[:, 1:-2].astype(float) + photo[:, 2:-1]) / 2
    error = np.abs(view.rgb[:, 1:-2] - middle)[2:-2]
    assert error.mean() < 0.75 * np.abs(photo[:, 1:-2] - middle)[2:-2].mean()
    assert not view.hole[:, :-1].any()


def test_a_magnified_surface_has_no_cracks():
    camera, closer = a_camera(), a_camera(position=(0.0, 0.0, 1.1))
    view = seen(closer, a_wall(camera, 2.0, (200, 90, 30)), s0=pixel_size(camera, 2.0))
    assert not view.hole.any()
    assert np.abs(view.rgb.astype(int) - (200, 90, 30)).max() <= 1


def test_a_background_does_not_shine_through_a_magnified_foreground():
    camera, closer = a_camera(), a_camera(position=(0.0, 0.0, 1.0))
    inside = (slice(14, 34), slice(20, 44))
    scene = together(
        a_wall(camera, 2.0, (255, 0, 0), inside), a_wall(a_camera(256, 192), 9.0, (0, 0, 255))
    )
    view = seen(closer, scene, s0=pixel_size(camera, 2.0))
    front = view.rgb[8:40, 10:54]
    assert np.all(front == (255, 0, 0))


@pytest.mark.parametrize("step", [0.15, 0.3, 0.45, 0.6, 0.75, 1.0])
def test_a_background_does_not_shine_through_a_mildly_magnified_foreground(step: float):
    camera, closer = a_camera(), a_camera(position=(0.01, 0.02, step))
    inside = np.zeros(camera.shape_hw, bool)
    inside[14:34, 20:44] = True
    front, back = a_wall(camera, 2.0, (255, 0, 0), inside), a_wall(camera, 4.0, (0, 0, 255))
    widths = np.r_[footprints(camera, front), footprints(camera, back)]
    view = seen(closer, together(front, back), widths, s0=pixel_size(camera, 2.0))
    middle = view.rgb[18:30, 24:40]
    assert np.all(middle == (255, 0, 0))


def test_a_background_does_not_shine_through_a_surface_that_turns_towards_the_camera():
    camera, aside = a_camera(), a_camera(position=(1.0, 0.0, 0.0))
    # its inverse depth falls by 0.4 pixels of parallax a column: columns come to lie 1.4 apart
    inverse = np.broadcast_to(0.5 - 0.4 / 60 * np.arange(64, dtype=np.float32), camera.shape_hw)
    depth = np.where(inverse > 0.25, 1 / inverse, 0)
    front = lift(DepthMap(depth, None, camera), a_photo(camera), depth > 0)
    back = a_wall(a_camera(256, 192), 20.0, (0, 0, 255))
    assert front.cell is not None
    flat = np.tile(20 / 60 * np.eye(3)[:2], (len(back.points), 1, 1))
    cells = np.concatenate([front.cell, flat])
    view = seen(aside, together(lifted(camera, depth, (255, 0, 0)), back), cells)
    assert np.all(view.rgb[2:-2, 1:20] == (255, 0, 0))


def test_a_coarse_foreground_has_straight_edges():
    """Points on every second pixel only: each stands for the four that it was lifted from."""
    camera, coarse = a_camera(), a_camera(32, 24, focal=30.0)
    inside = np.zeros(coarse.shape_hw, bool)
    inside[6:18, 10:22] = True
    front, back = a_wall(coarse, 1.0, (255, 0, 0), inside), a_wall(camera, 4.0, (0, 0, 255))
    widths = np.r_[footprints(coarse, front), footprints(camera, back)]
    view = seen(camera, together(front, back), widths, s0=pixel_size(camera, 1.0))
    red = view.rgb[..., 0] > 127
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert red[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert (len(rows), len(columns)) == pytest.approx((24, 24), abs=2)


def test_a_thin_object_is_not_eaten():
    camera = a_camera()
    pole = (slice(None), 30)
    scene = together(a_wall(camera, 1.0, (255, 255, 0), pole), a_wall(camera, 4.0, (0, 0, 255)))
    view = seen(a_camera(position=(0.02, 0.0, 0.0)), scene, s0=pixel_size(camera, 1.0))
    assert np.all((view.depth < 1.1).sum(axis=1) >= 1)
    assert np.all(view.rgb[..., 0].max(axis=1) > 150)


def test_a_background_seen_through_a_gap_is_not_eaten():
    camera = a_camera()
    grid = np.zeros(camera.shape_hw, bool)
    grid[:, ::3] = grid[:, 1::3] = True
    scene = together(a_wall(camera, 1.0, (255, 0, 0), grid), a_wall(camera, 4.0, (0, 0, 255)))
    view = seen(camera, scene, s0=pixel_size(camera, 1.0))
    assert np.all(view.rgb[~grid] == (0, 0, 255))


def test_a_disocclusion_is_a_hole_filled_from_its_far_side():
    camera, aside = a_camera(), a_camera(position=(0.25, 0.0, 0.0))
    inside = np.zeros(camera.shape_hw, bool)
    inside[:, 24:40] = True
    scene = together(
        a_wall(camera, 1.0, (255, 0, 0), inside), a_wall(camera, 4.0, (0, 0, 255), ~inside)
    )
    view = seen(aside, scene, s0=pixel_size(camera, 1.0), jfa_mask_sigma=1e6)
    opened = view.hole[:, 26:32]
    assert opened.mean() > 0.7
    # four times as far weighs 4096 times as much, and no more
    assert np.abs(view.rgb[:, 26:32][opened].astype(int) - (0, 0, 255)).max() <= 2


def test_a_hole_across_surfaces_is_filled_without_an_edge_of_its_own():
    camera = a_camera(160, 120, focal=150.0)
    y, x = np.indices(camera.shape_hw)
    depth = np.where(x + y / 2 < 100, 2.0, np.where(y < 70, 2.6, 3.5)).astype(np.float32)
    colors = np.stack([60 + 60 * (depth > 2.1), 40 + y, 120 - 90 * (depth > 3)], axis=-1)
    depth[np.hypot(x - 80, y - 62) < 55] = 0
    view = seen(camera, lifted(camera, depth, colors), jfa_mask_sigma=1e6)
    image, inside = view.rgb.astype(int), np.hypot(x - 80, y - 62) < 50
    for axis in (0, 1):
        step = np.abs(np.diff(image, axis=axis)).max(axis=-1)
        assert step[inside.take(range(1, inside.shape[axis]), axis)].max() <= 8


def test_a_filled_hole_fades_with_its_distance_to_black():
    camera = a_camera(128, 8)
    view = seen(
        camera, a_wall(camera, 2.0, (255, 255, 255), (..., slice(0, 20))), jfa_mask_sigma=16
    )
    distance = np.arange(128) - 19
    expected = np.where(distance > 0, 255 * np.exp(-((distance / 16) ** 2)), 255)
    assert np.abs(view.rgb[4, :, 0] - expected).max() <= 1
    assert not view.rgb[:, 19 + 41 :].any()
    assert np.array_equal(view.hole[4], distance > 0)


def test_a_wider_splat_closes_a_wider_crack():
    camera, closer = a_camera(), a_camera(position=(0.0, 0.0, 1.6))
    wall = a_wall(camera, 2.0, (9, 99, 199))
    renderer = HoleFillingRenderer(*camera.size_wh, s0=1e-4, device="cpu")
    assert render_with(renderer, closer, wall).hole.any()
    renderer.s0 = pixel_size(camera, 2.0)
    assert not render_with(renderer, closer, wall).hole.any()


def test_points_below_the_confidence_threshold_are_not_drawn():
    camera = a_camera()
    cloud = a_wall(camera, 2.0, (255, 255, 255))
    doubted = cloud._replace(confidences=np.where(np.arange(len(cloud.points)) % 64 < 32, 1.0, 3.0))
    view = seen(camera, doubted, confidence_threshold=1.1)
    assert view.hole[:, :32].all()
    assert np.all(view.confidence[:, 32:] == 3.0)


# --- order, threads, arrays ---------------------------------------------------------------------


def test_shuffled_points_give_the_same_bytes():
    camera, cloud = (
        a_camera(),
        together(a_cloud(), a_cloud()._replace(colors=a_cloud(seed=5).colors)),
    )
    order = np.random.default_rng(9).permutation(len(cloud.points))
    shuffled = Cloud(*(array[order] for array in cloud))
    first = seen(camera, cloud, s0=0.05)
    assert same_bytes(first, seen(camera, shuffled, s0=0.05))
    assert same_bytes(first, seen(camera, cloud, s0=0.05))


@pytest.mark.parametrize("threads", [1, 3, 100])
def test_the_number_of_threads_changes_nothing(threads: int, monkeypatch: pytest.MonkeyPatch):
    camera, cloud = a_camera(), a_cloud()
    expected = seen(camera, cloud)
    renderer = HoleFillingRenderer(*camera.size_wh, device="cpu", threads=threads)
    monkeypatch.setattr(launcher, "FEWEST_SHARED", 0)
    assert same_bytes(expected, render_with(renderer, camera, cloud))


def test_a_renderer_remembers_nothing_of_its_last_view():
    camera = a_camera()
    renderer = HoleFillingRenderer(*camera.size_wh, device="cpu")
    first = render_with(renderer, camera, a_cloud(seed=1))
    kept = first.rgb.copy()
    render_with(renderer, camera, a_wall(camera, 0.5, (255, 0, 255)))
    assert np.array_equal(first.rgb, kept)
    assert same_bytes(first, render_with(renderer, camera, a_cloud(seed=1)))


def test_torch_tensors_give_the_same_view_as_tensors():
    camera, cloud = a_camera(), a_cloud()
    view = seen(camera, Cloud(*map(torch.from_numpy, cloud)))  # type: ignore[arg-type]
    assert isinstance(view.rgb, torch.Tensor)
    as_numpy = RenderedView(view.rgb.numpy(), view.hole.numpy(), view.depth.numpy(), None)
    expected = seen(camera, cloud)
    assert np.array_equal(as_numpy.rgb, expected.rgb)
    assert np.array_equal(as_numpy.hole, expected.hole)


def test_read_only_double_precision_points_are_taken():
    camera, cloud = a_camera(), a_cloud()
    doubles = Cloud(*(array.astype(np.float64) for array in cloud))
    for array in doubles:
        array.setflags(write=False)
    assert same_bytes(seen(camera, cloud), seen(camera, doubles))


def test_render_returns_the_image_of_render_view():
    camera, cloud = a_camera(), a_cloud()
    renderer = HoleFillingRenderer(*camera.size_wh, device="cpu")
    matrices = opengl_view_matrix(camera), opengl_projection_matrix(camera)
    image = renderer.render(*cloud, *matrices, camera.fov_y)
    assert image.dtype == np.uint8
    assert np.array_equal(image, render_with(renderer, camera, cloud).rgb)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((5, 2))}, r"points are \(5, 2\), need \(N, 3\)"),
        ({"confidences": np.zeros((5, 1))}, r"confidences are \(5, 1\), need \(N\)"),
        ({"colors": np.zeros((4, 3))}, "4 colors"),
        ({"widths": np.zeros(4)}, "4 footprints"),
        ({"widths": np.zeros((5, 1))}, r"footprints are \(5, 1\), need \(N, 2, 3\)"),
    ],
)
def test_arrays_of_another_shape_are_refused(change: dict[str, NDArray], message: str):
    arrays = {name: array for name, array in change.items() if name != "widths"}
    with pytest.raises(ValueError, match=message):
        seen(a_camera(), a_cloud(5)._replace(**arrays), change.get("widths"))


def test_an_empty_image_is_refused():
    with pytest.raises(ValueError, match="0x4"):
        HoleFillingRenderer(0, 4)


# --- kernels ------------------------------------------------------------------------------------


KERNEL_MODULES = (raster_kernels, surface_kernels, splat_kernels, fill_kernels)
SIZES = [(64, 48), (33, 17), (1, 1), (1, 9), (23, 1)]


@pytest.mark.parametrize("footprints", [None, odd_widths, odd_cells])
@pytest.mark.parametrize("name", degenerate_clouds())
@pytest.mark.parametrize("size", SIZES)
def test_every_kernel_agrees_with_its_twin(
    name: str, size: tuple[int, int], footprints: Callable[[int], NDArray] | None
):
    camera, cloud = a_camera(*size, focal=40.0), degenerate_clouds()[name]
    renderer = HoleFillingRenderer(*size, s0=0.1, jfa_mask_sigma=4.0, device="cpu")
    with every_launch_replayed(renderer) as replays:
        render_with(renderer, camera, cloud, footprints and footprints(len(cloud.points)))
    names = {replay.kernel for replay in replays}
    assert [replay for replay in replays if replay.differs] == []
    kernels = set().union(*(module.__dict__ for module in KERNEL_MODULES))
    assert size == (1, 1) or names == {name for name in kernels if is_kernel(name)}


def is_kernel(name: str) -> bool:
    return any(isinstance(getattr(module, name, None), wp.Kernel) for module in KERNEL_MODULES)


@pytest.mark.slow
def test_every_kernel_agrees_with_its_twin_on_twelve_megapixels():
    camera = a_camera(4000, 3000, focal=3000.0)
    renderer = HoleFillingRenderer(4000, 3000, device="cpu")
    with every_launch_replayed(renderer) as replays:
        render_with(renderer, camera, a_cloud(200_000))
    assert replays and not any(replay.differs for replay in replays)


@pytest.mark.parametrize("module", KERNEL_MODULES, ids=["raster", "surface", "splat", "fill"])
def test_every_kernel_compiles_for_cuda(module: Any, tmp_path: Any):
    binaries = wp.compile_aot_module(module, arch=90, module_dir=tmp_path)
    assert [path.suffix for path in binaries] == [".cubin"]
    assert binaries[0].stat().st_size > 0
