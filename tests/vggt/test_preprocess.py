"""VGGT's input: equal to the published preprocessing, and the exact way back."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo
from tests.vggt.goldens import SAME_PILLOW, golden_file
from vggt.preprocess import preprocess


def corners_in_photo(image):
    left, top, right, bottom = image.valid_box
    corners = np.array([[left, top, 1], [right, bottom, 1]]) @ image.photo_from_model.T
    return corners[:, :2].ravel()


def published_decoding(content: bytes) -> np.ndarray:
    """PIL's RGB as the published loader takes it: only mode RGBA is composited."""
    picture = Image.open(io.BytesIO(content))
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


@SAME_PILLOW
def test_every_golden_case_comes_out_to_the_bit():
    golden = np.load(golden_file("vggt", "preprocess_*.npz"))
    cases = json.loads(str(golden["cases"]))
    assert len(cases) > 3
    compared = 0
    for case, names in cases.items():
        photos = [published_decoding(golden[f"file/{name}"].tobytes()) for name in names]
        for mode in ("crop", "pad"):
            images = preprocess(photos, mode, 518, 14)
            found = np.stack([image.rgb for image in images]).transpose(0, 3, 1, 2)
            np.testing.assert_array_equal(found, golden[f"out/{case}/{mode}"], case)
            compared += 1
    assert compared == sum(name.startswith("out/") for name in golden)


@pytest.mark.parametrize("mode", ["crop", "pad"])
@pytest.mark.parametrize(
    "size_wh", [(640, 480), (480, 640), (518, 518), (700, 9), (9, 700), (1, 1)]
)
def test_sizes_are_whole_patches_and_hold_the_photo(mode, size_wh):
    (image,) = preprocess([a_photo(size_wh)], mode, 518, 14)
    height, width = image.rgb.shape[:2]
    assert height % 14 == 0 == width % 14 and width == 518
    assert height == 518 if mode == "pad" else height <= 518
    left, top, right, bottom = corners_in_photo(image)
    assert (left, right) == pytest.approx((0, size_wh[0]))
    if mode == "pad" or size_wh[0] >= size_wh[1]:
        assert (top, bottom) == pytest.approx((0, size_wh[1]))
    else:
        assert top == pytest.approx(size_wh[1] - bottom, abs=size_wh[1] / 500)


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_mixed_sizes_are_padded_to_one_and_each_finds_its_way_back(mode):
    photos = [a_photo((640, 480)), a_photo((480, 640)), a_photo((800, 300))]
    images = preprocess(photos, mode, 518, 14)
    assert len({image.rgb.shape for image in images}) == 1
    for photo, image in zip(photos, images, strict=True):
        left, top, right, bottom = image.valid_box
        padding = np.ones(image.rgb.shape[:2], bool)
        padding[top:bottom, left:right] = False
        assert (image.rgb[padding] == 255).all()
        x0, y0, x1, y1 = corners_in_photo(image)
        assert (x0, x1) == pytest.approx((0, photo.shape[1]))
        assert 0 <= y0 < y1 <= photo.shape[0]


def test_a_mark_in_the_photo_is_found_where_the_mapping_says():
    photo = np.zeros((900, 600, 3), np.uint8)
    photo[600:620, 400:420] = 255
    for mode in ("crop", "pad"):
        (image,) = preprocess([photo], mode, 518, 14)
        left, top, right, bottom = image.valid_box
        marked = np.argwhere(image.rgb[top:bottom, left:right, 0] > 127) + [top, left] + 0.5
        row, column = marked.mean(axis=0)
        x, y, _ = image.photo_from_model @ [column, row, 1]
        assert (x, y) == pytest.approx((410, 610), abs=0.7)
