"""Weights: every way in gives the same network, only what is needed is read, every error is a line.

The Hub is a stand-in that refuses; its cache is a folder of the test.
"""

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from safetensors.torch import save_file

from tests.builders import TINY_VGGT, a_tiny_vggt
from vggt import weights
from vggt.choices import DEFAULT_MODEL
from vggt.model import VGGT
from vggt.weights import ModelError, aggregator_dtype, load, locate

CPU = torch.device("cpu")
CUDA = torch.device("cuda")
HUB_ID = "somebody/vggt"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def tiny_state() -> dict[str, torch.Tensor]:
    """A whole published checkpoint in small: point and track weights included."""
    others = {"point_head.norm.weight": torch.ones(64), "track_head.bias": torch.ones(1)}
    return {**a_tiny_vggt().state_dict(), **others}


def write_safetensors(folder: Path, state: dict[str, torch.Tensor] | None = None) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    save_file(tiny_state() if state is None else state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(TINY_VGGT)))
    return folder / "model.safetensors"


def write_pickle(path: Path, bare: bool = False) -> Path:
    config = dataclasses.asdict(TINY_VGGT)
    torch.save(tiny_state() if bare else {"config": config, "state_dict": tiny_state()}, path)
    return path


def load_fp32(path: Path) -> VGGT:
    return load(locate(str(path)), CPU, "fp32")


def the_one_line(error: pytest.ExceptionInfo[ModelError]) -> str:
    line = str(error.value)
    assert "\n" not in line
    return line


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the Hub, and a Hub that cannot be reached."""
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    refuse_with(monkeypatch, ConnectionError("no route to host\nreally"))
    return folder


def refuse_with(monkeypatch, error: Exception) -> None:
    def refuse(*_args, **_options):
        raise error

    monkeypatch.setattr(HfApi, "model_info", refuse)


def hub_error(kind: type[Exception]) -> Exception:
    """An error of the Hub's client, whose constructors differ from version to version."""
    return kind.__new__(kind, "refused")


def test_file_folder_and_pickle_give_the_same_network(tmp_path):
    file = write_safetensors(tmp_path / "a")
    bare = write_pickle(tmp_path / "a" / "bare.pt", bare=True)
    packed = write_pickle(tmp_path / "packed.pt")
    for path in (file, file.parent, bare, packed):
        network = load_fp32(path)
        assert network.config == TINY_VGGT
        assert not network.training
        for name, tensor in a_tiny_vggt().state_dict().items():
            assert torch.equal(network.state_dict()[name], tensor), f"{path}: {name}"


def test_a_loaded_network_predicts_what_the_saved_one_does(tmp_path):
    images = torch.rand(2, 3, 42, 56, generator=torch.Generator().manual_seed(0))
    loaded = load_fp32(write_safetensors(tmp_path))
    assert torch.equal(loaded(images)["depth"], a_tiny_vggt()(images)["depth"])


def test_only_tensors_of_the_network_are_read(tmp_path, monkeypatch):
    read = []
    open_checkpoint = weights._open_checkpoint

    def open_recording(path):
        checkpoint = open_checkpoint(path)

        def read_recording(name):
            read.append(name)
            return checkpoint.read(name)

        return dataclasses.replace(checkpoint, read=read_recording)

    monkeypatch.setattr(weights, "_open_checkpoint", open_recording)
    load_fp32(write_safetensors(tmp_path))
    assert sorted(read) == sorted(a_tiny_vggt().state_dict())


def test_half_precision_is_for_linear_and_convolution_weights_of_the_aggregator(tmp_path):
    network = load(locate(str(write_safetensors(tmp_path))), CPU, "bf16")
    reduced = {name for name, tensor in network.state_dict().items() if tensor.dtype != torch.float}
    ends = ("qkv", "proj", "fc1", "fc2")
    expected = {
        name
        for name in a_tiny_vggt().state_dict()
        if name.startswith("aggregator.") and name.split(".")[-2] in ends
    }
    assert reduced == expected
    assert all(network.state_dict()[name].dtype == torch.bfloat16 for name in reduced)


def test_a_checkpoint_in_half_precision_still_gives_float32_heads(tmp_path):
    state = {name: tensor.bfloat16() for name, tensor in tiny_state().items()}
    network = load_fp32(write_safetensors(tmp_path, state))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


