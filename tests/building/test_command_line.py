"""The main script's flags as options, the seed's defaults, and what ends with code 2."""

import argparse
import hashlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from estimators.command_line import add_building_flags
from warpset.building.clips.plan import ClipRule
from warpset.building.command_line import (
    WAYS_ON,
    describe,
    make_parser,
    read_options,
    share_range,
)
from warpset.building.frames import FrameSampling, FrameSelection
from warpset.building.options import NOT_EMPTY, BuildOptions, MaskRule, PointFilter
from warpset.building.outputs import ON_REQUEST
from warpset.building.pairing import Pairing
from warpset.building.scores import Quality
from warpset.core.errors import InputError, Remedy
from warpset.core.masks import ConfidenceThreshold
from warpset.core.sizes import SizeRule


def options(*flags: str) -> BuildOptions:
    parser = make_parser(add_building_flags)
    return read_options(parser, parser.parse_args(flags))


# Each flag that decides something of a build, and the one option that it changes.
CHANGES = {
    "--geometry stereo": {"geometry": "stereo"},
    "--output-format png": {"output_format": "png"},
    "--max-megapixels 2.5": {"size_rule": SizeRule(2.5)},
    "--max-megapixels 0": {"size_rule": SizeRule(None)},
    "--resize-width 64 --resize-height 48": {"size_rule": SizeRule(1.0, (64, 48))},
    "--resize-width 0 --resize-height 0": {},
    "--size-preset qwen": {"size_rule": SizeRule(preset="qwen")},
    "--upsample-depth": {"upsample_depth": True},
    "--depth-conf-threshold p30": {"point_filter": PointFilter(ConfidenceThreshold(30, True))},
    "--depth-edge-threshold 0.1": {"point_filter": PointFilter(edge_threshold=0.1)},
    "--depth-edge-threshold 0": {"point_filter": PointFilter(edge_threshold=None)},
    "--depth-edge-threshold auto": {},
    "--depth-agreement 0.02": {"depth_agreement": 0.02},
    "--depth-agreement 0": {},
    "--augment-depth": {"augment_depth": True},
    "--from-one-photo": {"hole_shares": (0.1, 0.2, 0.3)},
    "--from-one-photo --hole-share 0.4,0.05": {"hole_shares": (0.05, 0.4)},
    "--hole-fill noise": {"hole_fill": "noise"},
    "--filter-sky": {"point_filter": PointFilter(sky=True)},
    "--filter-black-bg": {"point_filter": PointFilter(black_background=True)},
    "--filter-white-bg": {"point_filter": PointFilter(white_background=True)},
    "--mask-model a.onnx": {"mask_rule": MaskRule(Path("a.onnx"), None, 8)},
    "--mask-model a.onnx --mask-grow 3": {"mask_rule": MaskRule(Path("a.onnx"), None, 3)},
    "--depth-scale 5000": {"depth_scale": 5000.0},
    "--sigma 3": {"sigma_px": 3.0},
    "--auto-s0": {"auto_s0": True},
    "--skip-every 3": {"selection": FrameSelection(skip_every=3)},
    "--auto-skip": {"selection": FrameSelection(target_overlap=0.5)},
    "--auto-skip --target-overlap 0.7": {"selection": FrameSelection(target_overlap=0.7)},
    "--limit 4": {"selection": FrameSelection(limit=4)},
    "--limit 0": {},
    "--pairing all": {"pairing": Pairing("all")},
    "--pairing covisible --covisibility 0.3:0.8 --pairs-per-frame 5": {
        "pairing": Pairing("covisible", (0.3, 0.8), 5)
    },
    "--references 3": {"references": 3},
    "--fps 2": {"sampling": FrameSampling(fps=2.0)},
    "--frames 12": {"sampling": FrameSampling(count=12)},
    "--clips 17": {"clips": ClipRule(17)},
    "--clips 17 --clip-crf 18": {"clips": ClipRule(17, 18)},
    "--bidirectional": {"bidirectional": True},
    "--min-coverage 0.4": {"quality": Quality((("min-coverage", 0.4),))},
    "--match-exposure": {"match_exposure": True},
    "--save-scene-splats": {"scene_gaussians": True},
    "--save-colmap": {"colmap_model": True},
    "--force_output": {"force": True},
    "--dry-run": {"dry_run": True},
    "--plan": {"plan": True},
    "--max-hole-share 0.5": {"quality": Quality((*NOT_EMPTY.limits, ("max-hole-share", 0.5)))},
    "--quiet": {"quiet": True},
    "--workers 3": {"workers": 3},
    **{kind.flag: {"extras": frozenset({kind.name})} for kind in ON_REQUEST},
}


def test_no_flag_asks_for_the_defaults():
    assert options() == BuildOptions()


