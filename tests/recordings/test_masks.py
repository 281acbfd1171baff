"""Masks of photos: where they come from, which way round they are, and what they leave out."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo, a_scene, read_transforms_file, write_transforms
from tests.recordings import format_builders as formats
from warpset.core.errors import InputError
from warpset.recordings.masks import (
    kept_share,
    mask_files,
    masked,
    read_kept,
    unused_mask_folder,
)
from warpset.recordings.recording import MaskFile
from warpset.recordings.registry import read_recording, recorded_geometry

LEFT_OUT = np.zeros((48, 64), bool)
LEFT_OUT[10:20, 5:30] = True


def put_mask(path, white, size_wh=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.where(white, np.uint8(255), np.uint8(0)))
    picture.resize(size_wh, Image.Resampling.NEAREST).save(path)


def kept_of_first(scene):
    recording = read_recording(scene)
    assert recording is not None
    photos = [frame.photo.path for frame in recording.frames]
    masks = mask_files(scene, recording, photos)
    frame = masked(recorded_geometry(recording, recording.frames), masks).frames[0]
    return None if frame.load_kept is None else frame.load_kept()


def with_mask_path(scene, listed):
    content = read_transforms_file(scene)
    content["frames"][0]["mask_path"] = listed
    write_transforms(scene, content)


def test_black_is_left_out_by_mask_path(tmp_path):
    scene = a_scene(tmp_path / "s")
    with_mask_path(scene, "masks/any.png")
    put_mask(scene / "masks/any.png", ~LEFT_OUT)
    np.testing.assert_array_equal(kept_of_first(scene), ~LEFT_OUT)


def test_white_is_left_out_by_instant_ngps_dynamic_masks(tmp_path):
    scene = a_scene(tmp_path / "s")
    put_mask(scene / "images/dynamic_mask_1.png", LEFT_OUT)
    np.testing.assert_array_equal(kept_of_first(scene), ~LEFT_OUT)


@pytest.mark.parametrize("name", ["masks/0.png.png", "masks/0.png", "mask/0.png", "masks/0.PNG"])
def test_black_is_left_out_by_a_mask_named_as_colmaps_and_3dgs(tmp_path, name):
    formats.colmap_workspace(tmp_path)
    put_mask(tmp_path / name, ~LEFT_OUT)
    np.testing.assert_array_equal(kept_of_first(tmp_path), ~LEFT_OUT)


def test_masks_by_name_need_no_recording(tmp_path):
    formats.put_photo(photo := tmp_path / "images/cam1/0.png", 0)
    put_mask(tmp_path / "masks/cam1/0.png", ~LEFT_OUT)
    masks = mask_files(tmp_path, None, [photo])
    np.testing.assert_array_equal(read_kept(masks[photo], photo), ~LEFT_OUT)


def test_a_mask_of_the_stored_pixels_turns_with_its_photo(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(a_photo()).save(photo := tmp_path / "0.jpg", exif=exif)
    put_mask(mask := tmp_path / "mask.png", ~LEFT_OUT)
    kept = read_kept(MaskFile(mask), photo)
    np.testing.assert_array_equal(kept, np.rot90(~LEFT_OUT, 3))


def test_a_mask_that_is_listed_and_absent_leaves_its_photo_out_by_name(tmp_path):
    scene = a_scene(tmp_path / "s")
    with_mask_path(scene, "masks/gone.png")
    recording = read_recording(scene)
    assert recording is not None and len(recording.frames) == 2
    assert "mask_path 'masks/gone.png' is not there" in next(iter(recording.problems.values()))


def test_a_mask_path_that_is_no_text_leaves_its_photo_out_by_name(tmp_path):
    scene = a_scene(tmp_path / "s", photos=3)
    with_mask_path(scene, 5)
    recording = read_recording(scene)
    assert recording is not None and len(recording.frames) == 2
    assert "its mask_path 5 is no path" in next(iter(recording.problems.values()))


@pytest.mark.parametrize("name", ["images/dynamic_mask_1.png", "masks/1.png"])
def test_a_pipe_or_a_link_to_nothing_is_no_mask_and_not_passed_over(tmp_path, name):
    scene = a_scene(tmp_path / "s")
    (scene / "masks").mkdir()
    (scene / name).symlink_to("nowhere.png")
    with pytest.raises(InputError, match="not there"):
        kept_of_first(scene)
    (scene / name).unlink()
    os.mkfifo(scene / name)
    with pytest.raises(InputError, match="no regular file"):
        kept_of_first(scene)


def test_a_mask_path_cannot_leave_the_scene(tmp_path):
    scene = a_scene(tmp_path / "s")
    put_mask(tmp_path / "outside.png", ~LEFT_OUT)
    with_mask_path(scene, "../outside.png")
    recording = read_recording(scene)
    assert recording is not None
    assert "leaves the scene folder" in next(iter(recording.problems.values()))


@pytest.mark.parametrize("content", [b"", b"%!PS-Adobe-3.0 EPSF\n{} loop\n", b"P5 9 9 255\n"])
def test_what_is_no_picture_is_no_mask(tmp_path, content):
    formats.put_photo(photo := tmp_path / "0.png", 0)
    (tmp_path / "mask.png").write_bytes(content)
    with pytest.raises(InputError, match="mask.png: cannot be read as a mask"):
        read_kept(MaskFile(tmp_path / "mask.png"), photo)


def test_a_mask_of_another_aspect_is_refused(tmp_path):
    formats.put_photo(photo := tmp_path / "0.png", 0)
    put_mask(tmp_path / "mask.png", ~LEFT_OUT, (64, 64))
    with pytest.raises(InputError, match="mask.png: found 64x64, need the aspect of its photo"):
        read_kept(MaskFile(tmp_path / "mask.png"), photo)


def test_a_mask_that_announces_more_pixels_than_a_photo_may_have_is_refused(tmp_path):
    formats.put_photo(photo := tmp_path / "0.png", 0)
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(InputError, match="mask.png: cannot be read as a mask .*decompression bomb"):
        read_kept(MaskFile(tmp_path / "mask.png"), photo)


def test_a_mask_of_zeros_and_ones_keeps_the_ones(tmp_path):
    Image.fromarray(a_photo()).save(photo := tmp_path / "0.png")
    Image.fromarray((~LEFT_OUT).astype(np.uint8)).save(mask := tmp_path / "mask.png")
    np.testing.assert_array_equal(read_kept(MaskFile(mask), photo), ~LEFT_OUT)


def test_a_mask_in_a_pictures_transparency_is_refused(tmp_path):
    Image.fromarray(a_photo()).save(photo := tmp_path / "0.png")
    picture = np.zeros((48, 64, 4), np.uint8)
    picture[..., 3] = np.where(LEFT_OUT, 0, 255)
    Image.fromarray(picture).save(mask := tmp_path / "mask.png")
    with pytest.raises(InputError, match="mask.png: .* transparent in places, need black and"):
        read_kept(MaskFile(mask), photo)


def test_what_masks_keep_is_told_so_that_swapped_ones_show(tmp_path):
    photos = [tmp_path / f"{index}.png" for index in range(20)]
    for photo in photos:
        formats.put_photo(photo, 0)
        put_mask(tmp_path / "masks" / photo.name, LEFT_OUT)
    share = kept_share(mask_files(tmp_path, None, photos))
    assert share == pytest.approx(LEFT_OUT.mean())


def test_masks_that_belong_to_no_photo_are_counted(tmp_path):
    formats.put_photo(photo := tmp_path / "images/0.png", 0)
    put_mask(tmp_path / "masks/other.png", ~LEFT_OUT)
    assert mask_files(tmp_path, None, [photo]) == {}
    assert unused_mask_folder(tmp_path) == (tmp_path / "masks", 1)
