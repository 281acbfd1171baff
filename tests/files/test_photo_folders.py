"""Where a scene's photos are looked for, and what lies beside them and is none."""

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo
from warpset.files.photo_folders import find_photos, list_folder, look_for_photos, one_file_a_shot
from warpset.files.photos import read_photo


def files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names(folder):
    return [path.relative_to(folder).as_posix() for path in find_photos(folder)]


@pytest.mark.parametrize(
    "folder", ["images", "images_4", "image", "input", "rgb", "color", "frames", "anything", "a/b"]
)
def test_photos_lie_in_a_known_folder_or_in_the_only_one(tmp_path, folder):
    files(tmp_path, f"{folder}/2.jpg", f"{folder}/10.webp", "depth/1.png", "masks/1.png", "a.txt")
    assert names(tmp_path) == [f"{folder}/2.jpg", f"{folder}/10.webp"]


def test_a_thumbnail_does_not_hide_the_folder_of_photos(tmp_path):
    files(tmp_path, "thumbnail.jpg", "images/1.jpg", "images/2.jpg")
    found = look_for_photos(tmp_path)
    assert [path.name for path in found.photos] == ["1.jpg", "2.jpg"]
    assert "1 photos beside a folder of more (thumbnail.jpg first); left out" in found.remarks[0]


def test_shrunk_copies_do_not_hide_the_photos_beside_them(tmp_path):
    files(tmp_path, "1.jpg", "2.jpg", "images_2/1.jpg", "images_2/2.jpg")
    assert names(tmp_path) == ["1.jpg", "2.jpg"]


def test_the_cameras_of_a_rig_are_looked_into_one_after_the_other(tmp_path):
    files(tmp_path, "images/cam1/1.jpg", "images/cam1/2.jpg", "images/cam2/1.jpg")
    files(tmp_path, "images/depth/1.png")
    assert names(tmp_path) == ["images/cam1/1.jpg", "images/cam1/2.jpg", "images/cam2/1.jpg"]


def test_two_folders_of_unknown_names_are_no_scene(tmp_path):
    files(tmp_path, "garden/1.jpg", "kitchen/1.jpg")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("photos", "beside"),
    [
        (["f-0.color.png", "f-1.color.png"], ["f-0.depth.png", "f-1.depth.png"]),  # 7-Scenes
        (["1.jpg", "2.jpg"], ["1.depth.png", "1_mask.png", "2.depth.png"]),
        (["rgb_1.png", "rgb_2.png"], ["depth_1.png", "depth_2.png"]),
        (["IMG_1.HEIC"], ["IMG_1-depth.png"]),
    ],
)
def test_depth_and_masks_named_like_a_photo_are_none_and_are_counted(tmp_path, photos, beside):
    files(tmp_path, *photos, *beside)
    listing = list_folder(tmp_path)
    assert [path.name for path in listing.photos] == photos
    assert [path.name for path in listing.beside] == beside
    assert f"{len(beside)} depth pictures or masks" in look_for_photos(tmp_path).remarks[0]


def test_a_photo_of_a_mask_is_a_photo(tmp_path):
    files(tmp_path, "mask_of_venice.jpg", "depth.jpg", "1.jpg")
    assert len(names(tmp_path)) == 3


def test_photos_that_cannot_be_read_here_are_counted(tmp_path):
    files(tmp_path, "1.jpg", "1.gif", "2.gif", "3.psd")
    assert [path.name for path in look_for_photos(tmp_path).unreadable] == ["2.gif", "3.psd"]


def test_a_live_photos_video_is_no_video_of_its_own(tmp_path):
    files(tmp_path, "IMG_1.HEIC", "IMG_1.MOV", "walk.mp4")
    assert [path.name for path in list_folder(tmp_path).videos] == ["walk.mp4"]


def test_one_shot_in_two_formats_is_taken_once(tmp_path):
    paths = [tmp_path / name for name in ("IMG_1.HEIC", "IMG_1.JPG", "2.png", "2.jpg", "3.jpg")]
    taken, left_out = one_file_a_shot(paths)
    assert [path.name for path in taken] == ["IMG_1.HEIC", "2.png", "3.jpg"]
    assert [path.name for path in left_out] == ["IMG_1.JPG", "2.jpg"]


def test_avif_and_webp_are_photos(tmp_path):
    for name in ("1.avif", "2.webp"):
        Image.fromarray(a_photo()).save(tmp_path / name)
    assert names(tmp_path) == ["1.avif", "2.webp"]


def test_jpeg_xl_is_read_where_its_plugin_is_installed(tmp_path):
    pytest.importorskip("pillow_jxl")
    Image.fromarray(a_photo()).save(tmp_path / "1.jxl", lossless=True)
    assert names(tmp_path) == ["1.jxl"]
    np.testing.assert_array_equal(read_photo(tmp_path / "1.jxl"), a_photo())
