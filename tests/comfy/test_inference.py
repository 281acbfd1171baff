"""The node `VGGT Model Inference`, with tiny random weights."""

import json
import sys
from dataclasses import astuple
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from splats import read_splats
from tests.builders import a_camera, a_photo, tree
from tests.comfy.comfy_builders import SIDE, a_node, a_room, an_image, colors_of, infer
from tests.comfy.comfy_stubs import InterruptProcessingException
from warpset.core.cameras import project, unproject

pytest_plugins = ["tests.comfy.comfy_fixtures"]


def known_share(out: dict[str, Any]) -> int:
    return int(np.count_nonzero(out["confidence"].numpy()))


@pytest.mark.parametrize("count", [1, 2, 20])
def test_every_image_becomes_a_camera_and_points(pack, count):
    images = {f"image_{number}": an_image(seed=number) for number in range(1, count + 1)}
    out = infer(pack, **images)
    assert read_splats(Path(out["ply_path"])).num_gaussians == count * SIDE * 42
    assert len(out["cameras"]) == count
    assert out["depth"].shape == (count, 42, SIDE, 3)
    assert out["confidence"].shape == (count, 42, SIDE)
    assert out["depth"].max() == 1.0
    assert np.shape(out["extrinsics"]) == (3, 4)
    assert np.shape(out["intrinsics"]) == (3, 3)
    json.dumps([out["extrinsics"], out["intrinsics"], out["camera_info"]])


def test_batches_and_gaps_count_like_images_one_by_one(pack):
    one_by_one = {f"image_{number}": an_image(seed=number) for number in (1, 2, 3)}
    batch = {"image_1": an_image(seed=1, count=2), "image_4": an_image(seed=3)}
    expected, found = infer(pack, **one_by_one), infer(pack, **batch)
    assert Path(found["ply_path"]).read_bytes() == Path(expected["ply_path"]).read_bytes()


def test_image_10_comes_after_image_2(pack):
    images = {f"image_{number}": an_image(seed=number) for number in (2, 10)}
    swapped = {"image_10": images["image_10"], "image_2": images["image_2"]}
    assert infer(pack, **images)["extrinsics"] == infer(pack, **swapped)["extrinsics"]
    colors = colors_of(infer(pack, **swapped)["ply_path"])
    assert np.array_equal(colors[: SIDE * 42], a_photo((SIDE, 42), seed=2).reshape(-1, 3))


def test_points_have_the_colours_of_the_image_as_it_came(pack):
    photo = a_photo((150, 111), seed=4)
    out = infer(pack, image_1=torch.tensor(photo)[None] / 255)
    assert np.array_equal(colors_of(out["ply_path"]), photo.reshape(-1, 3))
    assert out["cameras"][0].size_wh == (150, 111)
    assert out["depth"].shape == (1, 111, 150, 3)


def test_points_project_to_the_pixels_they_come_from(pack):
    out = infer(pack, image_1=an_image((150, 111)), image_2=an_image((150, 111), seed=1))
    uv, _ = project(out["cameras"][1], out["points"].xyz_world[150 * 111 :].astype(np.float64))
    columns, rows = np.meshgrid(np.arange(150) + 0.5, np.arange(111) + 0.5)
    assert np.allclose(uv, np.stack([columns.ravel(), rows.ravel()], axis=-1), atol=0.01)


def test_transparency_lies_over_white(pack):
    clear = torch.zeros(1, 42, SIDE, 4)
    out = infer(pack, image_1=clear)
    assert (colors_of(out["ply_path"]) == 255).all()


def test_mixed_sizes_take_the_size_of_the_first(pack):
    images = {
        "image_1": an_image((112, 84)),
        "image_2": an_image((60, 90)),
        "image_3": an_image((200, 40)),
    }
    out = infer(pack, upsample_depth=False, **images)
    assert {camera.size_wh for camera in out["cameras"]} == {(SIDE, 42)}
    assert read_splats(Path(out["ply_path"])).num_gaussians == 3 * SIDE * 42
    out = infer(pack, **images)
    assert [camera.size_wh for camera in out["cameras"]] == [(112, 84), (60, 90), (200, 40)]
    assert out["depth"].shape == (3, 42, SIDE, 3)


@pytest.mark.parametrize(
    ("mode", "raster_wh", "seen_wh"),
    [
        ("crop", (SIDE, SIDE), (SIDE, SIDE)),
        ("pad_white", (SIDE, SIDE), (28, SIDE)),
        ("pad_black", (SIDE, SIDE), (28, SIDE)),
        ("tile", (SIDE, 112), (SIDE, 112)),
    ],
)
def test_preprocessing_keeps_of_a_tall_image_what_it_says(pack, mode, raster_wh, seen_wh):
    out = infer(pack, image_1=an_image((60, 120)), preprocess_mode=mode, upsample_depth=False)
    assert out["depth"].shape == (1, raster_wh[1], raster_wh[0], 3)
    points = read_splats(Path(out["ply_path"])).num_gaussians
    assert points == seen_wh[0] * seen_wh[1] == known_share(out)


