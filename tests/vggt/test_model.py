"""The network: golden outputs, published names, and what must not change a prediction."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from tests.builders import TINY_VGGT, a_tiny_vggt
from tests.vggt.goldens import golden_file
from vggt.model import VGGT, VGGTConfig
from vggt.weights import storage_dtypes

OUTPUTS = ("pose_enc", "depth", "depth_conf")
TOLERANCE = 1e-5


def some_images(frames: int, height: int = 42, width: int = 56, seed: int = 0) -> torch.Tensor:
    """(S, 3, H, W) in 0..1."""
    return torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))


def relative_error(found: torch.Tensor | np.ndarray, true: torch.Tensor | np.ndarray) -> float:
    """Largest difference, relative to the largest true value."""
    found, true = np.asarray(found), np.asarray(true)
    assert found.shape == true.shape
    return float(np.abs(found - true).max() / np.abs(true).max())


def a_lively_vggt() -> VGGT:
    """A tiny network whose blocks matter: norms and LayerScales pass on what they are given."""
    network = a_tiny_vggt()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.normal_(0, 0.15, generator=generator)
            if name.endswith("gamma") or (name.endswith("weight") and "norm" in name):
                parameter += 1
        exponentiated = network.get_parameter("depth_head.scratch.output_conv2.2.weight")
        exponentiated *= 0.1
    return network


@pytest.fixture(scope="module")
def model():
    return a_lively_vggt()


@pytest.fixture(scope="module")
def golden_model():
    stored = torch.load(golden_file("vggt", "*_weights.pt"), weights_only=True)
    network = VGGT(VGGTConfig(**stored["config"]))
    names = network.state_dict().keys()
    network.load_state_dict({name: stored["state_dict"][name] for name in names})
    return network


@pytest.fixture(scope="module")
def goldens():
    weights = golden_file("vggt", "*_weights.pt")
    outputs = weights.with_name(weights.name.replace("_weights.pt", "_io.npz"))
    with np.load(outputs, allow_pickle=False) as stored:
        return dict(stored)


def test_outputs_are_the_golden_ones(golden_model, goldens):
    cases = [name.split("/")[0] for name in goldens if name.endswith("/images_u8")]
    assert len(cases) >= 5
    for case in cases:
        found = golden_model(torch.from_numpy(goldens[f"{case}/images_u8"]).float() / 255)
        for name in OUTPUTS:
            error = relative_error(found[name], goldens[f"{case}/{name}"])
            assert error < TOLERANCE, (case, name)


def test_the_field_of_view_is_not_negative_but_its_running_sum_may_be(golden_model, goldens):
    tokens = torch.from_numpy(goldens["camera_relu/tokens"])[:, :, 0]
    bias = torch.from_numpy(goldens["camera_relu/fc2_bias"])
    head = golden_model.camera_head
    with torch.inference_mode():
        found = torch.func.functional_call(head, {"pose_branch.fc2.bias": bias}, tokens)
    true = goldens["camera_relu/pose_enc_list"][-1]
    assert relative_error(found, true) < TOLERANCE
    assert (true[..., 7:] == 0).any()


def test_parameter_names_and_shapes_are_the_published_ones():
    lines = golden_file("vggt", "state_dict_keys.txt").read_text().splitlines()
    entries = (line.split("\t")[:2] for line in lines if line and line[0] != "#")
    published = {name: json.loads(shape) for name, shape in entries}
    parts = ("aggregator.", "camera_head.", "depth_head.")
    needed = {name: shape for name, shape in published.items() if name.startswith(parts)}
    with torch.device("meta"):
        state = VGGT(VGGTConfig()).state_dict()
    assert len(needed) == 1341
    assert {name: list(tensor.shape) for name, tensor in state.items()} == needed


def test_outputs_are_float32_in_the_stated_shapes(model):
    found = model(some_images(3))
    assert {name: tuple(found[name].shape) for name in OUTPUTS} == {
        "pose_enc": (1, 3, 9),
        "depth": (1, 3, 42, 56, 1),
        "depth_conf": (1, 3, 42, 56),
    }
    assert all(found[name].dtype == torch.float32 for name in OUTPUTS)
    assert (found["depth"] > 0).all()
    assert (found["depth_conf"] > 1).all()


def test_scenes_of_a_batch_know_nothing_of_each_other(model):
    scenes = [some_images(2, seed=1), some_images(2, seed=2)]
    together = model(torch.stack(scenes))
    for index, scene in enumerate(scenes):
        alone = model(scene)
        for name in OUTPUTS:
            assert relative_error(together[name][index], alone[name][0]) < TOLERANCE, name


def test_frames_after_the_first_may_come_in_any_order(model):
    images = some_images(4)
    order = [0, 3, 1, 2]
    straight, shuffled = model(images), model(images[order])
    for name in OUTPUTS:
        assert relative_error(shuffled[name], straight[name][:, order]) < TOLERANCE, name


def test_the_first_frame_is_another_one_when_the_scene_starts_elsewhere(model):
    images = some_images(2)
    straight, reversed_ = model(images), model(images.flip(0))
    assert relative_error(reversed_["depth"].flip(1), straight["depth"]) > 100 * TOLERANCE


def test_a_frame_sees_the_others(model):
    images = some_images(2)
    changed = torch.stack((images[0], 1 - images[1]))
    assert relative_error(model(changed)["depth"][:, 0], model(images)["depth"][:, 0]) > TOLERANCE


def test_a_prediction_leaves_images_and_network_as_they_were(model):
    images = some_images(2)
    before = images.clone()
    first = model(images)
    model(some_images(3, height=56, width=28))
    again = model(images)
    assert torch.equal(images, before)
    for name in OUTPUTS:
        assert torch.equal(first[name], again[name]), name


def test_the_aggregator_in_bfloat16_changes_the_prediction_little_but_does(model):
    half = a_lively_vggt()
    for name, dtype in storage_dtypes(half, torch.bfloat16).items():
        parameter = half.get_parameter(name)
        parameter.data = parameter.data.to(dtype)
    images = some_images(3)
    exact, found = model(images), half(images)
    for name in OUTPUTS:
        assert found[name].dtype == torch.float32
        assert 0 < relative_error(found[name], exact[name]) < 0.05, name


@pytest.mark.parametrize(("height", "width"), [(41, 56), (42, 55)])
def test_sides_that_are_no_multiples_of_the_patch_are_refused(model, height, width):
    with pytest.raises(ValueError, match=f"{width}x{height}, need multiples of 14"):
        model(some_images(1, height, width))


def test_a_configuration_survives_json_lists():
    entries = json.loads(json.dumps(dataclasses.asdict(TINY_VGGT)))
    assert VGGTConfig(**entries) == TINY_VGGT


def test_a_depth_head_that_ends_before_the_last_layer_is_refused():
    with pytest.raises(ValueError, match="must end at layer 11"):
        VGGTConfig(depth=12)
