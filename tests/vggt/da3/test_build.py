"""The main command through Depth Anything 3 with tiny random weights, and what its records say."""

import pytest
from PIL import Image

import build_warp_dataset
from tests.vggt.da3.da3_builders import write_da3
from warpset.building.pairs.record import read_records

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def weights(tmp_path):
    return write_da3(tmp_path / "weights" / "model.pt")


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return build_warp_dataset.main([*paths, "--device", "cpu", *flags])


@pytest.mark.parametrize(("window", "mode"), [("0", None), ("2", "lower_bound_crop")])
def test_photos_become_pairs(tmp_path, photos, weights, window, mode):
    flags = ["--model", str(weights), "--window", window, "--upsample-depth", "--quiet"]
    flags += ["--min-coverage", "0"]
    flags += ["--preprocess-mode", mode] if mode else []
    assert build(tmp_path, *flags, "--bidirectional", "--depth-conf-threshold", "p30") == 1
    # random depth shows nothing of some targets: their pairs are there, and a problem
    records = read_records(tmp_path / "out" / "place")
    assert len(records) == 6
    for record in records:
        assert f" {mode or 'upper_bound_resize'} " in record.geometry["revision"]
        assert record.geometry["plan"] == f"windows of {'4' if window == '0' else '2'} frames"
        assert "Apache-2.0 if DA3-SMALL" in record.geometry["licence"]
        written = tmp_path / "out" / "place" / record.files["splats"]
        assert Image.open(written).size == tuple(record.cameras["target"]["size_wh"])


def test_a_way_to_fit_photos_that_it_has_not_is_one_line(tmp_path, photos, weights, capsys):
    assert build(tmp_path, "--model", str(weights), "--quiet", "--preprocess-mode", "pad") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "preprocess mode pad: Depth Anything 3 has upper_bound_resize" in line