def test_every_tensor_that_does_not_fit_is_named_in_one_line(tmp_path):
    state = tiny_state()
    del state["camera_head.token_norm.weight"], state["depth_head.norm.bias"]
    state["aggregator.frame_blocks.9.extra"] = torch.ones(1)
    state["depth_head.scratch.layer1_rn.weight"] = torch.ones(3, 2)
    with pytest.raises(ModelError) as error:
        load_fp32(write_safetensors(tmp_path, state))
    line = the_one_line(error)
    assert "2 missing: camera_head.token_norm.weight, depth_head.norm.bias" in line
    assert "1 unexpected: aggregator.frame_blocks.9.extra" in line
    assert "depth_head.scratch.layer1_rn.weight is (3, 2), need (16, 8, 3, 3)" in line
    assert "point_head" not in line
    assert "track_head" not in line


def test_a_checkpoint_of_another_network_is_said_in_short(tmp_path):
    with pytest.raises(ModelError, match="none of its 1 tensors") as error:
        load_fp32(write_safetensors(tmp_path, {"fc.weight": torch.ones(1)}))
    assert len(the_one_line(error)) < 200


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    torch.save({"state_dict": tiny_state(), "trap": Trap(tmp_path / "sprung")}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="holds more than tensors") as error:
        load_fp32(tmp_path / "a.pt")
    the_one_line(error)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
@pytest.mark.parametrize("kept", [0, 7, 5000])
def test_a_torn_file_is_an_error_that_names_it(tmp_path, name, kept):
    write = write_pickle if name.endswith(".pt") else lambda path: write_safetensors(path.parent)
    whole = write(tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:kept])
    with pytest.raises(ModelError) as error:
        load_fp32(tmp_path / name)
    assert the_one_line(error).startswith(str(tmp_path / name))


def test_a_configuration_that_is_none_is_an_error(tmp_path):
    path = write_safetensors(tmp_path)
    for text in ("{", "[1]", json.dumps({"depth": 5})):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ModelError, match="config.json") as error:
            load_fp32(path)
        the_one_line(error)


def test_a_published_configuration_may_state_more_or_less_than_ours(tmp_path):
    path = write_safetensors(tmp_path)
    stated = {**dataclasses.asdict(TINY_VGGT), "enable_point": False}
    del stated["patch_size"]
    (tmp_path / "config.json").write_text(json.dumps(stated))
    assert load_fp32(path).config == TINY_VGGT


def test_a_revision_is_of_the_content_wherever_the_file_lies(tmp_path):
    first = locate(str(write_safetensors(tmp_path / "a"))).revision
    assert locate(str(write_safetensors(tmp_path / "b"))).revision == first
    changed = {name: tensor + 1 for name, tensor in tiny_state().items()}
    assert locate(str(write_safetensors(tmp_path / "b", changed))).revision != first


