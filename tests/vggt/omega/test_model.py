"""VGGT-Omega's network: golden outputs, published names, and what makes it another than VGGT-1B."""

import ast
import math

import numpy as np
import pytest
import torch

from tests.vggt.goldens import golden_file
from tests.vggt.network_builders import OUTPUTS, relative_error, some_images
from tests.vggt.omega.omega_builders import TINY_OMEGA, a_tiny_omega, published_state, write_omega
from tests.vggt.omega.omega_twin import PlainOmega
from vggt.heads.dense import PlainSkipUnit
from vggt.network import IMAGE_MEAN, IMAGE_STD
from vggt.omega.camera import LEAST_FOV
from vggt.omega.model import OmegaConfig, VGGTOmega
from vggt.omega.rotary import CentredRotary
from vggt.poses import decode_poses
from vggt.registry import VGGT_OMEGA
from vggt.weights import load, locate, storage_dtypes

TOLERANCE = 1e-5
CONFIG_NAMES = {
    "num_register_tokens": "register_tokens",
    "cached_layers": "dpt_layers",
    "camera_depth": "camera_trunk_depth",
    "dense_features": "dpt_features",
    "dense_out_channels": "dpt_out_channels",
}


@pytest.fixture(scope="module")
def model():
    return a_tiny_omega()


@pytest.fixture(scope="module")
def goldens():
    return torch.load(golden_file("omega", "golden_*.pt"), weights_only=True)["models"]


@pytest.fixture(scope="module")
def golden_networks(goldens, tmp_path_factory):
    """The golden models through the loader, which folds their masks into their biases."""
    networks = {}
    for name, golden in goldens.items():
        config = {CONFIG_NAMES.get(key, key): value for key, value in golden["config"].items()}
        config["img_size"] = 32 * config["patch_size"]
        path = tmp_path_factory.mktemp("golden") / f"{name}.pt"
        torch.save({"config": config, "state_dict": golden["state_dict"]}, path)
        networks[name] = load(locate(str(path)), torch.device("cpu"), "fp32")
    return networks


def golden_cases(goldens):
    """Every golden case: its name, the model's name, what is stored."""
    for name, golden in goldens.items():
        for case, true in golden["cases"].items():
            yield f"{name} {case}", name, true


def test_outputs_are_the_golden_ones(golden_networks, goldens):
    for case, name, true in golden_cases(goldens):
        network, read_by_camera_head = golden_networks[name], []
        hook = network.camera_head.register_forward_pre_hook(
            lambda _, arguments, into=read_by_camera_head: into.append(arguments[0].clone())
        )
        found = network(true["images_u8"].float() / 255)
        hook.remove()
        for output in OUTPUTS:
            assert relative_error(found[output], true[output]) < TOLERANCE, (case, output)
        special_tokens = true["camera_and_register_tokens"]
        assert relative_error(read_by_camera_head[0], special_tokens) < TOLERANCE, case


def test_every_golden_model_has_cases(goldens):
    assert len(goldens) >= 2
    assert all(len(golden["cases"]) >= 6 for golden in goldens.values())


def test_cameras_are_the_golden_ones(goldens):
    for case, _, true in golden_cases(goldens):
        shape_hw = true["images_u8"].shape[-2:]
        K, cam_from_world = decode_poses(true["pose_enc"].flatten(0, 1).numpy(), shape_hw)
        extrinsics, intrinsics = true["extrinsics"].flatten(0, 1), true["intrinsics"].flatten(0, 1)
        assert relative_error(K, intrinsics) < TOLERANCE, case
        assert relative_error(cam_from_world[:, :3], extrinsics) < TOLERANCE, case


def test_the_way_through_the_network_is_the_golden_one(golden_networks, goldens):
    for name, golden in goldens.items():
        network, true = golden_networks[name], golden["cases"]["landscape"]
        images = true["images_u8"].float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGE_MEAN, IMAGE_STD))
        aggregator, config = network.aggregator, network.config
        with torch.inference_mode():
            patches = aggregator.patch_embed(((images - mean) / std).flatten(0, 1))
            layers = dict(zip(config.dpt_layers, aggregator(images), strict=True))
        assert relative_error(patches, true["tap_dino_patchtokens"]) < TOLERANCE
        compared = [layer for layer in layers if f"tap_layer{layer}" in true]
        assert len(compared) == 2
        for layer in compared:
            assert relative_error(layers[layer][None], true[f"tap_layer{layer}"]) < TOLERANCE, layer


