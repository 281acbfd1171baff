"""Masks in pairs: no points from what is left out, no score and no hole for it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo
from tests.building.test_scores import a_warp
from tests.recordings import format_builders as formats
from warpset.building.options import BuildOptions, MaskRule
from warpset.building.outputs import OUTPUT_NAMED, Encoding
from warpset.building.scores import measured
from warpset.building.sky import MaskModel
from warpset.building.warping import ResampledFrames
from warpset.core.errors import InputError
from warpset.core.scoring.likeness import PERFECT_PSNR_DB
from warpset.recordings.masks import mask_files, masked, masked_by
from warpset.recordings.registry import read_recording, recorded_geometry

LEFT_HALF = np.zeros((48, 64), bool)
LEFT_HALF[:, :32] = True


def a_masked_geometry(scene):
    """Three frames of which the first has its left half masked."""
    formats.instant_ngp(scene)
    mask = scene / "masks/0.png"
    mask.parent.mkdir()
    Image.fromarray(np.where(LEFT_HALF, np.uint8(0), np.uint8(255))).save(mask)
    recording = read_recording(scene)
    assert recording is not None
    photos = [frame.photo.path for frame in recording.frames]
    geometry = recorded_geometry(recording, recording.frames)
    return masked(geometry, mask_files(scene, recording, photos))


def test_masked_pixels_become_no_points(tmp_path):
    frames = ResampledFrames(a_masked_geometry(tmp_path), BuildOptions())
    cloud = frames.points(0, (64, 48)).cloud
    whole = frames.points(1, (64, 48)).cloud
    assert len(whole.xyz_world) == 64 * 48
    assert 48 * 30 <= len(cloud.xyz_world) <= 48 * 32


def test_masked_target_pixels_do_not_count(tmp_path):
    frames = ResampledFrames(a_masked_geometry(tmp_path), BuildOptions())
    kept = frames.kept(0, frames.camera(0, (64, 48)))
    assert kept is not None and not kept[:, :32].any() and kept[:, 34:].all()
    assert frames.kept(1, frames.camera(1, (64, 48))) is None


def a_mask_model(path, rows=1):
    """An ONNX file that answers with the picture's first channel: bright is left out."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis"], ["y"]),
    ]
    constants = [("start", 0), ("end", rows), ("axis", 1)]
    graph = helper.make_graph(
        nodes,
        "masks",
        [helper.make_tensor_value_info("x", kind, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("y", kind, None)],
        [
            helper.make_tensor(name, onnx.TensorProto.INT64, [1], [value])
            for name, value in constants
        ],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


def test_a_model_of_the_users_leaves_out_what_it_finds_grown(tmp_path):
    model = a_mask_model(tmp_path / "m.onnx")
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[20:28, 30:40] = 255
    Image.fromarray(rgb).save(photo := tmp_path / "a.png")
    exact, grown = (MaskModel(model, pixels).kept(photo) for pixels in (0, 4))
    assert not exact[21:27, 31:39].any() and exact[:18].all() and exact[:, 43:].all()
    assert not grown[24, 27] and exact[24, 27] and grown[24, 20]


def test_a_models_masks_add_to_those_of_the_scene(tmp_path):
    geometry = a_masked_geometry(tmp_path)
    top = np.ones((96, 128), bool)
    top[48:] = False
    both = masked_by(geometry, lambda photo: top).frames[0].load_kept
    assert both is not None
    kept = both()
    assert kept.shape == (96, 128) and kept[:48, 64:].all()
    assert not kept[48:].any() and not kept[:, :64].any()


def test_a_model_that_answers_with_no_picture_is_named(tmp_path):
    model = a_mask_model(tmp_path / "m.onnx", rows=3)
    Image.fromarray(a_photo()).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="m.onnx: answered with float32 of .3, 320, 320."):
        MaskModel(model, 0).kept(tmp_path / "a.png")


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(InputError, match="m.onnx: found no such file"):
        MaskModel(tmp_path / "m.onnx", 0)
    (tmp_path / "m.onnx").write_bytes(b"garbage")
    with pytest.raises(InputError, match="m.onnx: no mask model of one input"):
        MaskModel(tmp_path / "m.onnx", 0)


def test_records_say_which_model_masked(tmp_path):
    rule = MaskRule(tmp_path / "m.onnx", "abc", 8)
    recorded = BuildOptions(mask_rule=rule, depth_scale=5000).as_recorded()
    assert (recorded["mask-model"], recorded["mask-grow"]) == ("abc", 8)
    assert recorded["depth-scale"] == 5000
    assert "mask-model" not in BuildOptions().as_recorded()


def a_warp_with_a_masked_stranger():
    """Holes in the left quarter; in the right half, whose target is masked, splats are wrong."""
    hole, kept = np.zeros((48, 64), bool), ~np.zeros((48, 64), bool)
    hole[:, :16], kept[:, 32:] = True, False
    warp = a_warp(hole)
    splats = warp.splats.copy()
    splats[:, 40:] = 255 - splats[:, 40:]
    return replace(warp, splats=splats, target_kept=kept)


def test_masked_target_pixels_are_in_no_score():
    scores = measured(a_warp_with_a_masked_stranger())
    assert scores["coverage"] == 0.5 and scores["psnr"] == PERFECT_PSNR_DB
    unmasked = measured(replace(a_warp_with_a_masked_stranger(), target_kept=None))
    assert unmasked["coverage"] == 0.75 and (unmasked["psnr"] or 0) < 20


def test_masked_target_pixels_are_black_in_the_mask_that_trainers_get():
    warp = a_warp_with_a_masked_stranger()
    warp = replace(warp, hole=np.ones_like(warp.hole))
    content = OUTPUT_NAMED["mask"].encode(warp, Encoding("png", False, lambda cloud: b""))
    mask = np.asarray(Image.open(io.BytesIO(content)))
    assert (mask[:, :32] == 255).all() and (mask[:, 32:] == 0).all()
