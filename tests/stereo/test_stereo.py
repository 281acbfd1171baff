"""Dense stereo: sweep, aggregation, agreement, filling, and the walk over a scene."""

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pycolmap
import pytest
import torch

from tests.builders import SHARED_DATA, a_camera
from tests.stereo.stereo_builders import (
    Rectangle,
    a_box_before_a_wall,
    a_texture,
    cameras_in_a_row,
    posed_photos,
    write_photos,
)
from warpset.core.cameras import project, unproject
from warpset.core.consistency import agreement, near_rims
from warpset.core.errors import InputError
from warpset.core.geometry import PosedPhoto
from warpset.core.reprojection import Reprojection, sample
from warpset.recordings.registry import read_recording, recorded_geometry
from warpset.stereo import colmap_stereo
from warpset.stereo import multi_view as stereo
from warpset.stereo.filling import fill_gaps, without_speckles
from warpset.stereo.fusing import FILLED_CONFIDENCE
from warpset.stereo.matching import GrayView, correlation_volume
from warpset.stereo.multi_view import StereoOptions, estimate_depths, swept_photos
from warpset.stereo.plane_sweep import sweep
from warpset.stereo.planes.superpixels import SPACING_PX
from warpset.stereo.semi_global import aggregate
from warpset.stereo.sfm import triangulate_points
from warpset.stereo.sparse import SourceView, SparsePoints


def true_points(cameras, depths, count=300):
    """Sparse points on the surfaces, seen by every camera whose raster they fall on."""
    rng = np.random.default_rng(0)
    points = [
        unproject(camera, depth).reshape(-1, 3)[rng.choice(depth.size, count)]
        for camera, depth in zip(cameras, depths, strict=True)
    ]
    xyz_world = np.concatenate(points).astype(np.float64)
    seen = [np.all((uv := project(camera, xyz_world)[0]) > 0, -1) & np.all(uv < camera.size_wh, -1)
            for camera in cameras]  # fmt: skip
    photo_index, point_index = np.nonzero(seen)
    return SparsePoints(xyz_world, point_index, photo_index)


def a_row_of_photos(folder, count=4, wall_contrast=1.0, step=0.25):
    cameras = cameras_in_a_row(count, step)
    posed, depths = posed_photos(folder, cameras, a_box_before_a_wall(wall_contrast))
    return posed, depths, true_points(cameras, depths)


def estimated(posed, points, options=None):
    found = {}
    left_out = estimate_depths(posed, points, options or StereoOptions(), found.__setitem__)
    return found, left_out


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small arrays gain nothing from more, and a busy machine loses much."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def a_found_scene(tmp_path_factory):
    """True depths and estimated depth maps of four photos."""
    posed, depths, points = a_row_of_photos(tmp_path_factory.mktemp("scene"))
    found, left_out = estimated(posed, points)
    assert left_out == ()
    return depths, found


def aggregate_by_loops(cost, small_step, jump):
    """Semi-global aggregation as its definition reads."""
    height, width, labels = cost.shape
    total = np.zeros(cost.shape)
    directions = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
    for down, right in directions:
        path = np.zeros(cost.shape)
        for row in range(height)[:: -1 if down < 0 else 1]:
            for column in range(width)[:: -1 if right < 0 else 1]:
                before = (row - down, column - right)
                inside = 0 <= before[0] < height and 0 <= before[1] < width
                previous = path[before] if inside else np.zeros(labels)
                for label in range(labels):
                    ways = [previous[label], previous.min() + jump[row, column]]
                    ways += [previous[near] + small_step
                             for near in (label - 1, label + 1) if 0 <= near < labels]  # fmt: skip
                    path[row, column, label] = cost[row, column, label] + min(ways) - previous.min()
        total += path
    return total


def test_aggregation_is_what_its_definition_says():
    rng = np.random.default_rng(0)
    cost, jump = rng.random((5, 6, 4)), rng.uniform(0.2, 0.5, (5, 6))
    fast = aggregate(torch.tensor(cost), 0.1, torch.tensor(jump))
    np.testing.assert_allclose(fast.numpy(), aggregate_by_loops(cost, 0.1, jump), rtol=1e-6)