def test_the_camera_head_alone_answers_the_golden_poses(golden_networks, goldens):
    for name, model in goldens.items():
        golden, network = model["camera_relu"], golden_networks[name]
        special = golden["last_tokens"][:, :, : network.aggregator.special_tokens]
        with torch.inference_mode():
            found = torch.func.functional_call(
                network.camera_head, {"camera_branch.2.bias": golden["branch2_bias"]}, special
            )
        assert relative_error(found, golden["pose_enc"]) < TOLERANCE


def test_names_and_shapes_are_the_published_ones():
    path = golden_file("omega", "state_dict_keys_omega.txt")
    lines = path.read_text().split("\n\n")[0].splitlines()
    entries = [line.split("\t")[:2] for line in lines if line and line[0] != "#"]
    published = {name: ast.literal_eval(shape) for name, shape in entries}
    with torch.device("meta"):
        network = VGGTOmega(OmegaConfig())
    assert len(published) == 1411
    assert VGGT_OMEGA.format.shapes(network) == published
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_143_814_185


def test_the_twin_is_golden_itself(golden_networks, goldens):
    for name, golden in goldens.items():
        true = golden["cases"]["landscape"]
        twin = PlainOmega(golden["state_dict"], golden_networks[name].config)
        found = twin(true["images_u8"][0].float() / 255)
        for output, values in zip(OUTPUTS, found, strict=True):
            error = relative_error(values, true[output][0].reshape(values.shape))
            assert error < TOLERANCE, (name, output)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 16), (16, 16)])
@pytest.mark.parametrize("frames", [1, 3])
def test_outputs_are_those_of_the_plain_twin(tmp_path, frames, height, width):
    network = load(locate(str(write_omega(tmp_path / "a.pt"))), torch.device("cpu"), "fp32")
    images = some_images(frames, (width, height))
    found, true = network(images), PlainOmega(published_state(), TINY_OMEGA)(images)
    for name, values in zip(OUTPUTS, true, strict=True):
        assert relative_error(found[name][0].reshape(values.shape), values) < TOLERANCE, name


def test_a_raw_field_of_view_below_zero_becomes_the_least_one():
    network = a_tiny_omega()
    torch.nn.init.constant_(network.camera_head.get_parameter("camera_branch.2.bias"), -9)
    fov = network(some_images(2, (64, 48)))["pose_enc"][..., 7:]
    assert (fov == LEAST_FOV).all()


def test_a_register_layer_lets_patches_pass_and_mixes_special_tokens(model):
    with torch.inference_mode():
        layers = list(model.aggregator(some_images(3, (64, 48))[None]))
    width, special = TINY_OMEGA.embed_dim, 1 + TINY_OMEGA.register_tokens
    for layer, tokens in enumerate(layers):
        within, between = tokens[..., :width], tokens[..., width:]
        passes = torch.equal(within[:, special:], between[:, special:])
        assert passes == (layer in TINY_OMEGA.register_blocks)
        assert not torch.equal(within[:, :special], between[:, :special])


def test_the_rotary_table_turns_by_centres_scaled_by_the_longer_side():
    rotary = CentredRotary(16)
    rotary.periods.copy_(torch.tensor([1.0, 3.0, 7.0, 20.0]))
    table = rotary((2, 4), leading=3)
    assert tuple(table.cos.shape) == (3 + 2 * 4, 1, 8)
    assert (table.cos[:3] == 1).all() and (table.sin[:3] == 0).all()
    for row in range(2):
        for column in range(4):
            y, x = ((2 * at + 1) / 4 - 1 for at in (row, column))
            turns = [at / period for at in (y, x) for period in (1, 3, 7, 20)]
            expected = [math.sin(2 * math.pi * turn) for turn in turns]
            found = table.sin[3 + 4 * row + column, 0]
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_rotary_periods_stay_float32(model):
    dtypes = storage_dtypes(model, torch.bfloat16)
    assert dtypes["aggregator.rope_embed.periods"] == torch.float32


def test_the_residual_unit_skips_with_what_it_was_given():
    unit = PlainSkipUnit(2)
    torch.nn.init.zeros_(unit.conv2.weight)
    torch.nn.init.zeros_(unit.conv2.bias)
    x = torch.tensor([-1.0, 2.0]).reshape(1, 2, 1, 1)
    with torch.inference_mode():
        assert torch.equal(unit(x), x)


@pytest.mark.parametrize("img_size", [0, -16, 500])
def test_a_resolution_that_is_no_whole_number_of_patches_is_refused(img_size):
    with pytest.raises(ValueError, match="need (a multiple of 16|whole numbers)"):
        OmegaConfig(img_size=img_size)
