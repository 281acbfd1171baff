"""Photos: whatever the file holds comes out upright, 8-bit and opaque, or is named."""

import io
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from tests.builders import SHARED_DATA, a_photo
from warpset.core.errors import InputError
from warpset.core.natural_order import sorted_naturally
from warpset.files.photo_folders import find_photos, photos_in
from warpset.files.photos import (
    check_photo,
    read_photo,
    resample_photo,
    sha256_of,
    upright_size,
)


def save(path, picture, **options):
    Image.fromarray(picture).save(path, **options)
    return path


def test_photos_lie_in_the_folder_or_in_its_first_images_folder(tmp_path):
    for folder in ("images_4", "images_2", "other"):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "a.PNG", a_photo())
    (tmp_path / "images_2" / "notes.txt").write_text("no photo")
    (tmp_path / "images_2" / ".hidden.png").write_bytes(b"")
    assert find_photos(tmp_path) == [tmp_path / "images_2" / "a.PNG"]
    save(tmp_path / "top.jpg", a_photo())
    assert find_photos(tmp_path) == [tmp_path / "top.jpg"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    upright = a_photo((60, 40))
    turns = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / "a.png", np.ascontiguousarray(turns[orientation]), exif=exif)
    np.testing.assert_array_equal(read_photo(path), upright)
    assert upright_size(path) == check_photo(path) == (60, 40)


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    ramp = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    gray = read_photo(save(tmp_path / "a.png", ramp))
    np.testing.assert_array_equal(gray[..., 0], (ramp.astype(int) + 128) // 257)
    assert (gray[..., :1] == gray).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_composited_over_white(tmp_path, mode):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, :3, 3] = 255
    picture = Image.fromarray(rgba)
    if mode == "P":
        picture = picture.quantize(4)
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "a.png")
    rgb = read_photo(tmp_path / "a.png")
    assert (rgb[:, :3] == 0).all() and (rgb[:, 3:] == 255).all()


def test_a_truncated_photo_is_found_by_the_cheap_check_too(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(a_photo((640, 480))).save(whole, "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    for read in (check_photo, read_photo):
        with pytest.raises(InputError, match="a.jpg: cannot be read as a photo .*truncated"):
            read(path)


def test_an_image_bomb_is_refused_by_its_header(tmp_path):
    path = save(tmp_path / "a.png", np.zeros((20_000, 10_000), bool))
    for read in (upright_size, check_photo, read_photo):
        with pytest.raises(InputError, match="pixels"):
            read(path)


def test_resampling_the_whole_photo_at_its_size_changes_nothing():
    photo = a_photo()
    assert resample_photo(photo, (0, 0, 64, 48), (64, 48)) is photo


def test_resampling_half_of_a_photo_keeps_to_that_half():
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[:, 30:] = 200
    half = resample_photo(photo, (30, 0, 60, 40), (15, 20))
    assert half.shape == (20, 15, 3)
    np.testing.assert_array_equal(half[:, 3:], 200)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the shared sample data")
def test_odd_and_broken_files_give_a_photo_or_one_line():
    read = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sorted_naturally((SHARED_DATA / "tricky").rglob("*.*")):
            try:
                rgb = read_photo(path)
            except InputError as error:
                assert "\n" not in str(error) and path.name in str(error)
                continue
            read += 1
            assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3
            assert upright_size(path) == check_photo(path) == rgb.shape[1::-1]
    assert read >= 65


def test_only_photo_extensions_are_listed(tmp_path):
    for name in ("a.jpg", "b.JPEG", "c.heic", "d.gif", "e.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in photos_in(tmp_path)] == ["a.jpg", "b.JPEG", "c.heic"]


def test_nobody_waits_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be read as a photo .*no regular file"):
        read_photo(tmp_path / "a.png")
    with pytest.raises(OSError, match="no regular file"):
        sha256_of(tmp_path / "a.png")
