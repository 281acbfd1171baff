"""Where pixels come to lie: measured through the trainers' own loaders, and predicted."""

import json
from pathlib import Path

import pytest

from tests.pair_builders import a_scene
from warpset.core.sizes import SIZE_PRESETS, preset_resolution
from warpset.trainers.base_models import BASE_MODELS
from warpset.trainers.captions import Prompts
from warpset.trainers.documents import ExportContext
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.grids import lost_share, whole
from warpset.trainers.layouts import (
    aitoolkit,
    diffusion_pipe,
    modelscope,
    musubi,
    sd_scripts,
    simpletuner,
)
from warpset.trainers.registry import TRAINERS
from warpset.trainers.trainer import Training

MEASURED = json.loads((Path(__file__).parent / "measured_grids.json").read_text())
"""Coordinate pictures sent through loader and model of each trainer: see docs/trainers.md."""

FIT_PX = 0.4
"""A fit of a coordinate picture after two interpolations is this good, in source pixels."""


@pytest.mark.parametrize("trainer", sorted({row["trainer"] for row in MEASURED}))
def test_every_measured_mapping_is_the_predicted_one(trainer):
    rows = [row for row in MEASURED if row["trainer"] == trainer]
    assert len(rows) >= 8
    for row in rows:
        training = Training(row["resolution"], row["model"], row["matches_target"])
        predicted = TRAINERS[trainer].trained
        assert predicted is not None
        fit = predicted(tuple(row["source_wh"]), training)
        assert fit.target.size_wh == tuple(row["target_wh"]), row
        assert fit.control.size_wh == tuple(row["control_wh"]), row
        assert fit.shift_px == pytest.approx(row["shift_px"], abs=FIT_PX), row


@pytest.mark.parametrize("preset", SIZE_PRESETS)
@pytest.mark.parametrize("model", aitoolkit.ARCHITECTURES)
def test_ai_toolkit_keeps_the_sizes_of_a_preset_whole(preset, model):
    training = Training(preset_resolution(preset), model, matches_target=True)
    for size_wh in SIZE_PRESETS[preset]:
        fit = aitoolkit.trained(size_wh, training)
        assert fit.target.size_wh == size_wh and fit.same_grid and fit.shift_px == 0


@pytest.mark.parametrize("preset", SIZE_PRESETS)
def test_musubi_keeps_the_sizes_of_a_preset_whole(preset):
    for size_wh in SIZE_PRESETS[preset]:
        fit = musubi.trained(size_wh, Training(preset_resolution(preset), "flux2-dev"))
        assert fit.target == fit.control == whole(size_wh)


@pytest.mark.parametrize("layout", [diffusion_pipe, sd_scripts])
@pytest.mark.parametrize("preset", SIZE_PRESETS)
def test_other_trainers_keep_the_sizes_of_a_preset_whole(preset, layout):
    for size_wh in SIZE_PRESETS[preset]:
        fit = layout.trained(size_wh, Training(preset_resolution(preset), "flux2-dev"))
        assert fit.target == fit.control == whole(size_wh)


def test_diffusion_pipe_is_given_one_size_for_each_aspect_in_their_order(tmp_path):
    """It takes the place of an aspect among all for the place of its size."""
    for number, size_wh in enumerate([(192, 128), (96, 64), (64, 96), (128, 64)]):
        a_scene(tmp_path / "output", f"s{number}", photos=2, size_wh=size_wh)
    export_pairs(
        tmp_path / "output", "diffusion-pipe", tmp_path / "set", ExportOptions(Prompts(("fix",)))
    )
    written = (tmp_path / "set" / "dataset.toml").read_text()
    assert "size_buckets = [[64, 96, 1], [192, 128, 1], [128, 64, 1]]" in written


