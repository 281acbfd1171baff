"""Trainers' own code from the files to the loss: rasters, what the VAE gets, overfitting."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.pair_builders import a_scene
from tests.trainers.loaders.coordinates import a_coordinate_picture, fitted
from tests.trainers.surroundings import SURROUNDINGS, run_in
from warpset.trainers.captions import Prompts
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.layouts import diffusion_pipe
from warpset.trainers.trainer import Training

MEASURED = json.loads((Path(__file__).parent / "measured_grids.json").read_text())
SIDES = (512, 768, 1024, 1328)
SAME = 1e-6
"""Twenty times its logarithm: 120 dB between two pictures, 0..1."""


def an_export(tmp_path, layout, model, sizes_wh=((96, 64),), photos=2):
    for number, size_wh in enumerate(sizes_wh):
        a_scene(tmp_path / "output", f"s{number}", photos, with_masks=False, size_wh=size_wh)
    options = ExportOptions(Prompts(("fix it",)), base_model=model, quiet=True)
    export_pairs(tmp_path / "output", layout, tmp_path / "set", options)
    return tmp_path / "set"


def paint_coordinates(place):
    """Put a coordinate picture of its size in the place of each picture."""
    for path in place.rglob("*.png"):
        size_wh = Image.open(path).size
        Image.fromarray(a_coordinate_picture(size_wh)).save(path, compress_level=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", sorted({row["model"] for row in MEASURED if row["trainer"] == "aitoolkit"})
)
def test_ai_toolkit_lays_pictures_where_it_was_measured_to(tmp_path, model):
    known = [row for row in MEASURED if (row["trainer"], row["model"]) == ("aitoolkit", model)]
    sizes_wh = sorted({tuple(row["source_wh"]) for row in known})
    place = an_export(tmp_path, "aitoolkit", model, sizes_wh)
    paint_coordinates(place)
    found = run_in(SURROUNDINGS["aitoolkit"], "measure_aitoolkit.py", place, *SIDES)
    keys = ("resolution", "matches_target", "source_wh")
    by_case = {tuple(map(str, (row[key] for key in keys))): row for row in found}
    for row in known:
        case = by_case[tuple(map(str, (row[key] for key in keys)))]
        assert (case["target_wh"], case["control_wh"]) == (row["target_wh"], row["control_wh"])
        assert case["shift_px"] == pytest.approx(row["shift_px"], abs=0.05)
        if case["control_wh"] == case["source_wh"]:
            assert case["unlike"] < SAME, case


@pytest.mark.slow
@pytest.mark.parametrize(
    ("surroundings", "layout", "model", "script", "length"),
    [
        ("aitoolkit", "aitoolkit", "qwen-image-edit-2509", "train_aitoolkit.py", 120),
        ("modelscope clone", "modelscope", "flux2-klein-4b", "train_diffsynth.py", 25),
    ],
)
def test_a_lora_overfits_on_four_pairs(tmp_path, surroundings, layout, model, script, length):
    """Plumbing only: a tiny model of random weights learns nothing of use."""
    place = an_export(tmp_path, layout, model, photos=3)
    work = tmp_path / "work"
    work.mkdir()
    told = run_in(SURROUNDINGS[surroundings], script, place, work, length)
    losses = told["losses"]
    assert np.mean(losses[-20:]) <= np.mean(losses[:10]) / 2
    assert told["encoded"] > 0 and told["distance"] < SAME


@pytest.mark.parametrize("size_wh", [(540, 360), (640, 480), (1248, 832)])
@pytest.mark.parametrize("side", SIDES)
def test_diffusion_pipes_cut_is_the_one_that_is_predicted(size_wh, side):
    """`convert_crop_and_resize` is Pillow's `ImageOps.fit` to the bucket."""
    fit = diffusion_pipe.trained(size_wh, Training(side, "kontext")).target
    cut = ImageOps.fit(Image.fromarray(a_coordinate_picture(size_wh)), fit.size_wh)
    box = fitted(np.asarray(cut).transpose(2, 0, 1) / 255, size_wh).box
    assert box == pytest.approx(fit.box, abs=0.1)
