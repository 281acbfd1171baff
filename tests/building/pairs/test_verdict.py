"""What a run says of its pairs: the line on quality, and the likely cause of useless ones."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_scene, read_transforms_file, write_transforms
from warpset.building.pairs.exposure import Gain, apply_gain
from warpset.building.pairs.folder import read_records
from warpset.building.pairs.verdict import PairQuality, hardly_of_use, quality_line


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


def test_the_line_names_medians_and_the_worst():
    pairs = [PairQuality("a/1", 0.9, 30.0, 0.2), PairQuality("a/2", 0.2, None)]
    pairs += [PairQuality("b/1", 0.5, 10.0, 1.4)]
    assert quality_line(pairs) == (
        "coverage 0.50 at the median, 0.20 at worst (a/2), "
        "PSNR 20.0 dB at the median, 10.0 at worst (b/1), "
        "shift 0.8 px at the median, 1.4 at worst (b/1)"
    )
    assert quality_line([]) == ""


def test_every_run_ends_with_the_quality_of_its_pairs_new_or_there_already(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room")
    for _ in range(2):
        assert build(tmp_path) == 0
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert "coverage 0.9" in last and "at worst (room/" in last and " dB at the median" in last


def test_depth_in_too_small_a_unit_writes_no_pair_and_is_a_problem_with_its_likely_cause(
    tmp_path, capsys
):
    room = a_scene(tmp_path / "in" / "room")
    write_transforms(room, read_transforms_file(room) | {"depth_unit_scale_factor": 1e-6})
    assert build(tmp_path) == 1
    assert all(record.rejected for record in read_records(tmp_path / "out" / "room"))
    error = capsys.readouterr().err
    assert "all 2 pairs rejected" in error and "depth in another unit" in error


def test_pairs_that_show_something_else_are_doubted_with_the_likely_cause(tmp_path):
    a_scene(tmp_path / "in" / "room")
    assert build(tmp_path) == 0
    record, *_ = read_records(tmp_path / "out" / "room")
    assert hardly_of_use([record]) is None and hardly_of_use([]) is None
    for scores, cause in (
        ({"psnr": 9.0}, "wrong cameras"),
        ({"psnr": 9.0, "gain": 2.0}, "exposure"),
    ):
        bad = dataclasses.replace(record, scores={**record.scores, **scores})
        verdict = hardly_of_use([bad])
        assert verdict is not None and "9.0 dB" in verdict and cause in verdict


def test_the_gain_is_recorded_and_matched_on_request(tmp_path):
    room = a_scene(tmp_path / "in" / "room", size_wh=(128, 96))
    path = room / "images" / "2.png"
    Image.fromarray(apply_gain(np.asarray(Image.open(path)), Gain(1.3, 1.3, 1.3))).save(path)
    assert build(tmp_path, "--max-gain", "1.2") == 0
    assert all("gain 1." in str(r.rejected) for r in read_records(tmp_path / "out" / "room"))
    psnr = {}
    for flags in ((), ("--match-exposure",)):
        assert build(tmp_path, *flags, "--force_output", "--output-format", "png") == 0
        first, second = read_records(tmp_path / "out" / "room")
        assert first.scores["gain_red"] == pytest.approx(1.3, rel=0.03)
        assert second.scores["gain_green"] == pytest.approx(1 / 1.3, rel=0.03)
        psnr[flags] = first.scores["psnr"]
    assert psnr[("--match-exposure",)] > psnr[()] + 6
