"""Structure from motion: cameras and sparse points out of photos, and what cannot give any."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.builders import SHARED_DATA, a_camera, a_rotation
from tests.stereo.stereo_builders import (
    a_box_before_a_wall,
    cameras_in_a_row,
    photograph,
    posed_photos,
    write_photos,
)
from warpset.core.cameras import project
from warpset.core.errors import InputError
from warpset.files.exif import read_exif_camera
from warpset.files.photo_folders import find_photos
from warpset.stereo.features import pairs_to_match
from warpset.stereo.parallax import parallax_px
from warpset.stereo.sfm import register_photos, triangulate_points
from warpset.stereo.sparse import SparsePoints, choose_sources, inverse_depth_range

SIZE_WH = (320, 240)


def photos_in_a_row(folder, count=4, step=0.3, **save):
    cameras = cameras_in_a_row(count, step, SIZE_WH)
    scene = a_box_before_a_wall()
    grays = [photograph(camera, scene, seed)[0] for seed, camera in enumerate(cameras)]
    return write_photos(folder, grays, **save), cameras


def placed(photos, folder):
    folder.mkdir()
    return register_photos(photos, folder)


def turned(camera, angle):
    """The same camera after a turn on the spot."""
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = a_rotation(y=angle)
    return type(camera)(camera.K, cam_from_world @ camera.cam_from_world, camera.size_wh)


def relative_rotation(one, other):
    return other.cam_from_world[:3, :3] @ one.cam_from_world[:3, :3].T


def a_cloud(count=200):
    return np.random.default_rng(0).uniform((-1, -1, 3), (1, 1, 6), (count, 3))


def everywhere_seen(xyz_world, photos):
    """Sparse points that every photo saw."""
    index = np.arange(len(xyz_world))
    photo_index = np.repeat(np.arange(photos), len(index))
    return SparsePoints(xyz_world, np.tile(index, photos), photo_index)


def test_photos_of_one_scene_get_the_cameras_they_were_taken_with(tmp_path):
    photos, cameras = photos_in_a_row(tmp_path / "scene")
    registration = placed(photos, tmp_path / "work")
    assert [photo.path for photo in registration.posed] == photos
    assert registration.left_out == ()
    found = [photo.camera for photo in registration.posed]
    for first, second in ((0, 1), (0, 3), (1, 2)):
        error = relative_rotation(cameras[first], cameras[second]).T @ relative_rotation(
            found[first], found[second]
        )
        assert np.degrees(np.arccos((np.trace(error) - 1) / 2)) < 1.0
    steps = np.linalg.norm(np.diff([camera.center_world for camera in found], axis=0), axis=1)
    assert steps / steps.mean() == pytest.approx(np.ones(3), abs=0.05)


def test_the_same_photos_give_the_same_cameras(tmp_path):
    photos, _ = photos_in_a_row(tmp_path / "scene", count=3)
    first, second = (placed(photos, tmp_path / name) for name in "ab")
    for one, other in zip(first.posed, second.posed, strict=True):
        assert np.array_equal(one.camera.cam_from_world, other.camera.cam_from_world)
        assert np.array_equal(one.camera.K, other.camera.K)
    assert np.array_equal(first.points.xyz_world, second.points.xyz_world)


def test_photos_stored_on_their_side_are_placed_like_upright_ones(tmp_path):
    upright, _ = photos_in_a_row(tmp_path / "upright", count=3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    (tmp_path / "sideways").mkdir()
    sideways = [tmp_path / "sideways" / path.name for path in upright]
    for path, stored in zip(upright, sideways, strict=True):
        Image.open(path).transpose(Image.Transpose.ROTATE_90).save(stored, exif=exif)
    one, other = (placed(photos, tmp_path / f"w{len(photos[0].parent.name)}")
                  for photos in (upright, sideways))  # fmt: skip
    for first, second in zip(one.posed, other.posed, strict=True):
        assert np.array_equal(first.camera.cam_from_world, second.camera.cam_from_world)


def test_photos_of_several_sizes_and_depths_of_colour_are_placed_together(tmp_path):
    photos, _ = photos_in_a_row(tmp_path / "scene")
    picture = Image.open(photos[1]).convert("L")
    Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(photos[1])
    Image.open(photos[2]).resize((480, 360)).save(photos[2])
    registration = placed(photos, tmp_path / "work")
    assert len(registration.posed) == 4
    assert registration.posed[2].camera.size_wh[0] > registration.posed[1].camera.size_wh[0]


def test_a_photo_of_another_place_is_left_out(tmp_path):
    photos, _ = photos_in_a_row(tmp_path / "scene", count=3)
    stray = tmp_path / "scene" / "stray.png"
    noise = np.random.default_rng(7).integers(0, 256, (30, 40), np.uint8)
    Image.fromarray(noise).resize(SIZE_WH, Image.Resampling.BICUBIC).convert("RGB").save(stray)
    registration = placed([*photos, stray], tmp_path / "work")
    assert [photo.path for photo in registration.posed] == photos
    assert registration.left_out == (stray,)


def blank(folder):
    return write_photos(folder, [np.full((240, 320), 190, np.uint8)] * 3)


def one_repeated(folder):
    photos, _ = photos_in_a_row(folder, count=1)
    return photos * 3


def only_turned(folder):
    camera = cameras_in_a_row(1, 0.0, SIZE_WH)[0]
    views = [turned(camera, angle) for angle in (-0.08, 0.0, 0.08)]
    scene = a_box_before_a_wall()
    return write_photos(folder, [photograph(view, scene, n)[0] for n, view in enumerate(views)])


def two_places(folder):
    photos, _ = photos_in_a_row(folder, count=1)
    noise = np.random.default_rng(7).integers(0, 256, (30, 40), np.uint8)
    Image.fromarray(noise).resize(SIZE_WH).convert("RGB").save(folder / "other.png")
    return [*photos, folder / "other.png"]


@pytest.mark.parametrize(
    ("photos_of", "found"),
    [
        (blank, "found texture in 0 of 3 photos"),
        (one_repeated, "all 3 photos were taken from one spot"),
        (only_turned, "all 3 photos were taken from one spot"),
        (two_places, "none of 2 photos shows what another shows"),
    ],
)
def test_photos_that_hold_no_geometry_are_refused_in_one_line(tmp_path, photos_of, found):
    photos = photos_of(tmp_path / "scene")
    with pytest.raises(InputError) as refusal:
        placed(photos, tmp_path / "work")
    message = str(refusal.value)
    assert message.startswith(f"{tmp_path / 'scene'}: {found}")
    assert "\n" not in message


def test_points_of_posed_photos_lie_on_the_surfaces_they_show(tmp_path):
    cameras = cameras_in_a_row(3, 0.3, SIZE_WH)
    posed, depths = posed_photos(tmp_path / "scene", cameras, a_box_before_a_wall())
    (tmp_path / "work").mkdir()
    points = triangulate_points(posed, tmp_path / "work")
    for index, (camera, depth) in enumerate(zip(cameras, depths, strict=True)):
        uv, z = project(camera, points.seen_by(index))
        columns, rows = uv.astype(int).T
        assert len(z) > 100
        assert np.median(np.abs(z / depth[rows, columns] - 1)) < 0.01


def test_one_posed_photo_has_no_depth_and_that_is_said(tmp_path):
    posed, _ = posed_photos(
        tmp_path / "scene", cameras_in_a_row(1, 0.3, SIZE_WH), a_box_before_a_wall()
    )
    with pytest.raises(InputError, match=r"found 1 photo, need 2 of one place"):
        triangulate_points(posed, tmp_path / "work")


def test_exif_gives_the_focal_length_in_pixels(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Some camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 24
    Image.new("RGB", (60, 40)).save(tmp_path / "photo.jpg", exif=exif)
    camera = read_exif_camera(tmp_path / "photo.jpg")
    assert camera is not None
    assert camera.focal_px((3600, 2400)) == pytest.approx(2400.0)


def test_without_exif_no_camera_is_named(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "photo.png")
    assert read_exif_camera(tmp_path / "photo.png") is None


def test_every_pair_of_a_small_scene_is_matched():
    assert len(pairs_to_match(10)) == 45


def test_a_large_scene_is_matched_along_its_order_and_across_it():
    pairs = pairs_to_match(400)
    assert {(index, index + 1) for index in range(399)} <= set(pairs)
    assert any(second - first > 300 for first, second in pairs)
    assert len(pairs) < 400 * 20
    assert all(first < second for first, second in pairs)


def test_a_turn_leaves_no_parallax_and_a_step_does():
    camera, cloud = a_camera((640, 480), 500.0), a_cloud()
    first, _ = project(camera, cloud)
    turn, _ = project(turned(camera, 0.1), cloud)
    zoom, _ = project(a_camera((640, 480), 650.0), cloud)
    step, _ = project(a_camera((640, 480), 500.0, at=(0.3, 0, 0)), cloud)
    sizes = (640, 480), (640, 480)
    assert parallax_px(first, turn, *sizes) < 0.6
    assert parallax_px(first, zoom, *sizes) < 0.6
    assert parallax_px(first, step, *sizes) > 3.0


def test_sources_are_those_that_see_the_points_from_a_useful_angle():
    cameras = [a_camera(at=(x, 0, 0)) for x in (0.0, 0.001, 0.5, 8.0)]
    points = everywhere_seen(a_cloud(), len(cameras))
    chosen = choose_sources(points, cameras, 0, count=3)
    assert chosen[0].photo == 2
    assert choose_sources(points, cameras, 0, count=1) == chosen[:1]


def test_a_source_that_shows_the_scene_larger_is_told_apart():
    cameras = [a_camera(focal=60), a_camera(focal=120, at=(0.5, 0, 0))]
    (source,) = choose_sources(everywhere_seen(a_cloud(), 2), cameras, 0, count=4)
    assert source.zoom == pytest.approx(2.0)


def test_photos_that_share_too_few_points_are_no_sources():
    points = everywhere_seen(a_cloud(5), 2)
    cameras = [a_camera(), a_camera(at=(0.5, 0, 0))]
    assert choose_sources(points, cameras, 0, count=4) == ()
    assert inverse_depth_range(points, 0, cameras[0]) is None


def test_the_searched_range_reaches_beyond_the_points():
    depth_range = inverse_depth_range(everywhere_seen(a_cloud(), 1), 0, a_camera())
    assert depth_range is not None
    far, near = depth_range
    assert 0 < far < 1 / 6 and near > 1 / 3


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared sample data is not here")
@pytest.mark.parametrize(
    ("folder", "photos"), [("photos/sacre_coeur", 10), ("scenes/rgbd_synthetic", 5)]
)
def test_real_photos_are_all_placed(tmp_path, folder, photos):
    registration = register_photos(find_photos(SHARED_DATA / folder), tmp_path)
    assert len(registration.posed) == photos
