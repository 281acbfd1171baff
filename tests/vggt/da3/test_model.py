"""Depth Anything 3's network: golden outputs, published names, and what makes it another."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.vggt.da3.da3_builders import TINY_DA3, a_tiny_da3
from tests.vggt.goldens import golden_file
from tests.vggt.network_builders import relative_error, some_images
from vggt.da3.camera import inverted
from vggt.da3.model import SIZES, DepthAnything3
from vggt.da3.reference import REFERENCE_VIEWS, saddle_balanced
from vggt.layers.rotary import level_rotary, rotate
from vggt.poses import decode_poses, encode_poses, in_first_frame
from vggt.registry import DEPTH_ANYTHING_3
from vggt.weights import load, locate

TOLERANCE = 2e-5
CONFIG_NAMES = {
    "alt_start": "start",
    "out_layers": "dpt_layers",
    "features": "dpt_features",
    "out_channels": "dpt_out_channels",
    "cam_enc_heads": "camera_encoder_heads",
}
NEEDED_TENSORS = {"small": 279, "base": 279, "large": 511, "giant": 839}


@pytest.fixture(scope="module")
def model():
    return a_tiny_da3()


@pytest.fixture(scope="module")
def goldens():
    return torch.load(golden_file("da3", "golden_*.pt"), weights_only=True)["models"]


def golden_config(config: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in config.items() if name in vars(TINY_DA3)}
    renamed = {CONFIG_NAMES[name]: config[name] for name in config if name in CONFIG_NAMES}
    grid = config["img_size"] // config["patch_size"]
    return known | renamed | {"grid": grid, "gated": config["ffn"] == "swiglu"}


@pytest.fixture(scope="module")
def golden_networks(goldens, tmp_path_factory):
    """The golden models through the loader, each with every reference view and given cameras."""
    networks = {}
    for name, golden in goldens.items():
        path = tmp_path_factory.mktemp("golden") / f"{name}.pt"
        state = {f"model.{key}": tensor for key, tensor in golden["state_dict"].items()}
        torch.save({"config": golden_config(golden["config"]), "state_dict": state}, path)
        for view in {case.get("strategy", "first") for case in golden["cases"].values()}:
            networks[name, view] = load(
                locate(str(path)),
                torch.device("cpu"),
                "fp32",
                reference_view=view,
                takes_cameras=True,
            )
    return networks


def cases(goldens, networks) -> Iterator[tuple[str, DepthAnything3, dict[str, Any]]]:
    """Every golden case with images: its name, its network, what is stored."""
    for name, golden in goldens.items():
        for case, stored in golden["cases"].items():
            if "images" in stored:
                yield f"{name} {case}", networks[name, stored["strategy"]], stored


def assert_sound_focal_lengths_are(found_K: np.ndarray, true_K: Any, pose_enc: Any) -> None:
    """Compare intrinsics where the fields of view are no degenerate ones, which are kept finite."""
    fov = pose_enc.flatten(0, 1)[:, 7:].numpy()
    sound = (fov > 0.01) & (fov < np.pi - 0.01)
    found, true = found_K[:, [1, 0]], true_K.flatten(0, 1)[:, [1, 0]].numpy()
    if sound.any():
        assert relative_error(found[sound], true[sound]) < TOLERANCE


def given_cameras(stored: dict[str, Any]) -> torch.Tensor | None:
    """The pose encodings of a case's given cameras, from the cameras as they were given."""
    if "given_extrinsics_raw" not in stored:
        return None
    shape_hw = tuple(stored["images"].shape[2:4])
    scenes = [
        encode_poses(K.numpy(), in_first_frame(extrinsics.double().numpy()), shape_hw)
        for K, extrinsics in zip(
            stored["given_intrinsics"], stored["given_extrinsics_raw"], strict=True
        )
    ]
    return torch.from_numpy(np.stack(scenes)).float()


def test_outputs_are_the_golden_ones(golden_networks, goldens):
    compared = 0
    for name, network, stored in cases(goldens, golden_networks):
        raw = []
        hook = network.camera_head.register_forward_pre_hook(
            lambda _, given, into=raw: into.append(given[0])
        )
        found = network(
            stored["images"].permute(0, 1, 4, 2, 3).float() / 255, given_cameras(stored)
        )
        hook.remove()
        with torch.inference_mode():
            camera_to_world = network.camera_head.camera_to_world(raw[0])
        assert relative_error(found["depth"][..., 0], stored["depth"]) < TOLERANCE, name
        assert relative_error(found["depth_conf"], stored["depth_conf"]) < TOLERANCE, name
        assert relative_error(raw[0], stored["camera_token"]) < TOLERANCE, name
        assert relative_error(camera_to_world, stored["pose_enc"]) < TOLERANCE, name
        shape_hw = tuple(stored["images"].shape[2:4])
        K, cam_from_world = decode_poses(found["pose_enc"].flatten(0, 1).numpy(), shape_hw)
        assert relative_error(cam_from_world[:, :3], stored["extrinsics"].flatten(0, 1)) < TOLERANCE
        assert_sound_focal_lengths_are(K, stored["intrinsics"], camera_to_world)
        compared += 1
    assert compared == sum(len(golden["cases"]) - 1 for golden in goldens.values()) >= 20


def test_the_way_through_the_trunk_is_the_golden_one(golden_networks, goldens):
    compared = 0
    for name, network, stored in cases(goldens, golden_networks):
        if "taps" not in stored or "given_extrinsics" in stored:
            continue
        images = stored["images"].permute(0, 1, 4, 2, 3).float() / 255
        with torch.inference_mode():
            layers = list(network.aggregator(images))
        for found, true in zip(layers, stored["taps"], strict=True):
            patches = found[:, 1:].unflatten(0, images.shape[:2])
            assert relative_error(patches, true) < TOLERANCE, name
            compared += 1
    assert compared >= 4 * len(goldens)