@pytest.mark.parametrize(("mode", "rows"), [("crop", 60), ("pad_white", 120), ("tile", 120)])
def test_upsampling_makes_points_of_the_rows_that_the_network_saw(pack, mode, rows):
    out = infer(pack, image_1=an_image((60, 120)), preprocess_mode=mode)
    assert read_splats(Path(out["ply_path"])).num_gaussians == 60 * rows


def test_the_colour_of_the_padding_changes_the_prediction(pack):
    images = {"image_1": an_image((60, 120))}
    white, black = (infer(pack, preprocess_mode=f"pad_{c}", **images) for c in ("white", "black"))
    assert not torch.equal(white["depth"], black["depth"])


@pytest.mark.parametrize(("percentile", "kept"), [(0.0, 1.0), (1.0, 0.99), (50.0, 0.5)])
def test_the_confidence_threshold_is_a_percentile(pack, percentile, kept):
    out = infer(pack, image_1=an_image(count=2), depth_conf_threshold=percentile)
    assert len(out["points"].xyz_world) == pytest.approx(kept * 2 * SIDE * 42, abs=1)


def test_the_hundredth_percentile_keeps_the_top_value(pack):
    out = infer(pack, image_1=an_image(count=2), depth_conf_threshold=100.0)
    assert 1 <= len(out["points"].xyz_world) <= 4
    assert set(out["points"].confidence) == {
        infer(pack, image_1=an_image(count=2))["points"].confidence.max()
    }


def test_max_depth_is_measured_along_the_axis_of_the_camera(pack):
    images = {"image_1": an_image(count=2)}
    everything = infer(pack, **images)
    pixels = SIDE * 42
    depths = [
        project(camera, everything["points"].xyz_world[index * pixels : (index + 1) * pixels])[1]
        for index, camera in enumerate(everything["cameras"])
    ]
    limit = float(np.median(depths))
    out = infer(pack, max_depth=limit, **images)
    assert len(out["points"].xyz_world) == pytest.approx(np.sum(np.array(depths) <= limit), abs=2)


def test_a_border_is_left_out_all_around_what_the_network_saw(pack):
    out = infer(pack, image_1=an_image(), boundary_threshold=5)
    assert len(out["points"].xyz_world) == (SIDE - 10) * (42 - 10)
    out = infer(pack, image_1=an_image((60, 120)), preprocess_mode="crop", boundary_threshold=5)
    assert len(out["points"].xyz_world) == 50 * 50


@pytest.mark.parametrize(("widget", "value"), [("mask_black_bg", 0.0), ("mask_white_bg", 1.0)])
def test_a_background_makes_no_points(pack, widget, value):
    image = an_image() * 0.5 + 0.2
    image[:, :10] = value
    out = infer(pack, image_1=image, **{widget: True})
    assert len(out["points"].xyz_world) == SIDE * 32


def a_sky_model(path: Path) -> Path:
    """An ONNX model that takes what is blue for sky."""
    blue = onnx.helper.make_tensor("blue", onnx.TensorProto.INT64, [1], [2])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["picture", "blue"], ["sky"], axis=1)],
        "sky",
        [onnx.helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [1, 3, 320, 320])],
        [onnx.helper.make_tensor_value_info("sky", onnx.TensorProto.FLOAT, [1, 1, 320, 320])],
        [blue],
    )
    opsets = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("upsample", [True, False])
def test_the_sky_makes_no_points(pack, server, upsample):
    a_sky_model(server.root / "models" / "vggt" / "skyseg.onnx")
    image = torch.zeros(2, 84, 112, 3)
    image[1, :28, :, 2] = 1.0
    out = infer(pack, image_1=image, mask_sky=True, upsample_depth=upsample)
    rows, columns = (84, 112) if upsample else (42, SIDE)
    share = len(out["points"].xyz_world) / (2 * rows * columns)
    assert share == pytest.approx(1 - 28 / 84 / 2, abs=0.02)
    assert not tree(server.root / "temp")


