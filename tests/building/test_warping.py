"""One warp: which pixels become points, on which raster, and what a renderer is asked for."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from renderer.making import make_renderer
from tests.builders import PLANE_DEPTH_M, a_camera, a_photo
from warpset.building import warping
from warpset.building.depth.filters import kept_pixels
from warpset.building.options import BuildOptions, PointFilter
from warpset.building.warping import ResampledFrames, Warper
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry
from warpset.core.masks import ConfidenceThreshold
from warpset.core.points import splat_size
from warpset.core.sizes import SizeRule

EVERY_POINT = PointFilter(ConfidenceThreshold(0.0))


class Asked:
    """A renderer that shows nothing and keeps what it was asked for."""

    def __init__(self, size_wh, sigma_px):
        self.size_wh, self.sigma_px, self.s0, self.calls = size_wh, sigma_px, 0.123, []

    def render_view(self, points, *_):
        self.calls.append((len(points), self.s0))
        width, height = self.size_wh
        gray = np.zeros((height, width), np.float32)
        rgb = np.zeros((height, width, 3), np.uint8)
        return SimpleNamespace(rgb=rgb, hole=gray == 0, depth=gray, confidence=gray + 7)


@pytest.fixture
def made():
    """The renderers that a warper asked for, and how it asks."""
    renderers = []

    def make(size_wh, sigma_px):
        renderers.append(Asked(size_wh, sigma_px))
        return renderers[-1]

    return SimpleNamespace(renderers=renderers, make=make)


def a_frame(folder, index, size_wh=(64, 48), depth_wh=None, confidence=None) -> FrameGeometry:
    """A photo of a plane, taken from a step further along x for each index."""
    focal = 60.0 * size_wh[0] / 64
    camera = a_camera(size_wh, focal=focal, at=(0.1 * index, 0, 0))
    seen = camera.resized(depth_wh or size_wh)
    depth = np.full(seen.shape_hw, PLANE_DEPTH_M, np.float32)
    shift = 3 * index * size_wh[0] // 64  # focal * step / depth, in pixels
    wide = a_photo((4 * size_wh[0], size_wh[1]))
    Image.fromarray(wide[:, shift : shift + size_wh[0]]).save(path := folder / f"{index}.png")
    return FrameGeometry(PosedPhoto(path, camera), lambda: DepthMap(depth, confidence, seen))


def a_geometry(*frames: FrameGeometry) -> SceneGeometry:
    return SceneGeometry(frames, "recorded", "plane")


def a_warper(frames, make, **asked) -> Warper:
    geometry = SceneGeometry(tuple(frames), "recorded", "transforms.json")
    return Warper(geometry, BuildOptions(**asked), make)


def test_a_frame_warped_into_itself_is_its_photo(tmp_path):
    frame = a_frame(tmp_path, 0)
    warp = a_warper([frame], partial(make_renderer, device="cpu")).warp(0, 0)
    assert not warp.hole.any()
    assert np.array_equal(warp.splats, warp.target)
    np.testing.assert_allclose(warp.depth, PLANE_DEPTH_M, rtol=1e-5)


def test_a_plane_moves_by_its_disparity_and_leaves_a_hole_where_it_comes_from(tmp_path):
    frames = [a_frame(tmp_path, index) for index in range(2)]
    warp = a_warper(frames, partial(make_renderer, device="cpu")).warp(0, 1)
    assert np.array_equal(warp.splats[:, :60], warp.reference[:, 3:63])
    assert np.array_equal(warp.splats[:, :60], warp.target[:, :60])
    assert warp.hole[:, 62:].all() and not warp.hole[:, :60].any()


def test_a_pair_has_the_pictures_cameras_and_points_of_its_own_frames(tmp_path, made):
    frames = [a_frame(tmp_path, index) for index in range(3)]
    pair = a_warper(frames, made.make).prepare(2, 1)
    photos = [np.asarray(Image.open(frame.photo.path)) for frame in frames]
    assert np.array_equal(pair.target, photos[1]) and np.array_equal(pair.reference, photos[2])
    centers = {role: camera.center_world[0] for role, camera in pair.cameras.items()}
    assert centers == {"target": pytest.approx(0.1), "reference": pytest.approx(0.2)}
    assert np.array_equal(pair.points.cloud.rgb, photos[2].reshape(-1, 3))


def test_points_are_those_of_the_depth_brought_to_a_raster_that_is_not_finer(tmp_path):
    coarse, fine = a_frame(tmp_path, 0, depth_wh=(32, 24)), a_frame(tmp_path, 1)
    frames = ResampledFrames(a_geometry(coarse, fine), BuildOptions())
    assert len(frames.points(0, (64, 48))[0].xyz_world) == 32 * 24
    assert len(frames.points(1, (32, 24))[0].xyz_world) == 32 * 24
    upsampled = ResampledFrames(a_geometry(coarse), BuildOptions(upsample_depth=True))
    assert len(upsampled.points(0, (64, 48))[0].xyz_world) == 64 * 48


def test_the_splat_size_is_that_of_the_points_that_are_left(tmp_path):
    frame = a_frame(tmp_path, 0)
    depth = np.full((48, 64), PLANE_DEPTH_M, np.float32)
    depth[:, :40] = 9.0
    photo = np.asarray(Image.open(frame.photo.path)).copy()
    photo[:, :40] = 0
    Image.fromarray(photo).save(frame.photo.path)
    camera = frame.photo.camera
    frame = FrameGeometry(frame.photo, lambda: DepthMap(depth, None, camera))
    options = BuildOptions(point_filter=PointFilter(black_background=True))
    cloud, size, _ = ResampledFrames(a_geometry(frame), options).points(0, (64, 48))
    assert len(cloud.xyz_world) == 48 * 24
    assert size == pytest.approx(splat_size(np.array([PLANE_DEPTH_M]), camera))


def test_what_a_crop_does_not_show_becomes_no_point(tmp_path):
    frames = ResampledFrames(a_geometry(a_frame(tmp_path, 0)), BuildOptions())
    cloud = frames.points(0, (48, 48)).cloud
    assert len(cloud.xyz_world) == 48 * 48
    half_shown = 24 * PLANE_DEPTH_M / 60
    assert np.abs(cloud.xyz_world[:, 0]).max() < half_shown


def test_sky_becomes_no_point(tmp_path):
    frame, asked = a_frame(tmp_path, 0), []
    scores = np.zeros((24, 32), np.uint8)
    scores[:12] = 255

    def sky_scores(path):
        asked.append(path)
        return scores

    frames = ResampledFrames(a_geometry(frame), BuildOptions(), sky_scores)
    cloud = frames.points(0, (64, 48)).cloud
    assert asked == [frame.photo.path]
    assert 64 * 22 <= len(cloud.xyz_world) <= 64 * 24
    assert (cloud.xyz_world[:, 1] > -0.1).all()  # y points down: the lower half is left


def test_a_photo_is_decoded_once_while_it_is_at_hand(tmp_path, monkeypatch, made):
    read, decoded = warping.read_photo, []
    monkeypatch.setattr(warping, "read_photo", lambda path: decoded.append(path.name) or read(path))
    coarse = [a_frame(tmp_path, index, depth_wh=(32, 24)) for index in range(3)]
    warper = a_warper(coarse, made.make)
    for reference, target in ((0, 1), (1, 0), (1, 2), (2, 1)):
        warper.prepare(reference, target)
    assert sorted(decoded) == ["0.png", "1.png", "2.png"]


def test_a_photo_that_cannot_be_read_is_an_error_that_names_it(tmp_path, made):
    frames = [a_frame(tmp_path, index) for index in range(2)]
    frames[1].photo.path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png"):
        a_warper(frames, made.make).prepare(0, 1)


def test_a_pair_has_the_least_size_of_its_two_photos_and_of_all_with_upsampled_depth(
    tmp_path, made
):
    sizes = [(64, 48), (128, 96), (32, 24)]
    frames = [a_frame(tmp_path, index, size_wh) for index, size_wh in enumerate(sizes)]
    assert a_warper(frames, made.make).size_of(0, 1) == (64, 48)
    assert a_warper(frames, made.make, upsample_depth=True).size_of(0, 1) == (32, 24)
    asked = SizeRule(resize_wh=(40, 30))
    assert a_warper(frames, made.make, size_rule=asked).size_of(0, 1) == (40, 30)


@pytest.mark.parametrize(("auto_s0", "s0"), [(False, 0.123), (True, 2 / 60 * 2**0.5)])
def test_the_renderer_gets_sigma_and_where_asked_the_splat_size(tmp_path, made, auto_s0, s0):
    warper = a_warper([a_frame(tmp_path, 0)], made.make, sigma_px=3.0, auto_s0=auto_s0)
    warper.warp(0, 0)
    (asked,) = made.renderers
    assert (asked.size_wh, asked.sigma_px) == ((64, 48), 3.0)
    assert asked.calls == [(64 * 48, pytest.approx(s0))]


def test_pairs_of_one_size_share_a_renderer(tmp_path, made):
    sizes = [(64, 48), (64, 48), (32, 24)]
    frames = [a_frame(tmp_path, index, size_wh) for index, size_wh in enumerate(sizes)]
    warper = a_warper(frames, made.make)
    for reference, target in ((0, 1), (1, 0), (1, 2)):
        warper.warp(reference, target)
    assert [asked.size_wh for asked in made.renderers] == [(64, 48), (32, 24)]


def test_a_warp_has_a_confidence_only_where_its_depth_came_with_one(tmp_path, made):
    trusted = np.full((48, 64), 2.0, np.float32)
    frames = [a_frame(tmp_path, 0), a_frame(tmp_path, 1, confidence=trusted)]
    warper = a_warper(frames, made.make)
    confidence = warper.warp(1, 0).confidence
    assert confidence is not None and (confidence == 7).all()
    assert warper.warp(0, 1).confidence is None


@pytest.mark.parametrize("index", [0, 1])
def test_a_frames_cloud_is_that_of_its_pair_with_a_neighbour(tmp_path, made, index):
    frames = [a_frame(tmp_path, 0), a_frame(tmp_path, 1, (32, 24))]
    warper = a_warper(frames, made.make)
    cloud = warper.cloud(index)
    assert len(cloud.xyz_world) == 32 * 24
    assert np.array_equal(cloud.xyz_world, warper.prepare(index, 1 - index).points.cloud.xyz_world)


def a_depth_map(depth, confidence=None) -> DepthMap:
    depth = np.asarray([depth], np.float32)
    confidence = None if confidence is None else np.asarray([confidence], np.float32)
    return DepthMap(depth, confidence, a_camera((depth.shape[1], 1)))


GRAY = [[[100, 100, 100]] * 3]


@pytest.mark.parametrize(
    ("depth_map", "rgb", "point_filter", "kept"),
    [
        (a_depth_map([1, 0, 1]), GRAY, EVERY_POINT, [1, 0, 1]),
        (a_depth_map([1, 1, 1]), GRAY, PointFilter(ConfidenceThreshold(2.0)), [1, 1, 1]),
        (a_depth_map([1, 1, 1], [1, 2, 3]), GRAY, PointFilter(ConfidenceThreshold(2.0)), [0, 1, 1]),
        (
            a_depth_map([0, 1, 1], [0, 2, 3]),
            GRAY,
            PointFilter(ConfidenceThreshold(50, True)),
            [0, 0, 1],
        ),
        (
            a_depth_map([1, 1, 1]),
            [[[5, 5, 5], [5, 5, 6], [255, 255, 255]]],
            PointFilter(black_background=True),
            [0, 1, 1],
        ),
        (
            a_depth_map([1, 1, 1]),
            [[[241, 241, 241], [241, 241, 240], [0, 0, 0]]],
            PointFilter(white_background=True),
            [0, 1, 1],
        ),
        (a_depth_map([1, 2, 3]), GRAY, PointFilter(edge_threshold=0.1), [1, 0, 1]),
        (a_depth_map([1, 2, 3]), GRAY, PointFilter(edge_threshold=0.6), [1, 1, 1]),
        (a_depth_map([1, 2, 3]), GRAY, PointFilter(), [1, 1, 1]),
    ],
)
def test_a_pixel_becomes_a_point_where_every_filter_lets_it(depth_map, rgb, point_filter, kept):
    found = kept_pixels(depth_map, np.asarray(rgb, np.uint8), point_filter.settled("recorded"))
    assert found.tolist() == [[bool(pixel) for pixel in kept]]


@pytest.mark.parametrize(("source", "kept"), [("recorded", 3), ("vggt", 2), ("stereo", 2)])
def test_flying_pixels_of_estimated_depth_are_left_out_unless_said_otherwise(
    tmp_path, source, kept
):
    frame = a_frame(tmp_path, 0, size_wh=(3, 1))
    depth_map = a_depth_map([1, 2, 3])._replace(camera=frame.photo.camera)
    geometry = SceneGeometry((FrameGeometry(frame.photo, lambda: depth_map),), source, "")
    assert len(ResampledFrames(geometry, BuildOptions()).points(0, (3, 1)).cloud.rgb) == kept
    every = BuildOptions(point_filter=PointFilter(edge_threshold=None))
    assert len(ResampledFrames(geometry, every).points(0, (3, 1)).cloud.rgb) == 3
