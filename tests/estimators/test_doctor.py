"""What `--doctor` finds, and what it advises; nothing of it needs the network."""

import re
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from build_warp_dataset import main
from estimators import doctor
from estimators.device import NvidiaDriver
from estimators.doctor import GROUPS, examine

ROOT = Path(__file__).parents[2]
COMMIT = "0" * 40


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the Hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def findings(tmp_path, model="facebook/VGGT-1B"):
    return list(examine(model, lambda: tmp_path / "kernels"))


def about(found, what):
    return [finding for finding in found if finding.about == what]


def test_everything_that_a_run_may_want_is_looked_at(tmp_path):
    looked_at = {finding.about for finding in findings(tmp_path)}
    assert looked_at >= {"system", "Python", "PyTorch", "device", "memory", "kernels", "disk"}
    assert looked_at >= {"weights", "group"}


def test_weights_that_are_not_at_hand_come_with_what_to_do(tmp_path):
    found = about(findings(tmp_path), "weights")
    assert [finding.found for finding in found] == [
        "facebook/VGGT-1B: not here",
        "skyseg.onnx: not here",
    ]
    assert "--model PATH" in found[0].advice and "--sky-model PATH" in found[1].advice
    ways = ("depth-anything/DA3-BASE (0.5 GB, Apache-2.0)", "--geometry stereo", "recorded")
    places = [found[0].advice.index(way) for way in ways]
    assert places == sorted(places)


def test_what_needs_no_weights_is_at_hand(tmp_path, monkeypatch):
    def at_hand():
        return [one.found.split(":")[0] for one in about(findings(tmp_path), "geometry")]

    assert at_hand() == ["stereo", "recorded"]
    there = doctor.find_spec
    monkeypatch.setattr(
        doctor, "find_spec", lambda name: None if name == "pycolmap" else there(name)
    )
    assert at_hand() == ["recorded"]


def test_weights_in_the_hubs_cache_are_at_hand(tmp_path, hub_cache, monkeypatch):
    repository = hub_cache / "models--facebook--VGGT-1B"
    weights = repository / "snapshots" / COMMIT / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"never opened")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    monkeypatch.setattr("vggt.weights.try_to_load_from_cache", in_cache(hub_cache))
    (first, _) = about(findings(tmp_path), "weights")
    assert first.found == f"facebook/VGGT-1B: {weights}" and not first.advice


def in_cache(folder):
    from huggingface_hub import try_to_load_from_cache

    return lambda model, name: try_to_load_from_cache(model, name, cache_dir=folder)


def test_weights_in_a_file_are_at_hand(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"never opened")
    (first, _) = about(findings(tmp_path, str(weights)), "weights")
    assert str(weights) in first.found and not first.advice


def test_a_group_that_is_missing_comes_with_its_command(tmp_path, monkeypatch):
    there = doctor.find_spec
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "pxr" else there(name))
    (usd,) = [one for one in about(findings(tmp_path), "group") if one.found.startswith("usd")]
    assert "without" in usd.found and "pxr" in usd.found and "--group usd" in usd.advice


def test_the_groups_are_those_of_the_project():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^\[dependency-groups\]\n(.*?)^\[", project, re.S | re.M)
    assert block is not None
    assert set(re.findall(r"^(\w+) = \[", block.group(1), re.M)) == {*GROUPS, "dev"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_card_that_lies_idle_comes_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "nvidia_driver", lambda: NvidiaDriver(1, "12.8"))
    (device,) = about(findings(tmp_path), "device")
    assert "PyTorch cannot use it" in device.found and "README.md" in device.advice


def test_what_is_broken_is_a_finding_and_the_rest_is_looked_at(tmp_path):
    def broken():
        raise OSError("no such library")

    found = list(examine("facebook/VGGT-1B", broken))
    (kernels,) = about(found, "kernels")
    assert "no such library" in kernels.found and kernels.advice
    assert about(found, "group")


def test_little_disk_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 1e30)
    assert all("free some" in finding.advice for finding in about(findings(tmp_path), "disk"))


def test_the_flag_prints_the_findings_and_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--doctor"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("system") and "\nPyTorch       " in told
    assert list(tmp_path.iterdir()) == []