def test_pixels_are_reprojected_as_points_are_projected():
    camera, other = cameras_in_a_row(2, 0.3, (64, 48))
    depth = np.random.default_rng(0).uniform(2, 5, camera.shape_hw)
    there = Reprojection(camera, other, torch.zeros(0)).at(torch.tensor(1 / depth)[None].float())
    uv, z = project(other, unproject(camera, depth.astype(np.float32)))
    np.testing.assert_allclose((there.x[0].numpy() + 1) * 32, uv[..., 0], atol=1e-3)
    np.testing.assert_allclose((there.y[0].numpy() + 1) * 24, uv[..., 1], atol=1e-3)
    np.testing.assert_allclose(1 / there.inverse_depth[0].numpy(), z, rtol=1e-4)


def test_pixels_reprojected_alone_lie_where_they_lie_among_all():
    camera, other = cameras_in_a_row(2, 0.3, (64, 48))
    inverse_depth = torch.rand(camera.shape_hw) + 0.2
    path, pixels = Reprojection(camera, other, inverse_depth), torch.tensor([3, 700, 64 * 48 - 1])
    alone = path.only(pixels).at(inverse_depth.flatten()[pixels][None])
    for part, among_all in zip(alone, path.at(inverse_depth[None]), strict=True):
        assert torch.equal(part[0], among_all.flatten()[pixels])


def test_a_pixel_centre_samples_its_own_pixel():
    camera = a_camera()
    image = torch.rand(camera.shape_hw)
    there = Reprojection(camera, camera, image).at(torch.ones(1, 1, 1))
    torch.testing.assert_close(sample(image, there)[0], image, atol=1e-5, rtol=0)


def test_correlation_ignores_exposure_and_says_nothing_without_texture():
    camera = a_camera((64, 64))
    gray = torch.tensor(a_texture(0)[:64, :64])
    darker = GrayView(0.5 * gray + 0.1, camera)
    same = correlation_volume(GrayView(gray, camera), [darker], torch.ones(1, 1, 1))
    assert float(same.median()) > 0.95
    blank = GrayView(torch.full_like(gray, 0.5), camera)
    nothing = correlation_volume(GrayView(gray, camera), [blank], torch.ones(1, 1, 1))
    assert float(nothing.abs().max()) < 0.1


def test_a_sweep_finds_the_depth_of_what_it_sees(tmp_path):
    cameras = cameras_in_a_row(3, 0.25)
    posed, depths = posed_photos(tmp_path, cameras, a_box_before_a_wall())
    scene = stereo._Scene(posed, true_points(cameras, depths), StereoOptions())
    views = [scene._view(index) for index in range(3)]
    found = sweep(views[1], [views[0], views[2]], (1 / 12, 1 / 1.5))
    error = np.abs(1 / found.inverse_depth.numpy() / depths[1] - 1)
    assert np.median(error) < 0.01
    assert np.mean(error < 0.03) > 0.85


def a_fence_before_a_wall():
    """Slats 16 pixels wide, 24 apart."""
    coarse = [cv2.resize(a_texture(seed)[:, :24], (512, 512)) for seed in range(10, 14)]
    slats = [
        Rectangle((-1.2 + 0.5 * place, -3, 2.6), (0.2, 0, 0), (0, 6, 0), texture)
        for place, texture in enumerate(coarse)
    ]
    return [Rectangle((-4, -3, 5), (8, 0, 1), (0, 6, 0), a_texture(1)), *slats]


def test_a_sweep_finds_either_side_of_an_edge(tmp_path):
    cameras = cameras_in_a_row(5, 0.2)
    posed, depths = posed_photos(tmp_path, cameras, a_fence_before_a_wall())
    scene = stereo._Scene(posed, true_points(cameras, depths), StereoOptions())
    one, *others = (scene._view(index) for index in (2, 0, 1, 3, 4))
    found = sweep(one, others, (1 / 12, 1 / 1.5))
    is_right = np.abs(1 / found.inverse_depth.numpy() / depths[2] - 1) < 0.03
    is_slat = depths[2] < 3
    edge = cv2.morphologyEx(is_slat.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9))) > 0
    edge[:, :40] = edge[:, 200:] = False
    # around the coarser level's depth alone 0.80 and 0.30
    assert is_right[edge & is_slat].mean() > 0.85
    assert is_right[edge & ~is_slat].mean() > 0.6


