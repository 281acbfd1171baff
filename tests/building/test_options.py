"""What a build is asked for: defaults that are promised, and which options a record keeps."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from warpset.building.clips.plan import ClipRule
from warpset.building.frames import FrameSampling, FrameSelection
from warpset.building.options import NOT_EMPTY, BuildOptions, MaskRule, PointFilter
from warpset.building.pairing import Pairing
from warpset.building.scores import BOUNDS, Quality
from warpset.core.masks import ConfidenceThreshold
from warpset.core.sizes import SizeRule

# One change of each option, beside whether pairs look different for it.
CHANGES = {
    "geometry": ("stereo", False),  # recorded with the geometry itself
    "output_format": ("png", True),
    "size_rule": (SizeRule(2.0), True),
    "upsample_depth": (True, True),
    "point_filter": (PointFilter(sky=True), True),
    "mask_rule": (MaskRule(Path("people.onnx"), "1f", 8), True),
    "depth_agreement": (0.02, True),
    "augment_depth": (True, True),
    "hole_shares": ((0.1,), False),  # each pair is recorded with its own
    "hole_fill": ("noise", True),
    "depth_scale": (5000.0, True),
    "sigma_px": (3.0, True),
    "auto_s0": (True, True),
    "selection": (FrameSelection(skip_every=2), False),
    "pairing": (Pairing("all"), False),
    "references": (2, True),
    "sampling": (FrameSampling(fps=2.0), False),
    "clips": (ClipRule(17), True),
    "bidirectional": (True, False),
    "quality": (Quality(), True),
    "match_exposure": (True, True),
    "extras": (frozenset({"mask"}), False),
    "scene_gaussians": (True, False),
    "colmap_model": (True, False),
    "force": (True, False),
    "dry_run": (True, False),
    "plan": (True, False),
    "quiet": (True, False),
    "workers": (1, False),
}


def test_the_defaults_are_those_that_records_have_always_had():
    recorded = BuildOptions().settled("recorded").as_recorded()
    bounds = dict.fromkeys((bound.name for bound in BOUNDS), None) | dict(NOT_EMPTY.limits)
    assert recorded == bounds | {
        "output-format": "jpg",
        "max-megapixels": 1.0,
        "resize-width": None,
        "resize-height": None,
        "size-preset": None,
        "upsample-depth": False,
        "depth-conf-threshold": "1.01",
        "depth-edge-threshold": None,
        "filter-sky": False,
        "sky-model": None,
        "filter-black-bg": False,
        "filter-white-bg": False,
        "sigma": 20.0,
        "auto-s0": False,
        "match-exposure": False,
    }


def test_every_option_is_known_to_the_test_of_what_is_recorded():
    assert list(CHANGES) == [field.name for field in fields(BuildOptions)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_record_keeps_an_option_exactly_where_pairs_look_different_for_it(name):
    value, changes_pairs = CHANGES[name]
    assert value != getattr(BuildOptions(), name)
    changed = replace(BuildOptions(), **{name: value})
    assert (changed.as_recorded() != BuildOptions().as_recorded()) == changes_pairs


@pytest.mark.parametrize(
    ("points", "recorded"),
    [
        (PointFilter(ConfidenceThreshold(30, True)), {"depth-conf-threshold": "p30"}),
        (PointFilter(edge_threshold=0.1), {"depth-edge-threshold": 0.1}),
        (PointFilter(sky=True, sky_model="1f"), {"filter-sky": True, "sky-model": "1f"}),
        (PointFilter(black_background=True), {"filter-black-bg": True}),
        (PointFilter(white_background=True), {"filter-white-bg": True}),
    ],
)
def test_each_filter_of_points_is_recorded_under_its_own_name(points, recorded):
    before = BuildOptions().as_recorded()
    assert BuildOptions(point_filter=points).as_recorded() == before | recorded


def test_options_that_came_later_are_recorded_only_where_they_are_set():
    rule = MaskRule(Path("people.onnx"), "1f", 12)
    later = {"mask-model": "1f", "mask-grow": 12, "depth-scale": 5000.0}
    asked = BuildOptions(mask_rule=rule, depth_scale=5000.0).as_recorded()
    assert {name: asked[name] for name in later} == later
    assert not later.keys() & BuildOptions().as_recorded().keys()


def test_a_mask_model_is_told_by_its_content_and_not_by_where_it_lies():
    here, there = (
        BuildOptions(mask_rule=MaskRule(Path(folder) / "people.onnx", "1f", 8))
        for folder in ("here", "there")
    )
    assert here.as_recorded() == there.as_recorded()
