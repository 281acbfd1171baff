"""Depth Anything 3's input: equal to the published preprocessing, and the exact way back."""

import json

import numpy as np
import pytest

from tests.builders import a_photo
from tests.vggt.goldens import golden_file
from vggt.da3.fitting import FIT_MODES
from vggt.preprocess import preprocess
from vggt.registry import DEPTH_ANYTHING_3, VGGT_1B


@pytest.fixture(scope="module")
def golden():
    with np.load(golden_file("da3", "preprocess_*.npz"), allow_pickle=False) as stored:
        return dict(stored)


def as_rgb(photo: np.ndarray) -> np.ndarray:
    """What the published loader makes of grey photos, and of those with alpha."""
    grey = photo if photo.ndim == 3 else photo[..., None]
    return np.ascontiguousarray(np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey[..., :3])


def corners_in_photo(image):
    left, top, right, bottom = image.valid_box
    corners = np.array([[left, top, 1], [right, bottom, 1]]) @ image.photo_from_model.T
    return corners[:, :2].ravel()


def test_every_golden_case_comes_out_to_the_bit(golden):
    runs = json.loads(str(golden["runs"]))
    assert len(runs) == sum(name.startswith("out/") for name in golden) > 20
    for run in runs:
        photos = [as_rgb(golden[name]) for name in run["photos"]]
        images = preprocess(photos, run["method"], run["res"], 14)
        found = np.stack([image.rgb for image in images])
        np.testing.assert_array_equal(found, golden[f"out/{run['id']}"], run["case"])


@pytest.mark.slow
def test_every_golden_size_is_found(golden):
    assert len(golden["sizes"]) > 400
    for width, height, side, _, _, *size_wh in golden["sizes"].tolist():
        (image,) = preprocess(
            [np.zeros((height, width, 3), np.uint8)], "upper_bound_resize", side, 14
        )
        assert [*image.rgb.shape[1::-1]] == size_wh, (width, height, side)


@pytest.mark.parametrize(
    ("size_wh", "fitted_wh"),
    [
        ((640, 480), (504, 378)),
        ((600, 400), (504, 336)),
        ((1920, 1080), (504, 280)),
        ((300, 300), (504, 504)),
        ((500, 3), (504, 14)),
    ],
)
def test_sizes_are_those_of_the_published_loader(size_wh, fitted_wh):
    (image,) = preprocess([a_photo(size_wh)], "upper_bound_resize", 504, 14)
    assert image.rgb.shape[1::-1] == fitted_wh
    assert corners_in_photo(image) == pytest.approx([0, 0, *size_wh])


@pytest.mark.parametrize("mode", FIT_MODES)
@pytest.mark.parametrize("size_wh", [(900, 300), (301, 905), (500, 400), (400, 2)])
def test_a_mark_in_the_photo_is_found_where_the_mapping_says(mode, size_wh):
    if mode.startswith("lower") and min(size_wh) < 14:
        pytest.skip("would be enlarged to a hundred thousand pixels")
    photo = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    x0, y0 = size_wh[0] // 2 - 10, max(0, size_wh[1] // 2 - 40)
    photo[y0 : y0 + 20, x0 : x0 + 20] = 255
    (image,) = preprocess([photo], mode, 504, 14)
    assert not any(side % 14 for side in image.rgb.shape[:2])
    weight = image.rgb[..., 0].astype(float)
    rows, columns = np.indices(weight.shape) + 0.5
    centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum(), 1]
    found_x, found_y, _ = image.photo_from_model @ centre
    true_y = (y0 + min(y0 + 20, size_wh[1])) / 2
    assert (found_x, found_y) == pytest.approx((x0 + 10, true_y), abs=0.3)


def test_of_mixed_sizes_the_middle_is_kept_that_all_have():
    photos = [a_photo((640, 480)), a_photo((480, 640)), a_photo((900, 300))]
    images = preprocess(photos, "upper_bound_resize", 504, 14)
    assert {image.rgb.shape for image in images} == {(168, 378, 3)}
    for photo, image in zip(photos, images, strict=True):
        left, top, right, bottom = corners_in_photo(image)
        assert left == pytest.approx(photo.shape[1] - right)
        assert top == pytest.approx(photo.shape[0] - bottom)


def test_the_default_is_the_published_one_and_no_other_network_has_it():
    assert DEPTH_ANYTHING_3.mode(None) == "upper_bound_resize"
    assert not set(DEPTH_ANYTHING_3.modes) & set(VGGT_1B.modes)
