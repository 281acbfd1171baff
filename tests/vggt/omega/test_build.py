"""The main command through VGGT-Omega with tiny random weights, and what its records say."""

import json
from dataclasses import asdict

import pytest
import torch
from PIL import Image

import build_warp_dataset
from tests.builders import TINY_VGGT, a_tiny_vggt, tree
from tests.vggt.omega.omega_builders import published_state, write_omega
from warpset.building.pairs.record import RECORDS_NAME, read_records

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def weights(tmp_path):
    return write_omega(tmp_path / "weights" / "vggt_omega_1b_512.pt")


def build(tmp_path, *flags, output="out", min_psnr=("--min-psnr", "0")) -> int:
    """Random depth shows little that is right: the bounds keep what it shows."""
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / output)]
    bounds = ["--min-coverage", "0", *min_psnr]
    return build_warp_dataset.main([*paths, "--device", "cpu", *bounds, *flags])


@pytest.mark.parametrize("window", ["0", "2"])
@pytest.mark.parametrize("mode", [None, "balanced", "max_size"])
def test_photos_become_pairs_through_omega(tmp_path, photos, weights, mode, window):
    flags = ["--model", str(weights), "--window", window, "--upsample-depth", "--save-mask"]
    flags += ["--preprocess-mode", mode] if mode else []
    flags += ["--bidirectional", "--save-confidence", "--quiet"]
    assert build(tmp_path, *flags, min_psnr=()) == 1  # some show nothing, and are there
    records = read_records(tmp_path / "out" / "place")
    assert len(records) == 6
    for record in records:
        assert record.geometry["source"] == "vggt"
        assert f" {mode or 'balanced'} " in record.geometry["revision"]
        assert record.geometry["plan"] == f"windows of {'4' if window == '0' else '2'} frames"
        assert "FAIR Noncommercial" in record.geometry["licence"]
        written = tmp_path / "out" / "place" / record.files["splats"]
        assert Image.open(written).size == tuple(record.cameras["target"]["size_wh"])


def test_the_same_command_again_makes_nothing_and_changes_nothing(tmp_path, photos, weights):
    assert build(tmp_path, "--model", str(weights), "--quiet") == 0
    before = tree(tmp_path / "out")
    assert build(tmp_path, "--model", str(weights), "--preprocess-mode", "balanced") == 0
    assert tree(tmp_path / "out") == before


def test_a_second_run_with_other_render_options_needs_no_network(tmp_path, photos, weights):
    assert build(tmp_path, "--model", str(weights), "--quiet") == 0
    weights.unlink()
    flags = ("--model", str(weights), "--sigma", "3", "--quiet")
    assert build(tmp_path, *flags, output="other") == 0
    records = read_records(tmp_path / "other" / "place")
    assert len(records) == 3 and "FAIR Noncommercial" in records[0].geometry["licence"]


def test_records_from_before_licences_were_recorded_are_gone_on_with(tmp_path, photos, weights):
    assert build(tmp_path, "--model", str(weights), "--quiet") == 0
    path = tmp_path / "out" / "place" / RECORDS_NAME
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        del line["geometry"]["licence"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = tree(tmp_path / "out")
    assert build(tmp_path, "--model", str(weights), "--quiet") == 0
    assert tree(tmp_path / "out") == before


def test_the_licence_is_said_when_the_network_is_loaded(tmp_path, photos, weights, capsys):
    assert build(tmp_path, "--model", str(weights)) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if str(weights) in line]
    assert [line.split(": ")[1].split(";")[0] for line in said] == ["reading weights", "VGGT-Omega"]
    assert "FAIR Noncommercial" in said[1]


def test_every_network_has_its_licence_in_the_record(tmp_path, photos):
    checkpoint = {"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}
    torch.save(checkpoint, tmp_path / "tiny.pt")
    assert build(tmp_path, "--model", str(tmp_path / "tiny.pt"), "--quiet") == 0
    geometry = read_records(tmp_path / "out" / "place")[0].geometry
    assert geometry["licence"] == "not known, see where the model comes from"
    assert " crop " in geometry["revision"]


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_a_way_to_fit_photos_that_omega_has_not_is_one_line(
    tmp_path, photos, weights, capsys, mode
):
    assert build(tmp_path, "--model", str(weights), "--quiet", "--preprocess-mode", mode) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"preprocess mode {mode}: VGGT-Omega has balanced and max_size; give one" in line


def a_text_variant(folder):
    state = published_state() | {"text_alignment_head.language_token": torch.ones(1, 1, 64)}
    return write_omega(folder / "vggt_omega_1b_256_text.pt", state)


def another_resolution(folder):
    return write_omega(folder / "vggt_omega_1b_300.pt", img_size=None)


def no_network(folder):
    return write_omega(folder / "vggt_omega_1b_512.pt", {"fc.weight": torch.ones(1)})


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (a_text_variant, "is the text-aligned variant"),
        (another_resolution, "found resolution 300 in its name, need 512 or 416"),
        (no_network, "none of its 1 tensors is VGGT's"),
    ],
)
def test_a_wrong_file_is_one_line_and_nothing_else_is_taken(tmp_path, photos, capsys, write, said):
    assert build(tmp_path, "--model", str(write(tmp_path / "weights")), "--quiet") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert not list((tmp_path / "out").rglob("*.jpg"))