def test_a_scene_gets_precise_depth_for_most_of_its_pixels(a_found_scene):
    depths, found = a_found_scene
    assert sorted(found) == [0, 1, 2, 3]
    for index, depth_map in found.items():
        known = depth_map.depth > 0
        error = np.abs(depth_map.depth[known] / depths[index][known] - 1)
        assert known.mean() > 0.5
        assert np.median(error) < 0.005
        assert np.mean(error < 0.02) > 0.96
        assert depth_map.camera.shape_hw == depth_map.depth.shape


def test_confidence_tells_unknown_filled_and_measured_pixels_apart(a_found_scene):
    depth_map = a_found_scene[1][1]
    assert depth_map.confidence is not None
    unknown = depth_map.depth == 0
    assert np.all(depth_map.confidence[unknown] == 1.0)
    measured = ~unknown & (depth_map.confidence != np.float32(FILLED_CONFIDENCE))
    assert np.all(depth_map.confidence[measured] > FILLED_CONFIDENCE)


def test_threads_do_not_change_the_result(tmp_path):
    posed, _, points = a_row_of_photos(tmp_path, count=2)
    options = StereoOptions(max_side_px=120)
    alone = estimated(posed, points, options)[0][0]
    torch.set_num_threads(2)
    try:
        together = estimated(posed, points, options)[0][0]
    finally:
        torch.set_num_threads(1)
    np.testing.assert_array_equal(alone.depth, together.depth)


def test_a_wall_without_texture_stays_unknown(tmp_path):
    posed, depths, points = a_row_of_photos(tmp_path, wall_contrast=0.0)
    found, _ = estimated(posed, points)
    for index, depth_map in found.items():
        box = depths[index] < 3.0
        assert np.mean(depth_map.depth[box] > 0) > 0.5
        assert depth_map.confidence is not None
        assert np.mean(depth_map.confidence[~box] > FILLED_CONFIDENCE + 1e-6) < 0.05
        # a piece of the picture that reaches over the outline takes the box's plane, no other does
        reach = np.ones((2 * SPACING_PX + 1,) * 2, np.uint8)
        beyond = cv2.dilate(box.astype(np.uint8), reach) == 0
        assert np.mean(depth_map.depth[beyond] > 0) < 0.05


def test_photos_with_the_poses_of_others_are_refused_in_one_line(tmp_path):
    posed, _, points = a_row_of_photos(tmp_path / "scene")
    paths = [posed[index].path for index in (2, 0, 3, 1)]
    mixed = [replace(photo, path=path) for photo, path in zip(posed, paths, strict=True)]
    with pytest.raises(InputError, match="scene: 4 photos agree on depth for .* need 2%: cameras"):
        estimated(mixed, points)


def test_photos_of_several_sizes_help_each_other(tmp_path):
    posed, depths, _ = a_row_of_photos(tmp_path, count=3)
    cameras = [photo.camera for photo in posed]
    larger = replace(posed[1], camera=posed[1].camera.resized((480, 360)))
    points = true_points(cameras, depths)
    found, _ = estimated([posed[0], larger, posed[2]], points)
    known = found[0].depth > 0
    assert known.mean() > 0.4
    assert np.median(np.abs(found[0].depth / depths[0] - 1)[known]) < 0.01
    assert found[1].depth.shape == (360, 480)


def test_large_photos_are_swept_at_the_size_asked_for(tmp_path):
    posed, _, points = a_row_of_photos(tmp_path, count=2)
    found, _ = estimated(posed, points, StereoOptions(max_side_px=120))
    assert found[0].depth.shape == (90, 120)
    assert found[0].camera.size_wh == (120, 90)


def test_a_photo_that_shares_no_points_is_named_and_gets_no_depth(tmp_path):
    posed, _, points = a_row_of_photos(tmp_path, count=3)
    alone = PosedPhoto(posed[0].path, a_camera((240, 180), 200.0, turned=(0, np.pi, 0)))
    found, left_out = estimated([*posed, alone], points)
    assert left_out == (3,)
    assert sorted(found) == [0, 1, 2]