@pytest.mark.parametrize(
    ("widgets", "name"),
    [
        ({"max_depth": 1e-6}, "max_depth"),
        ({"boundary_threshold": 40}, "boundary_threshold"),
        ({"mask_white_bg": True}, "mask_white_bg"),
    ],
)
def test_a_filter_that_leaves_nothing_is_named(pack, server, widgets, name):
    with pytest.raises(Exception, match=f"^{name}: found no points left") as error:
        infer(pack, image_1=torch.ones(1, 42, SIDE, 3), **widgets)
    assert "\n" not in str(error.value)
    assert not tree(server.root / "output")


def test_the_default_multiplier_is_half_a_pixel_wide(pack):
    out = infer(pack, image_1=an_image())
    twice = infer(pack, image_1=an_image(), gaussian_scale_multiplier=0.2)
    camera, xyz = out["cameras"][0], out["points"].xyz_world
    footprint = project(camera, xyz)[1] / camera.K[0, 0]
    scales = read_splats(Path(out["ply_path"])).scales
    assert np.allclose(scales, 0.5 * footprint[:, None], rtol=1e-4)
    assert np.allclose(read_splats(Path(twice["ply_path"])).scales, 2 * scales, rtol=1e-4)


def test_no_image_is_said_in_one_line(pack):
    with pytest.raises(Exception, match="^VGGT Model Inference: found no image.*connect image_1$"):
        infer(pack)


def test_cuda_without_a_graphics_device_is_said_in_one_line(pack):
    with pytest.raises(Exception, match="^device: found no graphics device.*choose auto or cpu$"):
        infer(pack, image_1=an_image(), device="cuda")


def test_weights_that_are_no_vggt_are_said_in_one_line(pack, server):
    (server.root / "models" / "vggt" / "other.pt").write_bytes(b"no weights")
    with pytest.raises(Exception, match="^weights: .*other.pt.*put a file into models/vggt$"):
        infer(pack, image_1=an_image(), weights="other.pt")


def test_weights_are_not_read_from_end_to_end_to_name_them(pack, monkeypatch):
    def fingerprint(path):
        raise AssertionError(f"{path} is hashed, and nobody asked which one it is")

    monkeypatch.setattr(a_room(pack, "vggt.weights"), "fingerprint", fingerprint)
    assert known_share(infer(pack, image_1=an_image(seed=6)))


def test_auto_takes_the_file_in_models_and_the_widget_offers_it(pack):
    choices = a_node(pack, "VGGT_Model_Inference").INPUT_TYPES()["optional"]["weights"][0]
    assert choices == ["auto", "facebook/VGGT-1B", "facebook/VGGT-1B-Commercial", "tiny.pt"]
    chosen = infer(pack, image_1=an_image(), weights="tiny.pt")
    assert torch.equal(chosen["depth"], infer(pack, image_1=an_image())["depth"])


def test_the_progress_bar_reaches_its_end(pack, server):
    infer(pack, image_1=an_image())
    assert server.steps == [1, 2, 3, 4]
    assert server.freed[0] > 0


def test_cancel_is_looked_for_between_photos_and_within_large_ones(pack, server):
    images = a_room(pack, "comfy_nodes.images")
    large = torch.rand(1, 3 * images.ROWS_AT_ONCE + 1, 4, 3)
    (photo,) = images.photos_in([large])
    assert server.looks == 4
    assert np.array_equal(photo, np.rint(large[0].numpy() * 255).astype(np.uint8))
    server.looks = 0
    infer(pack, image_1=an_image())
    of_one, server.looks = server.looks, 0
    infer(pack, image_1=an_image(count=3))
    converting_hashing_fitting_upsampling_lifting_writing = 6
    assert server.looks >= of_one + 2 * converting_hashing_fitting_upsampling_lifting_writing


def test_bands_of_a_photo_make_the_points_of_the_whole_photo(pack):
    frames = a_room(pack, "comfy_nodes.frames")
    camera = a_room(pack, "warpset.core.cameras").Camera(*astuple(a_camera((8, 600))))
    depth = np.random.default_rng(0).uniform(1, 1.05, camera.shape_hw).astype(np.float32)
    depth_map = a_room(pack, "warpset.core.geometry").DepthMap(depth, depth, camera)
    photo, kept = a_photo(camera.size_wh), depth < 1.04
    frame = frames.Frame(photo, camera, depth_map, photo, (0, 0, *camera.size_wh))
    bands = list(frames.lifted([frame], [kept]))
    assert len(bands) == 3
    whole = a_room(pack, "warpset.core.points").lift(depth_map, photo, kept)
    for banded, at_once in zip(frames.gathered(bands, kept.sum()), whole, strict=True):
        np.testing.assert_array_equal(banded, at_once)


