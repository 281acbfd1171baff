"""Sizes that trainers keep whole."""

import math

import pytest

from warpset.core.sizes import LOSS_FREE_SIZES_WH, SIZE_PRESETS, preset_resolution, preset_size
from warpset.trainers.layouts.aitoolkit import aitoolkit_bucket


def qwen_control_size(size_wh, area=1024 * 1024):
    """The rule of Qwen-Image-Edit-2509's pipeline: the area, the aspect, multiples of 32."""
    width = math.sqrt(area * size_wh[0] / size_wh[1])
    return round(width / 32) * 32, round(width * size_wh[1] / size_wh[0] / 32) * 32


def keeps_aspect(size_wh, bucket_wh):
    """Whether scaling to cover the bucket leaves nothing to cut, once sides are rounded up."""
    scale = max(bucket_wh[0] / size_wh[0], bucket_wh[1] / size_wh[1])
    return tuple(math.ceil(side * scale) for side in size_wh) == bucket_wh


@pytest.mark.parametrize("step_px", [16, 32])
def test_every_size_passes_ai_toolkit_whole_at_1024(step_px):
    for size_wh in LOSS_FREE_SIZES_WH:
        assert aitoolkit_bucket(size_wh, 1024, step_px) == size_wh


def test_every_size_passes_qwens_own_resize_of_controls():
    assert [qwen_control_size(size_wh) for size_wh in LOSS_FREE_SIZES_WH] == list(
        LOSS_FREE_SIZES_WH
    )


def test_two_shapes_stay_whole_at_every_usual_resolution():
    whole = {
        size_wh
        for size_wh in LOSS_FREE_SIZES_WH
        if all(
            keeps_aspect(size_wh, aitoolkit_bucket(size_wh, side, 32)) for side in (512, 768, 1024)
        )
    }
    assert whole == {(1024, 1024), (1152, 896), (896, 1152)}


@pytest.mark.parametrize("preset", ["qwen", "flux2", "kontext", "auto"])
@pytest.mark.parametrize(
    ("photo_wh", "size_wh"),
    [
        ((540, 360), (1248, 832)),
        ((1280, 720), (1344, 768)),
        ((3000, 4000), (864, 1184)),
        ((77, 77), (1024, 1024)),
        ((4000, 500), (1536, 672)),
    ],
)
def test_a_preset_takes_the_nearest_aspect(preset, photo_wh, size_wh):
    assert preset_size(preset, photo_wh) == size_wh


def test_a_photo_and_its_portrait_twin_get_twin_sizes():
    for width in range(300, 3000, 37):
        landscape = preset_size("auto", (width, 1000))
        assert preset_size("auto", (1000, width)) == landscape[::-1]


def test_a_photo_of_a_listed_size_keeps_it():
    for size_wh in LOSS_FREE_SIZES_WH:
        assert preset_size("auto", size_wh) == size_wh


@pytest.mark.parametrize("side", [512, 768, 1328])
def test_the_preset_of_a_resolution_fills_its_area_and_no_more(side):
    preset = f"auto-{side}"
    assert preset_resolution(preset) == side
    for width, height in SIZE_PRESETS[preset]:
        assert width % 32 == height % 32 == 0
        assert 0.94 <= width * height / side**2 <= 1
        assert (height, width) in SIZE_PRESETS[preset]
    assert preset_size(preset, (1920, 1080)) in SIZE_PRESETS[preset]


def test_a_preset_without_a_resolution_is_for_1024():
    assert [preset_resolution(preset) for preset in ("auto", None, (1248, 832))] == [1024] * 3