def test_checking_views_without_a_depth_range_of_their_own_are_none():
    a, b, c = (SourceView(index, zoom=1.0) for index in range(3))
    swept, checking_views = swept_photos([True, True, False, True], [[b, c], [a], [a, b], [c]])
    assert swept == [0, 1]
    assert checking_views[:2] == [[b], [a]]


def test_photos_from_one_spot_are_refused(tmp_path):
    (tmp_path / "work").mkdir()
    camera = cameras_in_a_row(1, 0.0)[0]
    posed, _ = posed_photos(tmp_path / "scene", [camera] * 3, a_box_before_a_wall())
    points = triangulate_points(posed, tmp_path / "work")
    with pytest.raises(InputError, match="scene: no two of 3 photos share enough texture"):
        estimated(posed, points)


def test_photos_of_a_blank_wall_are_refused(tmp_path):
    (tmp_path / "work").mkdir()
    cameras = cameras_in_a_row(3, 0.25)
    paths = write_photos(tmp_path / "scene", [np.full((180, 240), 200, np.uint8)] * 3)
    posed = [PosedPhoto(path, camera) for path, camera in zip(paths, cameras, strict=True)]
    points = triangulate_points(posed, tmp_path / "work")
    with pytest.raises(InputError, match="no two of 3 photos share enough texture"):
        estimated(posed, points)


def test_depth_of_a_long_row_arrives_while_it_is_swept_and_frees_its_disk(tmp_path, monkeypatch):
    posed, _, points = a_row_of_photos(tmp_path, count=14, step=0.25)
    monkeypatch.setattr(stereo, "CHECKING_VIEWS", 2)
    events = []
    for name in ("save", "drop"):
        original = getattr(stereo._Spool, name)

        def recorded(spool, *args, name=name, original=original):
            events.append(name)
            original(spool, *args)

        monkeypatch.setattr(stereo._Spool, name, recorded)

    def shown(swept):
        for index in swept:
            events.append("shown")
            yield index

    monkeypatch.setattr(stereo, "LEAST_MEASURED_SHARE", 0.0)  # photos 0.02 apart tell no depth
    options = StereoOptions(max_side_px=60, sources=2)
    estimate_depths(posed, points, options, lambda index, depth_map: events.append("depth"), shown)
    assert Counter(events) == {"shown": 14, "save": 28, "drop": 28, "depth": 14}
    assert events[0] == "shown"  # before the first photo is swept
    assert events.index("depth") < len(events) - 1 - events[::-1].index("shown")
    assert events.index("drop") < len(events) - 1 - events[::-1].index("save")


def test_views_agree_on_the_true_depth_and_not_on_another():
    cameras = cameras_in_a_row(3, 0.3, (64, 48))
    plane = [
        torch.tensor(1 / (4.0 / (unproject(replace(camera, cam_from_world=np.eye(4)), np.ones(
            camera.shape_hw, np.float32)) @ camera.world_from_cam[:3, :3].T)[..., 2]
        )).float()
        for camera in cameras
    ]  # fmt: skip
    others = [(plane[0], cameras[0]), (plane[2], cameras[2])]
    certain = torch.ones_like(plane[1])
    right = agreement(plane[1], certain, cameras[1], others)
    torch.testing.assert_close(right.inverse_depth, plane[1], rtol=2e-3, atol=0)
    assert float(right.supporters[12:36, 16:48].min()) == 2
    wrong = agreement(plane[1] * 1.1, certain, cameras[1], others)
    assert float(wrong.supporters.max()) == 0


def test_the_near_side_of_a_depth_edge_is_a_rim_and_a_slope_is_none():
    keep = torch.ones(40, 40, dtype=torch.bool)
    edge = torch.full((40, 40), 0.2)
    edge[:, 20:] = 0.4
    rim = near_rims(edge, keep, tolerance=0.005)
    assert rim[:, 20:26].all() and not rim[:, :20].any() and not rim[:, 32:].any()
    slope = torch.linspace(0.3, 0.35, 40).expand(40, 40)
    assert not near_rims(slope, keep, tolerance=0.005).any()


