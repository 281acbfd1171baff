"""The main command with refined cameras: records say so, and the same flags go on with them."""

import build_warp_dataset
from tests.builders import a_scene, tree
from warpset.building.pairs.record import read_records


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return build_warp_dataset.main([*paths, "--device", "cpu", "--quiet", *flags])


def test_records_say_which_cameras_were_refined(tmp_path):
    a_scene(tmp_path / "in" / "place")  # blurred: too little to match
    assert build(tmp_path, "--refine-cameras") == 0
    for record in read_records(tmp_path / "out" / "place"):
        assert record.geometry["revision"].endswith(", cameras refined")
        said = "refined in 0 of 3 frames, not in 1.png, 2.png, 3.png"
        assert record.geometry["cameras"] == said
    before = tree(tmp_path / "out")
    assert build(tmp_path, "--refine-cameras") == 0
    assert tree(tmp_path / "out") == before
    assert build(tmp_path) == 1
