"""Runs over many scenes that are looked at, stopped, joined, and that meet scenes which fail."""

import gc
import json
import secrets
import shutil
from pathlib import Path

import pytest

from build_warp_dataset import main
from hole_filling_renderer import HoleFillingRenderer
from tests.builders import TOLD, a_scene, tree
from warpset.building import many_scenes
from warpset.building.runs.board import SUMMARY_NAME
from warpset.building.warping import Warper
from warpset.fleet.locks import sole_writer

ROOT = Path(__file__).parents[2]


def build(tmp_path, *flags) -> int:
    return main(
        ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), *flags]
    )


def summary(tmp_path) -> dict:
    return json.loads((tmp_path / "out" / SUMMARY_NAME).read_text())


@pytest.fixture
def scenes(tmp_path):
    a_scene(tmp_path / "in" / "attic", photos=1)
    a_scene(tmp_path / "in" / "room")


def test_a_run_says_what_became_of_its_scenes_to_files_and_shells(tmp_path, scenes, capsys):
    metrics = tmp_path / "warp.prom"
    assert build(tmp_path, "--prometheus", str(metrics)) == 1
    told = summary(tmp_path)
    assert told["scenes"] == dict(found=2, done=1, failed=1, set_aside=0, waiting=0)
    assert told["pairs"]["written"] == 2 and told["state"] == "finished"
    assert told["failed"][0]["reason"].startswith("found 1 readable photo, need at least 2")
    assert 'warpset_scenes{state="done"} 1' in metrics.read_text()
    capsys.readouterr()
    assert main(["--status", "--output-dir", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "finished, 1 of 2 scenes done, 1 failed" in said and "2 written" in said


def test_rejected_pairs_are_told_by_the_bound_that_they_missed(tmp_path):
    a_scene(tmp_path / "in" / "room")
    build(tmp_path, "--min-psnr", "200", "--quiet")
    (bound,) = summary(tmp_path)["rejected"]
    assert bound == "PSNR is below 200.0" and summary(tmp_path)["rejected"][bound] == 2


def test_what_a_scene_takes_goes_with_it(tmp_path, scenes):
    """Python looks for rings once there are many objects; a scene's are few, and large."""
    gc.collect()
    gc.disable()
    try:
        assert build(tmp_path) == 1
        left = [one for one in gc.get_objects() if type(one) in (Warper, HoleFillingRenderer)]
    finally:
        gc.enable()
    assert left == []


def test_a_status_where_no_run_was_is_one_line(tmp_path, capsys):
    assert main(["--status", "--output-dir", str(tmp_path)]) == 1
    assert "found no run" in capsys.readouterr().err


def test_a_dry_run_tells_nothing_to_files(tmp_path, scenes):
    build(tmp_path, "--dry-run", "--quiet")
    assert not (tmp_path / "out").exists()


def test_a_scene_that_failed_three_times_is_set_aside_until_it_is_asked_for(
    tmp_path, scenes, capsys
):
    for _ in range(3):
        assert build(tmp_path, "--quiet") == 1
        assert "found 1 readable photo" in capsys.readouterr().err
    assert summary(tmp_path)["set_aside"][0]["scene"] == "attic"
    a_scene(tmp_path / "more")
    shutil.copytree(
        tmp_path / "more" / "images", tmp_path / "in" / "attic" / "images", dirs_exist_ok=True
    )
    assert build(tmp_path, "--quiet") == 1
    (line,) = capsys.readouterr().err.splitlines()[:1]
    assert "attic: set aside after 3 failures (found 1 readable photo" in line
    assert line.endswith("use --retry-failed to try it again")
    shutil.rmtree(tmp_path / "in" / "attic")
    a_scene(tmp_path / "in" / "attic")
    assert build(tmp_path, "--quiet", "--retry-failed") == 0
    assert summary(tmp_path)["scenes"]["done"] == 2 and summary(tmp_path)["set_aside"] == []


def test_a_run_that_joins_leaves_a_scene_to_another_and_takes_it_over(
    tmp_path, scenes, monkeypatch
):
    a_scene(tmp_path / "in" / "hall")
    assert build(tmp_path, "--quiet") == 1
    whole = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    looks = []

    def looked(_: float) -> None:  # the other run dies at the second look
        looks.append(tree(tmp_path / "out"))
        if len(looks) == 2:
            other.__exit__(None, None, None)

    monkeypatch.setattr(many_scenes.time, "sleep", looked)
    other = sole_writer(tmp_path / "out" / "hall")
    other.__enter__()
    assert build(tmp_path, "--quiet", "--join") == 1
    assert len(looks) == 2 and not any(name.startswith("hall") for name in looks[-1])
    assert tree(tmp_path / "out") == whole


@pytest.fixture
def stored(tmp_path):
    """Six scenes, zips and folders, on disk and in memory; what they become; the address."""
    fsspec = pytest.importorskip("fsspec")
    fs, root = fsspec.filesystem("memory"), f"/{secrets.token_hex(4)}"
    for number in range(6):
        a_scene(tmp_path / "in" / f"s{number}", at=(0, number, 0))
        if number % 2:
            shutil.make_archive(
                str(tmp_path / "in" / f"s{number}"), "zip", tmp_path / "in" / f"s{number}"
            )
            shutil.rmtree(tmp_path / "in" / f"s{number}")
    assert build(tmp_path, "--quiet") == 0
    for name, content in tree(tmp_path / "in").items():
        fs.pipe_file(f"{root}/in/{name}", content)
    yield fs, root, tree(tmp_path / "out")
    fs.rm(root, recursive=True)


def pairs_at(fs, root) -> dict[str, bytes]:
    names = {path.removeprefix(f"{root}/out/"): path for path in fs.find(f"{root}/out")}
    return {name: fs.cat_file(path) for name, path in names.items() if not TOLD.fullmatch(name)}


def test_scenes_are_fetched_made_and_sent_at_once_and_are_the_same(stored):
    fs, root, whole = stored
    paths = ["--input-dir", f"memory:/{root}/in", "--output-dir", f"memory:/{root}/out"]
    assert main([*paths, "--stage-gb", "0.01", "--quiet"]) == 0
    assert pairs_at(fs, root) == whole


def test_a_scene_that_does_not_fit_the_disk_is_named(stored, capsys):
    _, root, _ = stored
    paths = ["--input-dir", f"memory:/{root}/in", "--output-dir", f"memory:/{root}/out"]
    assert main([*paths, "--stage-gb", "0.00001", "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "s0: needs about" in error and "raise --stage-gb" in error


@pytest.mark.parametrize(
    "flags",
    [
        ["--stage-gb", "1"],
        ["--stage-gb", "1", "--input-dir", "s3://a/b", "--ray"],
        ["--gpus-per-worker", "0.5"],
        ["--gpus-per-worker", "0.5", "--ray", "--device", "cpu"],
        ["--join", "--dry-run"],
    ],
)
def test_flags_without_effect_are_one_line_and_code_2(flags, capsys):
    with pytest.raises(SystemExit) as stop:
        main(flags)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