@pytest.mark.parametrize("model", simpletuner.FLAVOURS)
def test_simpletuner_crops_target_and_controls_alike(model, tmp_path):
    a_scene(tmp_path / "output", photos=2)
    options = ExportOptions(Prompts(("fix",)), base_model=model, quiet=True)
    export_pairs(tmp_path / "output", "simpletuner", tmp_path / "set", options)
    listed = json.loads((tmp_path / "set" / "multidatabackend.json").read_text())
    crops = [
        (each["crop"], each["crop_aspect"], each["crop_style"])
        for each in listed
        if "instance_data_dir" in each
    ]
    assert len(crops) >= 3 and set(crops) == {(True, "preserve", "center")}


def test_sd_scripts_is_allowed_buckets_of_the_resolution(tmp_path):
    a_scene(tmp_path / "output", photos=2)
    options = ExportOptions(Prompts(("fix",)), resolutions=(1328,))
    export_pairs(tmp_path / "output", "sd-scripts", tmp_path / "set", options)
    assert "max_bucket_reso = 1328\n" in (tmp_path / "set" / "dataset.toml").read_text()


def test_diffsynth_keeps_the_sizes_of_the_preset_for_1024_whole():
    for size_wh in SIZE_PRESETS["auto"]:
        for model in modelscope.PIPELINES:
            fit = modelscope.trained(size_wh, Training(1024, model))
            assert fit.target.size_wh == size_wh and fit.same_grid and fit.shift_px == 0


@pytest.mark.parametrize(
    ("size_wh", "resolutions", "helps"),
    [((640, 480), (1024,), True), ((1248, 832), (1024,), False), ((672, 384), (512,), True)],
)
def test_controls_take_the_targets_area_where_that_fits_better(size_wh, resolutions, helps):
    context = ExportContext(Path("/set"), resolutions, "fix it", "qwen-image-edit-2509")
    assert aitoolkit.matching_helps([size_wh], context) is helps


@pytest.mark.parametrize(
    ("size_wh", "resolution", "step_px", "lost"),
    [
        ((1216, 832), 768, 32, "7.5 % of its height"),
        ((640, 480), 512, 32, "3.7 % of its width"),
        ((1152, 896), 768, 32, None),
        ((1248, 832), 1024, 16, None),
    ],
)
def test_what_a_bucket_takes_away_is_known_before_it_happens(size_wh, resolution, step_px, lost):
    model = "flux2-dev" if step_px == 16 else "qwen-image-edit-2509"
    target = aitoolkit.trained(size_wh, Training(resolution, model)).target
    assert lost_share(size_wh, target) == lost


def test_buckets_are_steps_within_the_area():
    for width in range(40, 2000, 61):
        for resolution in (512, 1024):
            bucket = aitoolkit.aitoolkit_bucket((width, 700), resolution, 32)
            assert bucket[0] % 32 == bucket[1] % 32 == 0 < bucket[0]
            assert bucket[0] * bucket[1] <= resolution**2


@pytest.mark.parametrize(
    ("size_wh", "bucket"),
    [((960, 720), (960, 720)), ((1000, 700), (992, 688)), ((1333, 750), (1328, 736)),
     ((2000, 1500), (1184, 880))],
)  # fmt: skip
def test_musubi_goes_by_buckets_above_the_area_only(size_wh, bucket):
    assert musubi.musubi_bucket(size_wh, 1024) == bucket


def test_the_page_shows_what_was_measured_beside_what_is_predicted():
    page = (Path(__file__).parents[2] / "docs" / "trainers.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.count(" = ") >= 1 and line[0] == "|"]
    shown = [row for row in MEASURED if row["source_wh"] in ([540, 360], [640, 480], [1248, 832])]
    for row in shown:
        trainer = TRAINERS[row["trainer"]]
        assert trainer.trained is not None
        training = Training(row["resolution"], row["model"], row["matches_target"])
        predicted = trainer.trained(tuple(row["source_wh"]), training).shift_px
        title = BASE_MODELS[row["model"]].title if row["model"] else "any"
        title += ", `match" * row["matches_target"]
        start = f"| {trainer.title} | {title}"
        source = "| {}x{} |".format(*row["source_wh"])
        cell = f"{row['shift_px']:.1f} = {predicted:.1f}"
        assert any(line.startswith(start) and source in line and cell in line for line in lines), (
            row
        )