def test_the_reference_frame_is_the_golden_one(golden_networks, goldens, monkeypatch):
    chosen = []

    def choose_and_tell(class_tokens):
        chosen.append(saddle_balanced(class_tokens))
        return chosen[-1]

    monkeypatch.setitem(REFERENCE_VIEWS, "saddle_balanced", choose_and_tell)
    compared = 0
    for name, network, stored in cases(goldens, golden_networks):
        if stored["strategy"] == "saddle_balanced" and "reference" in stored:
            network(stored["images"].permute(0, 1, 4, 2, 3).float() / 255)
            assert torch.equal(chosen[-1], stored["reference"]), name
            compared += 1
    assert compared >= 4


def test_cameras_are_decoded_as_the_golden_ones(golden_networks, goldens):
    for name, golden in goldens.items():
        stored = golden["cases"]["camera_only"]
        head = golden_networks[name, "first"].camera_head
        with torch.inference_mode():
            raw = head.camera_to_world(stored["camera_token"])
            pose_enc = head(stored["camera_token"])
        assert relative_error(raw, stored["pose_enc"]) < TOLERANCE
        K, cam_from_world = decode_poses(pose_enc[0].numpy(), stored["image_hw"])
        assert relative_error(cam_from_world[:, :3], stored["extrinsics"][0]) < TOLERANCE
        assert_sound_focal_lengths_are(K, stored["intrinsics"], raw)


def test_given_cameras_are_normalised_as_the_golden_ones(goldens):
    for golden in goldens.values():
        stored = golden["cases"]["four_posed"]
        found = in_first_frame(stored["given_extrinsics_raw"][0].double().numpy())
        np.testing.assert_allclose(found, stored["given_extrinsics"][0], atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_names_and_shapes_are_the_published_ones(size):
    lines = golden_file("da3", f"state_dict_keys_{size}.txt").read_text().splitlines()
    entries = [line.split("\t") for line in lines if line and line[0] != "#" and "\t" in line]
    published = {name: ast.literal_eval(shape) for name, shape, use in entries if use == "needed"}
    encoder = {name: ast.literal_eval(shape) for name, shape, _ in entries if ".cam_enc." in name}
    with torch.device("meta"):
        network = DepthAnything3(SIZES[size])
        with_cameras = DepthAnything3(replace(SIZES[size], takes_cameras=True))
    found = DEPTH_ANYTHING_3.format.shapes(network)
    assert found == published and len(encoder) == 64
    assert DEPTH_ANYTHING_3.format.shapes(with_cameras) == published | encoder
    unread = tuple(DEPTH_ANYTHING_3.format.unread)
    for name, _, use in entries:
        assert name.startswith(unread) == (use != "needed"), name


def test_another_reference_frame_gives_another_prediction(model):
    images = some_images(4)
    found = {view: a_tiny_da3(reference_view=view)(images)["depth"] for view in ("first", "middle")}
    assert relative_error(found["middle"], found["first"]) > 100 * TOLERANCE


def test_patches_of_all_frames_turn_against_the_camera_token_alone():
    table = level_rotary(6, 16, torch.device("cpu"))
    heads = torch.rand(1, 7, 1, 16, generator=torch.Generator().manual_seed(0))
    turned = rotate(heads, table)
    products = torch.einsum("fthd,fshd->ts", heads, heads)
    found = torch.einsum("fthd,fshd->ts", turned, turned)
    assert torch.allclose(found[1:, 1:], products[1:, 1:], atol=1e-5)
    assert not torch.allclose(found[0, 1:], products[0, 1:], atol=1e-2)


def test_an_inverted_pose_is_inverted_whatever_the_length_of_its_quaternion():
    pose_enc = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    pose_enc[:, 7:] = 1.0
    _, motion = decode_poses(pose_enc.numpy(), (42, 56))
    _, back = decode_poses(inverted(pose_enc).numpy(), (42, 56))
    np.testing.assert_allclose(motion @ back, np.tile(np.eye(4), (4, 1, 1)), atol=1e-5)


def test_poses_are_encoded_as_they_are_decoded():
    pose_enc = np.random.default_rng(0).normal(size=(50, 9))
    pose_enc[:, 3:7] /= np.linalg.norm(pose_enc[:, 3:7], axis=1, keepdims=True)
    pose_enc[:, 3:7] *= np.where(pose_enc[:, 6:7] < 0, -1, 1)
    pose_enc[:, 7:] = np.random.default_rng(1).uniform(0.1, 3, (50, 2))
    pose_enc[0, 3:7] = (1, 0, 0, 0)
    K, cam_from_world = decode_poses(pose_enc, (42, 56))
    found = encode_poses(K, cam_from_world, (42, 56))
    np.testing.assert_allclose(np.abs(found[0]), np.abs(pose_enc[0]), atol=1e-9)
    np.testing.assert_allclose(found[1:], pose_enc[1:], atol=1e-9)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reference_view": "last"}, "reference_view last, need one of saddle_balanced, first"),
        ({"dpt_layers": (2, 5, 7, 9)}, "must be odd and after 2"),
        ({"dpt_layers": (3, 5, 6, 9)}, "must be odd and after 2"),
    ],
)
def test_a_shape_that_no_network_has_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        replace(TINY_DA3, **fields)
