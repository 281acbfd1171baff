"""What a run says of its pairs: the line on quality, and the likely cause of useless ones."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_photo, a_scene, read_transforms_file, write_transforms
from warpset.building.pairs import one_photo
from warpset.building.pairs.folder import read_records
from warpset.building.pairs.verdict import PairQuality, hardly_of_use, quality_line
from warpset.core.scoring.exposure import Gain, apply_gain


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


def a_detailed_scene(folder: Path) -> Path:
    """A scene whose photos have corners to follow."""
    room = a_scene(folder, size_wh=(320, 240))
    coarse = np.random.default_rng(0).integers(0, 256, (60, 84, 3), np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((336, 240), Image.Resampling.BICUBIC))
    for index in range(3):
        photo = wide[:, 3 * index :][:, :320]  # the disparity of the scene's plane
        Image.fromarray(photo).save(room / "images" / f"{index + 1}.png")
    return room


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


@pytest.mark.parametrize(
    ("times", "factor", "asked"),
    [(10, "0.1", ()), (2.54, "0.39", ()), (2.54, "0.39", ("--references", "2"))],
)
def test_depth_in_too_large_a_unit_is_a_problem_that_names_the_factor(
    tmp_path, capsys, times, factor, asked
):
    room = a_detailed_scene(tmp_path / "in" / "room")
    assert build(tmp_path, *asked) == 0
    write_transforms(room, read_transforms_file(room) | {"depth_unit_scale_factor": 0.001 * times})
    assert build(tmp_path, *asked, "--force_output") == 1
    assert f"depth multiplied by {factor}" in capsys.readouterr().err
    assert build(tmp_path, *asked) == 1  # what is there already is judged as well
    assert f"depth multiplied by {factor}" in capsys.readouterr().err


def test_pairs_that_show_something_else_are_doubted_with_the_likely_cause(tmp_path):
    a_scene(tmp_path / "in" / "room")
    assert build(tmp_path) == 0
    record, *_ = read_records(tmp_path / "out" / "room")
    assert hardly_of_use([record]) is None and hardly_of_use([]) is None
    for scores, cause in (
        ({"psnr": 9.0}, "wrong cameras"),
        ({"psnr": 9.0, "gain": 2.0, "shift": 0.1}, "exposure"),
        ({"psnr": 9.0, "gain": 2.0, "shift": 5.0}, "wrong cameras"),
        ({"psnr": 9.0, "gain": 2.0, "shift": None}, "wrong cameras"),
        ({"shift": 5.0}, "wrong cameras"),
    ):
        bad = dataclasses.replace(record, scores={**record.scores, **scores})
        verdict = hardly_of_use([bad])
        assert verdict is not None and "hardly be of use" in verdict and cause in verdict
        without_size = dataclasses.replace(bad, cameras={"target": {"size_wh": ["wide", None]}})
        assert "hardly be of use" in (hardly_of_use([bad, without_size]) or "")


def test_pairs_of_no_use_end_the_run_with_a_problem(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", size_wh=(320, 240))
    for number in (1, 2, 3):
        other = a_photo((320, 240), seed=number)
        Image.fromarray(other).save(room / "images" / f"{number}.png")
    assert build(tmp_path) == 1
    error = capsys.readouterr().err
    assert "hardly be of use" in error and "1 problems" in error
    assert build(tmp_path, "--min-coverage", "0", "--force_output") == 1
    assert "hardly be of use" in capsys.readouterr().err
    assert build(tmp_path, "--min-psnr", "0", "--force_output") == 0
    error = capsys.readouterr().err
    assert "hardly be of use" in error and "0 problems" in error


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


def test_pairs_that_show_nothing_are_a_problem_whatever_bounds_are_given(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room")
    write_transforms(room, read_transforms_file(room) | {"depth_unit_scale_factor": 1e-6})
    assert build(tmp_path, "--min-coverage", "0") == 1
    error = capsys.readouterr().err
    assert "2 of 2 pairs show less than 2% of the target (2 first)" in error
    assert "depth in another unit" in error and "1 problems" in error


def test_holes_that_were_asked_for_are_not_blamed_on_depth(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=1)
    assert build(tmp_path, "--from-one-photo", "--hole-share", "0.9") == 0
    assert "likely" not in capsys.readouterr().err


def test_holes_that_were_missed_are_a_problem_and_not_blamed_on_cameras(
    tmp_path, capsys, monkeypatch
):
    a_scene(tmp_path / "in" / "room", photos=1)
    monkeypatch.setattr(one_photo, "TOLERANCE", -1.0)  # nothing is near enough
    assert build(tmp_path, "--from-one-photo", "--hole-share", "0.3") == 1
    error = capsys.readouterr().err
    assert "depth that differs too little, or too much, for such a share of holes" in error
    assert "cameras" not in error and "1 problems" in error
