"""Depth Anything 3's weights: what is read, how sizes are told, and a line for every wrong file."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import HfApi, constants

from tests.builders import a_tiny_vggt
from tests.vggt.da3.da3_builders import TINY_DA3, a_tiny_da3, published_state, write_da3
from vggt import weights
from vggt.checkpoint import Checkpoint
from vggt.da3.checkpoint import published
from vggt.da3.model import BASE, SIZES, DepthAnything3
from vggt.registry import DEPTH_ANYTHING_3, VGGT_1B
from vggt.weights import ModelError, load, locate

CPU = torch.device("cpu")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
IDS = ["SMALL", "BASE", "LARGE", "LARGE-1.1", "GIANT", "GIANT-1.1"]


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the Hub, and a Hub that has the published files but gives none."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    siblings = [SimpleNamespace(rfilename=name) for name in ("config.json", "model.safetensors")]
    answer = SimpleNamespace(sha=COMMIT, siblings=siblings)
    monkeypatch.setattr(HfApi, "model_info", lambda *_args, **_options: answer)


def the_one_line(path) -> str:
    """What is said of a file that cannot be used."""
    with pytest.raises(ModelError) as error:
        load(locate(str(path)), CPU, "fp32")
    line = str(error.value)
    assert "\n" not in line and line.startswith(str(path))
    return line


def names_read(monkeypatch, path, **shape) -> set[str]:
    """The tensors that loading a file reads."""
    read, open_checkpoint = [], weights._open_checkpoint

    def open_recording(path):
        checkpoint = open_checkpoint(path)
        recording = lambda name: read.append(name) or checkpoint.read(name)  # noqa: E731
        return replace(checkpoint, read=recording)

    monkeypatch.setattr(weights, "_open_checkpoint", open_recording)
    load(locate(str(path)), CPU, "fp32", **shape)
    return set(read)


def test_a_file_is_known_by_its_tensors(tmp_path):
    assert locate(str(write_da3(tmp_path / "model.pt"))).network is DEPTH_ANYTHING_3
    torch.save(a_tiny_vggt().state_dict(), tmp_path / "da3.pt")
    assert locate(str(tmp_path / "da3.pt")).network is VGGT_1B


def test_a_loaded_network_predicts_what_the_saved_one_does(tmp_path):
    images = torch.rand(3, 3, 42, 56, generator=torch.Generator().manual_seed(0))
    network = load(locate(str(write_da3(tmp_path / "a.pt"))), CPU, "fp32")
    assert isinstance(network, DepthAnything3)
    saved = a_tiny_da3(takes_cameras=True)
    assert torch.equal(network(images)["depth"], saved(images)["depth"])


def test_only_needed_tensors_are_read(tmp_path, monkeypatch):
    needed = {published(name) for name in a_tiny_da3().state_dict()}
    path = write_da3(tmp_path / "a.pt")
    assert names_read(monkeypatch, path) == needed
    encoder = {name for name in published_state() if name.startswith("model.cam_enc.")}
    assert len(encoder) == 64
    assert names_read(monkeypatch, path, takes_cameras=True) == needed | encoder


@pytest.mark.parametrize("size", SIZES)
def test_the_size_is_told_by_the_width_of_the_tensors(tmp_path, size):
    shapes = {"model.backbone.pretrained.camera_token": (1, 2, SIZES[size].embed_dim)}
    checkpoint = Checkpoint(tmp_path / "model.safetensors", shapes, lambda name: torch.empty(0))
    (tmp_path / "config.json").write_text('{"model_name": "any", "config": {"head": {}}}')
    assert weights._config(checkpoint, DEPTH_ANYTHING_3) == SIZES[size]


def test_a_width_that_no_size_has_is_refused(tmp_path):
    line = the_one_line(write_da3(tmp_path / "a.pt", config=None))
    assert "found tokens of 32 channels, need one of 384, 768, 1024, 1536" in line


def test_variants_that_cannot_be_used_say_so(tmp_path):
    state = published_state()
    nested = {name.replace("model.", "model.da3.", 1): value for name, value in state.items()}
    assert "is the nested variant" in the_one_line(write_da3(tmp_path / "nested.pt", nested))
    del state["model.backbone.pretrained.camera_token"]
    line = the_one_line(write_da3(tmp_path / "mono.pt", state))
    assert "for single photos, without cameras; take depth-anything/DA3-SMALL" in line


def test_missing_and_unexpected_tensors_are_named_as_published(tmp_path):
    state = published_state() | {"model.extra": torch.ones(1)}
    del state["model.cam_dec.fc_t.bias"]
    line = the_one_line(write_da3(tmp_path / "a.pt", state))
    assert "1 missing: model.cam_dec.fc_t.bias" in line and "1 unexpected: model.extra" in line


@pytest.mark.parametrize("name", IDS)
def test_on_the_hub_each_is_known_with_its_licence_before_the_download(name):
    files = locate(f"depth-anything/DA3-{name}")
    assert (files.network, files.revision, files.path) == (DEPTH_ANYTHING_3, COMMIT, None)
    free = name in ("SMALL", "BASE")
    assert files.licence == ("Apache-2.0" if free else "CC BY-NC 4.0, non-commercial")


def test_a_local_files_licence_names_what_each_size_has(tmp_path):
    licence = locate(str(write_da3(tmp_path / "a.pt"))).licence
    assert licence.startswith("Apache-2.0 if DA3-SMALL or DA3-BASE, CC BY-NC 4.0")


def test_what_reads_cameras_is_read_where_cameras_will_be_given_and_it_is_there(
    tmp_path, monkeypatch
):
    whole = write_da3(tmp_path / "whole.pt")
    encoder = {name for name in published_state() if name.startswith("model.cam_enc.")}
    assert names_read(monkeypatch, whole, given_cameras=True) >= encoder
    without = {name: value for name, value in published_state().items() if name not in encoder}
    path = write_da3(tmp_path / "without.pt", without)
    assert not load(locate(str(path)), CPU, "fp32", given_cameras=True).takes_cameras


@pytest.mark.parametrize(("size", "weak"), [("small", 1), ("base", 1), ("large", 0), ("giant", 0)])
def test_the_two_smaller_sizes_have_weak_cameras_on_the_hub_as_in_a_file(size, weak):
    assert SIZES[size].has_weak_cameras == bool(weak)
    model = f"depth-anything/DA3-{size.upper()}"
    assert locate(model).has_weak_cameras == bool(weak)


def test_half_precision_is_for_the_trunk_alone(tmp_path):
    network = load(locate(str(write_da3(tmp_path / "a.pt"))), CPU, "bf16", takes_cameras=True)
    halved = {name for name, value in network.state_dict().items() if value.dtype != torch.float32}
    ends = ("qkv", "proj", "fc1", "fc2")
    assert halved == {
        name
        for name in a_tiny_da3(takes_cameras=True).state_dict()
        if name.startswith("aggregator.") and name.split(".")[-2] in ends
    }


def test_the_default_shape_is_bases():
    assert DEPTH_ANYTHING_3.published == BASE != TINY_DA3
