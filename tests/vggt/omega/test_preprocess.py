"""VGGT-Omega's input: equal to the published preprocessing, and the exact way back."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from estimators.command_line import add_geometry_flags
from tests.builders import a_photo
from tests.vggt.goldens import SAME_PILLOW, golden_file
from vggt.checkpoint import ModelError
from vggt.omega.model import OmegaConfig
from vggt.omega.sizing import balanced_size, kept_box, longest_side_size
from vggt.preprocess import preprocess
from vggt.registry import NETWORKS, VGGT_1B, VGGT_OMEGA
from warpset.building.command_line import make_parser

MODES = ("balanced", "max_size")


@pytest.fixture(scope="module")
def golden():
    with np.load(golden_file("omega", "preprocess_*.npz"), allow_pickle=False) as stored:
        return dict(stored)


def published_decoding(content: bytes) -> np.ndarray:
    """PIL's RGB as the published loader takes it: only mode RGBA is composited."""
    picture = Image.open(io.BytesIO(content))
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def corners_in_photo(image):
    left, top, right, bottom = image.valid_box
    corners = np.array([[left, top, 1], [right, bottom, 1]]) @ image.photo_from_model.T
    return corners[:, :2].ravel()


def run_golden(golden, run) -> np.ndarray:
    """A run of the published loader by ours: (S, 3, H, W) uint8."""
    asked = run["kwargs"]
    patch = asked.get("patch_size", 16)
    side = OmegaConfig(img_size=asked.get("image_resolution", 512), patch_size=patch).img_size
    photos = [published_decoding(golden[f"file/{name}"].tobytes()) for name in run["files"]]
    images = preprocess(photos, VGGT_OMEGA.mode(asked.get("mode")), side, patch)
    return np.stack([image.rgb for image in images]).transpose(0, 3, 1, 2)


@SAME_PILLOW
def test_every_golden_case_comes_out_to_the_bit(golden):
    runs = [run for run in json.loads(str(golden["runs"])) if "error" not in run]
    assert len(runs) == sum(name.startswith("out/") for name in golden) >= 20
    for run in runs:
        np.testing.assert_array_equal(
            run_golden(golden, run), golden[f"out/{run['id']}"], run["case"]
        )


def test_what_the_published_loader_refuses_is_refused(golden):
    runs = [run for run in json.loads(str(golden["runs"])) if "error" in run]
    assert runs
    for run in runs:
        with pytest.raises((ValueError, ModelError)):
            run_golden(golden, run)


def test_every_golden_size_is_found(golden):
    assert len(golden["sizes"]) > 250
    for width, height, *row in golden["sizes"].tolist():
        left, top, right, bottom = kept_box((width, height))
        kept_wh = (right - left, bottom - top)
        found = [*kept_wh]
        for side in (256, 416, 512):
            for size in (balanced_size, longest_side_size):
                found += reversed(size(kept_wh, side, 16))
        assert found == row, (width, height)


@pytest.mark.parametrize(
    ("size_wh", "balanced_wh", "longest_wh"),
    [
        ((640, 480), (592, 448), (512, 384)),
        ((600, 400), (624, 416), (512, 336)),
        ((1080, 1920), (384, 688), (288, 512)),
        ((300, 300), (512, 512), (512, 512)),
    ],
)
def test_sizes_are_those_of_the_published_loader(size_wh, balanced_wh, longest_wh):
    assert balanced_size(size_wh, 512, 16) == balanced_wh
    assert longest_side_size(size_wh, 512, 16) == longest_wh


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size_wh", [(640, 480), (480, 640), (1001, 100), (100, 999), (1, 1)])
def test_sizes_are_whole_patches_and_hold_the_middle_of_the_photo(mode, size_wh):
    (image,) = preprocess([a_photo(size_wh)], mode, 512, 16)
    assert not any(side % 16 for side in image.rgb.shape[:2])
    left, top, right, bottom = corners_in_photo(image)
    width, height = size_wh
    assert right - left == pytest.approx(min(width, 2 * height))
    assert bottom - top == pytest.approx(min(height, 2 * width))
    assert left == pytest.approx(width - right, abs=1.001)
    assert top == pytest.approx(height - bottom, abs=1.001)


@pytest.mark.parametrize("mode", MODES)
def test_mixed_sizes_are_padded_to_one_and_each_finds_its_way_back(mode):
    photos = [a_photo((640, 480)), a_photo((480, 640)), a_photo((900, 300))]
    images = preprocess(photos, mode, 512, 16)
    assert len({image.rgb.shape for image in images}) == 1
    for photo, image in zip(photos, images, strict=True):
        left, top, right, bottom = image.valid_box
        padding = np.ones(image.rgb.shape[:2], bool)
        padding[top:bottom, left:right] = False
        assert (image.rgb[padding] == 255).all()
        x0, y0, x1, y1 = corners_in_photo(image)
        height, width = photo.shape[:2]
        assert (y0, y1) == pytest.approx((0, height))
        assert (x0, x1) == pytest.approx((0, width) if width < 900 else (150, 750))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size_wh", [(900, 300), (300, 900), (500, 400)])
def test_a_mark_in_the_photo_is_found_where_the_mapping_says(mode, size_wh):
    photo = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    x0, y0 = size_wh[0] // 2 + 30, size_wh[1] // 2 - 70
    photo[y0 : y0 + 20, x0 : x0 + 20] = 255
    image, _ = preprocess([photo, a_photo((512, 512))], mode, 512, 16)
    left, top, right, bottom = image.valid_box
    marked = np.argwhere(image.rgb[top:bottom, left:right, 0] > 127) + [top, left] + 0.5
    row, column = marked.mean(axis=0)
    found_x, found_y, _ = image.photo_from_model @ [column, row, 1]
    assert (found_x, found_y) == pytest.approx((x0 + 10, y0 + 10), abs=0.7)


def test_the_flag_offers_what_the_networks_have():
    (flag,) = (a for a in make_parser(add_geometry_flags)._actions if a.dest == "preprocess_mode")
    assert flag.choices == sum((network.modes for network in NETWORKS), ()) and flag.default is None


def test_each_network_has_its_own_ways_and_default():
    assert VGGT_1B.mode(None) == "crop" and VGGT_OMEGA.mode(None) == "balanced"
    assert VGGT_1B.mode("pad") == "pad" and VGGT_OMEGA.mode("max_size") == "max_size"
    for network, mode in ((VGGT_1B, "balanced"), (VGGT_OMEGA, "crop")):
        ways = " and ".join(network.modes)
        expected = f"^preprocess mode {mode}: {network.name} has {ways}; give one"
        with pytest.raises(ModelError, match=expected):
            network.mode(mode)