@pytest.mark.parametrize("flags", CHANGES)
def test_a_flag_changes_its_own_option_and_no_other(flags):
    assert options(*flags.split()) == BuildOptions(**CHANGES[flags])


def test_every_option_has_a_flag():
    reached = set().union(*CHANGES.values())
    assert reached == {field.name for field in fields(BuildOptions)}


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("input_dir", Path("input")),
        ("output_dir", Path("output")),
        ("output_format", "jpg"),
        ("max_megapixels", 1.0),
        ("resize_width", 0),
        ("resize_height", 0),
        ("sigma", 20.0),
        ("skip_every", 1),
        ("target_overlap", 0.5),
        ("limit", 0),
        ("device", None),
    ],
)
def test_the_seeds_defaults_are_kept(name, default):
    assert getattr(make_parser(add_building_flags).parse_args([]), name) == default


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--sky-model a.onnx", "--sky-model has no effect here, it needs --filter-sky"),
        ("--mask-grow 3", "--mask-grow has no effect here, it needs --mask-model"),
        ("--geometry vggt --depth-scale 2", "--depth-scale has no effect here"),
        ("--target-overlap 0.7", "--target-overlap has no effect here, it needs --auto-skip"),
        ("--covisibility 0.3:0.8", "it needs --pairing covisible"),
        ("--pairing all --pairs-per-frame 5", "it needs --pairing covisible"),
        ("--pairing covisible --bidirectional", "covisible pairs go both ways"),
        ("--hole-share 0.3", "it needs --from-one-photo"),
        ("--from-one-photo --pairing all", "it needs pairs of two photos"),
        ("--from-one-photo --bidirectional", "it needs pairs of two photos"),
        ("--from-one-photo --hole-share 0,0.1", "need shares between 0 and 1"),
        ("--from-one-photo --hole-share 10", "need shares between 0 and 1"),
        ("--from-one-photo --hole-share many", "need shares, as 0.1,0.2"),
        ("--hole-fill black --sigma 3", "it needs --hole-fill fade"),
        ("--resize-width 64", "--resize-width and --resize-height go together"),
        ("--fps 2 --frames 12", "--fps and --frames exclude each other"),
        ("--plan --dry-run", "--plan and --dry-run exclude each other"),
        ("--plan --ray", "--plan and --ray exclude each other"),
        (
            "--size-preset qwen --resize-width 64 --resize-height 48",
            "--size-preset and --resize-width exclude each other",
        ),
        ("--input-dir a --output-dir a/pairs", "lies inside --input-dir"),
        ("--input-dir a --output-dir a", "lies inside --input-dir"),
        ("--skip-every 0", "--skip-every"),
        ("--depth-conf-threshold p101", "neither a number nor p0..p100"),
        ("--bidirect", "--bidirect"),
    ],
)
def test_flags_that_contradict_or_do_nothing_end_in_one_line_and_code_2(capsys, flags, words):
    with pytest.raises(SystemExit) as ended:
        options(*flags.split())
    error = capsys.readouterr().err
    assert (ended.value.code, error.count("\n")) == (2, 1)
    assert words in error


def test_a_model_that_is_there_is_known_by_its_content(tmp_path):
    model = tmp_path / "people.onnx"
    model.write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    rule = options("--mask-model", str(model)).mask_rule
    assert rule == MaskRule(model, sha256, 8)
    assert options("--filter-sky", "--sky-model", str(model)).point_filter.sky_model == sha256


@pytest.mark.parametrize("text", ["0.8:0.3", "0.5:0.5", "-0.1:0.5", "0.5:1.1", "0.5", "a:b", ""])
def test_a_range_of_shares_is_two_of_which_the_first_is_less(text):
    with pytest.raises(argparse.ArgumentTypeError, match="need"):
        share_range(text)


def test_a_range_of_shares_may_be_all_of_them():
    assert share_range("0:1") == (0.0, 1.0)


@pytest.mark.parametrize("remedy", Remedy)
def test_an_error_ends_with_the_way_on_where_the_command_line_has_one(remedy):
    error = InputError("a: found b, need c", remedy)
    way_on = WAYS_ON.get(remedy)
    assert describe(error) == (f"a: found b, need c; {way_on}" if way_on else "a: found b, need c")


@pytest.mark.parametrize("error", [InputError("a: found b"), OSError("disk full")])
def test_an_error_without_a_remedy_is_said_as_it_is(error):
    assert describe(error) == str(error)


def test_an_error_of_the_system_is_said_by_its_path():
    assert describe(PermissionError(13, "Permission denied", "out")) == "out: Permission denied"


def test_flags_that_mend_errors_exist():
    known = set(re.findall(r"--[\w-]+", make_parser(add_building_flags).format_help()))
    named = set(re.findall(r"--[\w-]+", " ".join(WAYS_ON.values())))
    assert named - known == {"--group", "--head"}  # of `uv run` and of `ray start`
