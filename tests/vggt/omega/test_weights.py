"""VGGT-Omega's weights: masks folded, resolution known, every wrong file and refusal is a line.

The Hub is a stand-in; its cache is a folder of the test.
"""

from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError

from tests.builders import a_tiny_vggt
from tests.vggt.omega.omega_builders import (
    MASKED,
    TINY_OMEGA,
    a_tiny_omega,
    published_state,
    write_omega,
)
from vggt import weights
from vggt.choices import DEFAULT_MODEL
from vggt.model import VGGT
from vggt.omega.model import VGGTOmega
from vggt.registry import VGGT_1B, VGGT_OMEGA
from vggt.weights import ModelError, load, locate

CPU = torch.device("cpu")
OMEGA = "facebook/VGGT-Omega"
PUBLISHED = ("vggt_omega_1b_256_text.pt", "vggt_omega_1b_416_reproduce.pt", "vggt_omega_1b_512.pt")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def load_fp32(path) -> VGGTOmega:
    return load(locate(str(path)), CPU, "fp32")


def the_one_line(path) -> str:
    """What is said of a file that cannot be used."""
    with pytest.raises(ModelError) as error:
        load_fp32(path)
    line = str(error.value)
    assert "\n" not in line and line.startswith(str(path))
    return line


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the Hub, and a Hub that has the three published files but gives none."""
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    siblings = [SimpleNamespace(rfilename=name) for name in ("LICENSE", *PUBLISHED)]
    answer = SimpleNamespace(sha=COMMIT, siblings=siblings)
    monkeypatch.setattr(HfApi, "model_info", lambda *_args, **_options: answer)
    monkeypatch.setattr(weights, "hf_hub_download", refusal(GatedRepoError))
    return folder


def refusal(kind: type[Exception]):
    def refuse(*_args, **_options):
        raise kind.__new__(kind, "refused")

    return refuse


def test_a_file_is_known_by_its_tensors(tmp_path):
    files = locate(str(write_omega(tmp_path / "weights.pt")))
    assert files.network is VGGT_OMEGA
    torch.save(a_tiny_vggt().state_dict(), tmp_path / "vggt_omega_1b_512.pt")
    assert locate(str(tmp_path / "vggt_omega_1b_512.pt")).network is VGGT_1B


def test_biases_are_multiplied_by_their_masks_and_all_else_is_read_as_it_is(tmp_path):
    network = load_fp32(write_omega(tmp_path / "a.pt"))
    assert isinstance(network, VGGTOmega) and network.config == TINY_OMEGA
    stored, found = published_state(), network.state_dict()
    assert set(found) == {name for name in stored if not name.endswith("_mask")}
    for name, tensor in found.items():
        true = stored[name] * stored[f"{name}_mask"] if name.endswith(MASKED) else stored[name]
        assert torch.equal(tensor, true), name
    assert (found["aggregator.frame_blocks.0.attn.qkv.bias"][32:64] == 0).all()


def test_a_mask_is_applied_before_precision_is_lost(tmp_path):
    state = published_state()
    name = f"aggregator.frame_blocks.0.attn{MASKED}"
    state[name], state[f"{name}_mask"] = torch.full((96,), 1.0039), torch.full((96,), 1.0039)
    network = load(locate(str(write_omega(tmp_path / "a.pt", state))), CPU, "bf16")
    exact = torch.tensor(1.0039**2).bfloat16()
    assert exact != torch.tensor(1.0039).bfloat16() ** 2
    assert (network.state_dict()[name] == exact).all()


def test_periods_are_loaded_and_not_computed(tmp_path):
    network = load(locate(str(write_omega(tmp_path / "a.pt"))), CPU, "bf16")
    for rotary in (network.aggregator.rope_embed, network.aggregator.patch_embed.rope_embed):
        assert rotary.periods.tolist() == [1.0, 3.15625, 10.0, 31.0]


def test_a_loaded_network_predicts_what_the_saved_one_does_without_masked_biases(tmp_path):
    network = a_tiny_omega()
    state, stored = network.state_dict(), published_state()
    for name in (name for name in state if name.endswith(MASKED)):
        state[name] *= stored[f"{name}_mask"]
    images = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    loaded = load_fp32(write_omega(tmp_path / "a.pt"))
    assert torch.equal(loaded(images)["depth"], network(images)["depth"])


def test_a_mask_that_was_never_filled_in_is_refused(tmp_path):
    state = published_state()
    state[f"camera_head.trunk.0.attn{MASKED}_mask"][5] = torch.nan
    line = the_one_line(write_omega(tmp_path / "a.pt", state))
    assert f"camera_head.trunk.0.attn{MASKED}_mask holds NaN" in line


def test_missing_masks_and_periods_are_named(tmp_path):
    state = published_state()
    del state[f"aggregator.frame_blocks.1.attn{MASKED}_mask"]
    del state["aggregator.rope_embed.periods"]
    line = the_one_line(write_omega(tmp_path / "a.pt", state))
    assert "2 missing: " in line
    assert f"aggregator.frame_blocks.1.attn{MASKED}_mask" in line
    assert "aggregator.rope_embed.periods" in line


def test_the_text_aligned_variant_is_refused(tmp_path):
    state = published_state() | {"text_alignment_head.language_token": torch.ones(1, 1, 64)}
    line = the_one_line(write_omega(tmp_path / PUBLISHED[0], state, img_size=None))
    assert "is the text-aligned variant" in line and "take vggt_omega_1b_512.pt" in line
    assert len(line.removeprefix(str(tmp_path))) < 150


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("vggt_omega_1b_512.pt", 512),
        ("vggt_omega_1b_416_reproduce.pt", 416),
        ("VGGT-Omega-1B-512/model.pt", 512),
        ("VGGT-Omega-1B-512/mine_416.pt", 416),
    ],
)
def test_the_resolution_is_told_by_the_name_of_the_file_or_its_folder(tmp_path, name, side):
    assert load_fp32(write_omega(tmp_path / name, img_size=None)).config.img_size == side


def test_a_configuration_beside_the_file_goes_before_its_name(tmp_path):
    path = write_omega(tmp_path / "vggt_omega_1b_512.pt", img_size=64)
    assert load_fp32(path).config.img_size == 64


@pytest.mark.parametrize("name", ["vggt_omega_1b_256.pt", "omega-1024.pt"])
def test_another_resolution_in_the_name_is_refused(tmp_path, name):
    line = the_one_line(write_omega(tmp_path / name, img_size=None))
    assert "found resolution" in line and "need 512 or 416" in line


def test_a_name_without_a_resolution_is_refused(tmp_path):
    line = the_one_line(write_omega(tmp_path / "mine" / "model.pt", img_size=None))
    assert "found no resolution in the name" in line and "config.json with img_size" in line


def test_a_resolution_that_is_no_multiple_of_the_patch_is_refused(tmp_path):
    write_omega(tmp_path / "a.pt", img_size=500)
    with pytest.raises(ModelError, match=r"config.json: not the configuration.*multiple of 16"):
        load_fp32(tmp_path / "a.pt")


def test_of_a_folder_with_all_published_files_the_one_for_512_is_taken(tmp_path):
    for name in PUBLISHED:
        write_omega(tmp_path / "all" / name, img_size=None)
    assert load_fp32(tmp_path / "all").config.img_size == 512


def test_on_the_hub_the_file_for_512_is_found_with_its_licence_before_the_download():
    files = locate(OMEGA)
    assert (files.network, files.revision, files.path) == (VGGT_OMEGA, COMMIT, None)
    assert files.hub_file == "vggt_omega_1b_512.pt"
    assert "FAIR Noncommercial" in files.licence and "outputs too" in files.licence


def test_a_copy_of_the_published_file_elsewhere_on_the_hub_is_known_by_its_name():
    files = locate("somebody/mirror")
    assert files.network is VGGT_OMEGA and "FAIR Noncommercial" in files.licence


def test_a_model_in_the_hubs_cache_needs_no_hub(hub_cache, monkeypatch):
    repository = hub_cache / "models--facebook--VGGT-Omega"
    path = write_omega(repository / "snapshots" / COMMIT / PUBLISHED[2], img_size=None)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(HfApi, "model_info", refusal(AssertionError))
    files = locate(OMEGA)
    assert (files.revision, files.path, files.network) == (COMMIT, path, VGGT_OMEGA)
    assert load(files, CPU).config.img_size == 512


@pytest.mark.parametrize("question", ["model_info", "download"])
def test_no_access_is_one_line_that_says_where_to_ask(monkeypatch, question):
    if question == "model_info":
        monkeypatch.setattr(HfApi, "model_info", refusal(GatedRepoError))
    with pytest.raises(ModelError) as error:
        load(locate(OMEGA), CPU)
    line = str(error.value)
    assert "\n" not in line and line.startswith(f"{OMEGA}: access is granted on request")
    assert f"huggingface.co/{OMEGA}, then run `hf auth login`" in line
    assert "--" not in line


def test_another_networks_weights_under_the_models_name_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "vggt_omega_1b_512.pt"
    torch.save(a_tiny_vggt().state_dict(), path)

    def download(_model, name, **_options):
        if name == "config.json":
            refusal(EntryNotFoundError)()
        return str(path)

    monkeypatch.setattr(weights, "hf_hub_download", download)
    with pytest.raises(ModelError, match="found weights of VGGT-1B, need VGGT-Omega") as error:
        load(locate(OMEGA), CPU)
    assert "\n" not in str(error.value)


def test_omega_is_never_what_is_taken_by_default():
    assert DEFAULT_MODEL in VGGT_1B.licences
    assert DEFAULT_MODEL not in VGGT_OMEGA.licences
    assert VGGT_1B.build is VGGT