@pytest.mark.parametrize("model", ["no.safetensors", "./no", "no/such/folder", "/no", "no"])
def test_a_path_that_is_not_there_is_named_without_asking_the_hub(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse_with(monkeypatch, AssertionError("the Hub was asked"))
    with pytest.raises(ModelError, match="no such file or folder") as error:
        locate(model)
    line = the_one_line(error)
    assert line.startswith(model)
    assert "--" not in line


def test_an_empty_folder_is_an_error_that_says_what_it_needs(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="model.safetensors, model.pt") as error:
        locate(str(tmp_path / "empty"))
    assert the_one_line(error).startswith(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (ConnectionError("no route\nreally"), "go online once"),
        (TimeoutError(), "go online once"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left in .* set HF_HOME"),
        (hub_error(GatedRepoError), f"ask for it at .*/{HUB_ID}, then run `hf auth login`"),
        (hub_error(RepositoryNotFoundError), "no such model.* `hf auth login`; check the name"),
    ],
)
def test_a_refusal_of_the_hub_says_what_to_do(monkeypatch, refusal, advice):
    refuse_with(monkeypatch, refusal)
    with pytest.raises(ModelError, match=advice) as error:
        locate(HUB_ID)
    assert the_one_line(error).startswith(f"{HUB_ID}: ")


@pytest.mark.parametrize(
    "refusal", [ConnectionError(), hub_error(GatedRepoError), hub_error(RepositoryNotFoundError)]
)
def test_a_refusal_of_the_hub_leaves_flags_to_the_door(monkeypatch, refusal):
    refuse_with(monkeypatch, refusal)
    with pytest.raises(ModelError) as error:
        locate(HUB_ID)
    assert "--" not in the_one_line(error)


def test_a_model_in_the_hubs_cache_needs_no_hub(hub_cache):
    repository = hub_cache / f"models--{HUB_ID.replace('/', '--')}"
    path = write_safetensors(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    files = locate(HUB_ID)
    assert (files.revision, files.path) == (COMMIT, path)
    assert load(files, CPU, "fp32").config == TINY_VGGT


def test_the_licence_of_the_default_model_is_told(hub_cache):
    repository = hub_cache / f"models--{DEFAULT_MODEL.replace('/', '--')}"
    write_safetensors(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    assert "non-commercial" in locate(DEFAULT_MODEL).licence


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bfloat16_on_processors_that_multiply_it(monkeypatch, name):
    capabilities = {"avx512_f": True, name: True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert aggregator_dtype("auto", CPU) == torch.bfloat16
    assert aggregator_dtype("fp32", CPU) == torch.float32


def test_auto_is_float32_on_other_processors(monkeypatch):
    capabilities = {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert aggregator_dtype("auto", CPU) == torch.float32
    assert aggregator_dtype("bf16", CPU) == torch.bfloat16


def test_auto_is_float32_where_torch_does_not_know_the_processor(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert aggregator_dtype("auto", CPU) == torch.float32


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_auto_on_cuda_follows_the_compute_capability(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert aggregator_dtype("auto", CUDA) == dtype
    assert aggregator_dtype("fp32", CUDA) == torch.float32


@pytest.mark.parametrize("content", [{"state_dict": 3}, {"state_dict": {}, "config": [1]}])
def test_a_pickle_of_something_else_is_one_line(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(
        ModelError, match="a.pt: cannot be read as weights .its state_dict"
    ) as error:
        locate(str(tmp_path / "a.pt"))
    the_one_line(error)


def test_of_many_names_the_first_are_said(tmp_path):
    state = tiny_state() | {f"{'x' * 500}{number}": torch.ones(1) for number in range(999)}
    with pytest.raises(ModelError, match="999 unexpected: xxx") as error:
        load_fp32(write_safetensors(tmp_path, state))
    assert len(the_one_line(error)) < 1000


@pytest.mark.parametrize(
    "change",
    [
        {"camera_trunk_depth": 10**6},
        {"embed_dim": 10**9},
        {"depth": True},
        {"num_heads": 0},
        {"patch_size": 0},
        {"dpt_layers": []},
        {"dpt_layers": [0, 1, 3]},
        {"dpt_layers": [0, 1, 1, 3]},
        {"dpt_layers": [2, 1, 0, 3]},
        {"dpt_out_channels": [8, 8, 8]},
        {"dpt_layers": [1e300, None]},
        {"img_size": "large"},
    ],
)
def test_a_configuration_that_no_network_has_is_one_line(tmp_path, change):
    path = write_safetensors(tmp_path)
    entries = dataclasses.asdict(TINY_VGGT) | change
    path.with_name("config.json").write_text(json.dumps(entries))
    with pytest.raises(ModelError, match="configuration") as error:
        load_fp32(path)
    the_one_line(error)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "3", "null", '{"img_size": ' + "9" * 5000 + "}"]
)
def test_a_configuration_that_is_none_is_one_line(tmp_path, content):
    path = write_safetensors(tmp_path)
    path.with_name("config.json").write_text(content)
    with pytest.raises(ModelError, match="config.json: not the configuration") as error:
        load_fp32(path)
    assert len(the_one_line(error)) < 1000


def test_pipes_are_neither_weights_nor_a_configuration(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(ModelError, match="a.pt: is no file"):
        locate(str(tmp_path / "a.pt"))
    path = write_safetensors(tmp_path)
    path.with_name("config.json").unlink()
    os.mkfifo(path.with_name("config.json"))
    with pytest.raises(ModelError, match="need a file"):
        load_fp32(path)
