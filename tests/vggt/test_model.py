"""The network: golden outputs, published names, and what must not change a prediction."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from tests.builders import TINY_VGGT
from tests.vggt.goldens import golden_file
from tests.vggt.network_builders import OUTPUTS, a_lively_vggt, relative_error, some_images
from vggt.model import VGGT, VGGTConfig

TOLERANCE = 1e-5


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


def test_the_first_frame_is_another_one_when_the_scene_starts_elsewhere(model):
    images = some_images(2)
    straight, reversed_ = model(images), model(images.flip(0))
    assert relative_error(reversed_["depth"].flip(1), straight["depth"]) > 100 * TOLERANCE


def test_a_frame_sees_the_others(model):
    images = some_images(2)
    changed = torch.stack((images[0], 1 - images[1]))
    assert relative_error(model(changed)["depth"][:, 0], model(images)["depth"][:, 0]) > TOLERANCE


def test_a_configuration_survives_json_lists():
    entries = json.loads(json.dumps(dataclasses.asdict(TINY_VGGT)))
    assert VGGTConfig(**entries) == TINY_VGGT


def test_a_depth_head_that_ends_before_the_last_layer_is_refused():
    with pytest.raises(ValueError, match="must end at layer 11"):
        VGGTConfig(depth=12)