def test_cancel_does_not_wait_for_what_cannot_be_divided(pack, server):
    computing, server.cancel_at_look = a_room(pack, "comfy_nodes.computing"), 1
    told, started = Event(), monotonic()
    with pytest.raises(InterruptProcessingException):
        computing.cancellable(lambda: told.wait(30))
    assert monotonic() - started < 10 and not told.is_set()
    told.set()
    assert computing.cancellable(lambda: "answer") == "answer"
    with pytest.raises(ZeroDivisionError):
        computing.cancellable(lambda: 1 / 0)


def test_cancel_during_the_last_writing_leaves_no_file(pack, server):
    infer(pack, image_1=an_image())
    written, server.looks = tree(server.root / "output"), 0
    infer(pack, image_1=an_image(), filename_prefix="again")
    server.cancel_at_look, server.looks = server.looks, 0
    with pytest.raises(InterruptProcessingException):
        infer(pack, image_1=an_image(), filename_prefix="once more")
    assert set(tree(server.root / "output")) == {*written, "again_00001_.ply"}


def test_cancel_stops_the_network_and_writes_nothing(pack, server):
    server.cancel_after = 2
    with pytest.raises(InterruptProcessingException):
        infer(pack, image_1=an_image())
    assert server.steps == [1, 2]
    assert not tree(server.root / "output")


def test_trying_filters_does_not_run_the_network_again(pack, server):
    infer(pack, image_1=an_image())
    infer(pack, image_1=an_image(), depth_conf_threshold=80.0, mask_black_bg=True)
    assert len(server.steps) == 4
    infer(pack, image_1=an_image(seed=5))
    assert len(server.steps) == 8


def test_files_are_numbered_in_the_output_folder(pack, server):
    node = a_node(pack, "VGGT_Model_Inference")
    answers = [node.infer(image_1=an_image(), device="cpu") for _ in range(2)]
    output = server.root / "output"
    assert sorted(tree(output)) == ["3d/vggt_00001_.ply", "3d/vggt_00002_.ply"]
    assert not tree(server.root / "temp")
    path, model_file = answers[1]["result"][0], answers[1]["result"][8]
    assert (model_file, path) == ("3d/vggt_00002_.ply", str(output / model_file))
    shown = {"filename": "vggt_00002_.ply", "subfolder": "3d", "type": "output"}
    assert answers[1]["ui"] == {"3d": [shown]}


def test_files_take_the_name_that_a_widget_gives(pack, server):
    out = infer(pack, image_1=an_image(), filename_prefix="rooms/one")
    assert out["ply_path"] == str(server.root / "output" / "rooms/one_00001_.ply")
    assert out["model_file"] == "rooms/one_00001_.ply"


def test_viewers_get_a_file_3d_and_older_cores_the_path(pack, server, monkeypatch):
    out = infer(pack, image_1=an_image())
    assert out["splats"].source == out["ply_path"]
    monkeypatch.setitem(sys.modules, "comfy_api.latest", None)
    out = infer(pack, image_1=an_image())
    assert out["splats"] == out["ply_path"]


def pixel_in_viewer(info: dict[str, Any], xyz_viewer: np.ndarray, size_wh) -> np.ndarray:
    """Where three.js' camera shows points: it looks along -z, y up, with a vertical fov."""
    x, y, z, w = (info["quaternion"][axis] for axis in "xyzw")
    vector, position = np.array([x, y, z]), np.array([info["position"][axis] for axis in "xyz"])
    offset = xyz_viewer - position
    turned = np.cross(-vector, offset)
    seen = offset + 2 * w * turned + 2 * np.cross(-vector, turned)
    top = np.tan(np.radians(info["fov"]) / 2)
    ndc = seen[:, :2] / -seen[:, 2:] / [top * info["aspect"], top]
    return (ndc * [1, -1] + 1) / 2 * size_wh


def test_the_viewer_looks_through_the_predicted_camera(pack):
    viewer = a_room(pack, "comfy_nodes.viewer")
    camera = a_camera((64, 48), turned=(0.3, -1.2, 0.4), at=(1.0, 2.0, -3.0))
    xyz = unproject(camera, np.linspace(2, 5, 64 * 48).reshape(48, 64)).reshape(-1, 3)
    info = viewer.camera_info(camera, distance=2.5)
    seen = pixel_in_viewer(info, xyz * [1, -1, -1], camera.size_wh)
    assert np.allclose(seen, project(camera, xyz)[0], atol=1e-3)
    target = np.array([[info["target"][axis] for axis in "xyz"]])
    position = np.array([info["position"][axis] for axis in "xyz"])
    assert np.allclose(pixel_in_viewer(info, target, camera.size_wh), [32, 24])
    assert np.linalg.norm(target - position) == pytest.approx(2.5)
    assert (info["zoom"], info["cameraType"]) == (1, "perspective")