def a_slope(size=40):
    rows, columns = np.mgrid[:size, :size]
    return (0.2 + 0.001 * columns + 0.0005 * rows).astype(np.float32)


def test_a_gap_in_a_plane_is_filled_with_the_plane():
    whole, gray = a_slope(), np.full((40, 40), 0.5, np.float32)
    holed = whole.copy()
    holed[20, 18:20] = 0
    np.testing.assert_allclose(fill_gaps(holed, gray), whole, rtol=1e-4)


def test_a_gap_is_judged_by_its_whole_rim_where_another_gap_is_near():
    inverse_depth, gray = a_slope(80), np.full((80, 80), 0.5, np.float32)
    inverse_depth[:, 21:] *= 1.5
    inverse_depth[10, 18:20] = inverse_depth[10:17, 24] = 0
    filled = fill_gaps(inverse_depth, gray)
    assert not filled[10, 18:20].any()
    assert filled[10:17, 24].all()


@pytest.mark.parametrize("case", ["edge", "large", "border", "other surface"])
def test_other_gaps_stay_unknown(case):
    inverse_depth, gray = a_slope(), np.full((40, 40), 0.5, np.float32)
    gap = {"large": np.s_[10:30, 10:30], "border": np.s_[20, 38:40]}.get(case, np.s_[20, 18:20])
    if case == "edge":
        inverse_depth[:, 19:] *= 1.5
    if case == "other surface":
        gray[gap] = 0.9
    inverse_depth[gap] = 0
    assert np.all(fill_gaps(inverse_depth, gray)[gap] == 0)


def test_speckles_go_and_surfaces_stay():
    inverse_depth = a_slope()
    inverse_depth[5:8, 5:8] = 0.9
    tidy = without_speckles(inverse_depth)
    assert np.all(tidy[5:8, 5:8] == 0)
    assert np.count_nonzero(tidy == 0) == 9
    assert not without_speckles(np.zeros((8, 8), np.float32)).any()


def test_colmap_stereo_without_cuda_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(pycolmap, "has_cuda", False)
    with pytest.raises(InputError, match="pycolmap without CUDA, need pycolmap-cuda12"):
        colmap_stereo.require_cuda()


def test_colmap_stereo_hands_over_the_depth_maps_that_colmap_wrote(tmp_path, monkeypatch):
    posed, depths, _ = a_row_of_photos(tmp_path / "scene", count=2)

    def patch_match(dense, options):
        assert options.max_image_size == 800
        for index, depth in enumerate(depths):
            path = dense / f"stereo/depth_maps/{index:06d}/{index:06d}.png.geometric.bin"
            pycolmap.DepthMap.from_array(depth, 0.1, 100.0).write(path)

    monkeypatch.setattr(pycolmap, "patch_match_stereo", patch_match)
    found = {}
    no_points = SparsePoints(np.empty((0, 3)), np.empty(0, np.intp), np.empty(0, np.intp))
    without = colmap_stereo.estimate_depths_with_colmap(
        posed, no_points, StereoOptions(), found.__setitem__
    )
    assert without == ()
    for index, depth in enumerate(depths):
        np.testing.assert_array_equal(found[index].depth, depth)
        assert found[index].camera.size_wh == posed[index].camera.size_wh


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared sample data is not here")
@pytest.mark.parametrize(
    ("name", "largest_median", "density"),
    [("rgbd_synthetic", 0.015, 0.75), ("hololens", 0.025, 0.6)],
)
def test_withheld_depth_of_real_scenes_is_found_again(tmp_path, name, largest_median, density):
    recording = read_recording(SHARED_DATA / "scenes" / name)
    assert recording is not None
    posed = [frame.photo for frame in recording.frames]
    found, _ = estimated(posed, triangulate_points(posed, tmp_path))
    frames = recorded_geometry(recording, recording.frames).frames
    medians = []
    for index, depth_map in found.items():
        true = frames[index].load_depth().depth
        both = (true > 0) & (depth_map.depth > 0)
        medians.append(np.median(np.abs(depth_map.depth[both] / true[both] - 1)))
    assert np.mean(medians) < largest_median
    assert np.mean([np.mean(depth_map.depth > 0) for depth_map in found.values()]) > density
