"""The main command, from its flags to the tree it writes."""

import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from PIL import Image

from build_warp_dataset import main
from splats import read_splats
from tests.builders import (
    PLANE_DEPTH_M,
    a_photo,
    a_scene,
    read_transforms_file,
    tree,
    write_transforms,
)
from warpset.building.pairs.camera_json import recorded_camera
from warpset.building.pairs.record import read_records
from warpset.core.cameras import project
from warpset.files.ply import read_ply

ROOT = Path(__file__).parents[2]
TRIPLET = ("splats", "target", "reference")


def build(tmp_path, *flags) -> int:
    return main(
        ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), *flags]
    )


def pictures(tmp_path, name="2", extension="png", scene="room"):
    folder = tmp_path / "out" / scene
    return [
        np.asarray(Image.open(folder / f"{name}_{kind}.{extension}")).astype(int)
        for kind in TRIPLET
    ]


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room")


def test_three_photos_make_two_triplets_and_their_records(tmp_path, room):
    assert build(tmp_path) == 0
    names = {f"{name}_{kind}.jpg" for name in "23" for kind in TRIPLET}
    assert set(tree(tmp_path / "out" / "room")) == names | {"pairs.jsonl"}
    records = read_records(tmp_path / "out" / "room")
    assert [(record.reference, record.target) for record in records] == [
        ("1.png", "2.png"),
        ("2.png", "3.png"),
    ]


def test_the_splats_show_the_reference_where_the_target_sees_it(tmp_path, room):
    assert build(tmp_path, "--output-format", "png", "--auto-s0", "--save-mask") == 0
    splats, target, reference = pictures(tmp_path)
    seen = np.asarray(Image.open(tmp_path / "out" / "room" / "2_mask.png")) == 0
    np.testing.assert_array_equal(reference, np.asarray(Image.open(room / "images" / "1.png")))
    np.testing.assert_array_equal(target, np.asarray(Image.open(room / "images" / "2.png")))
    assert np.abs(splats - target)[seen].mean() < 1
    assert seen[:, :60].all() and not seen[:, 62:].any()


def test_scores_of_a_perfect_warp_are_high(tmp_path, room):
    build(tmp_path, "--auto-s0")
    scores = read_records(tmp_path / "out" / "room")[0].scores
    assert scores["psnr"] > 40 and scores["ssim"] > 0.99
    assert scores["coverage"] == pytest.approx(61 / 64, abs=1 / 64)
    assert scores["coverage"] + scores["hole_share"] == pytest.approx(1)


def test_bidirectional_adds_pairs_and_rewrites_nothing(tmp_path, room):
    build(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.jpg")}
    assert build(tmp_path, "--bidirectional") == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.jpg")}
    assert before.items() <= after.items() and len(after) == 2 * len(before)
    whole = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    build(tmp_path, "--bidirectional")
    assert tree(tmp_path / "out") == whole


def test_the_same_command_again_changes_nothing(tmp_path, room, monkeypatch):
    build(tmp_path)
    before = tree(tmp_path / "out")
    monkeypatch.setattr("build_warp_dataset.make_renderer", None)
    assert build(tmp_path) == 0
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("flag", "suffix"),
    [
        ("--save-mask", "mask.png"),
        ("--save-confidence", "confidence.png"),
        ("--save-ply", "reference.ply"),
        ("--save-depth", "depth.exr"),
        ("--save-splats", "reference_gaussians.ply"),
    ],
)
def test_an_extra_asked_for_later_adds_only_its_files(tmp_path, room, flag, suffix):
    build(tmp_path)
    before = tree(tmp_path / "out" / "room")
    assert build(tmp_path, flag) == 0
    after = tree(tmp_path / "out" / "room")
    assert set(after) - set(before) == {f"2_{suffix}", f"3_{suffix}"}
    before.pop("pairs.jsonl")
    assert before.items() <= after.items()
    assert build(tmp_path) == 0 and tree(tmp_path / "out" / "room") == after


def test_other_options_are_an_error_that_names_both(tmp_path, room, capsys):
    build(tmp_path)
    before = tree(tmp_path / "out")
    assert build(tmp_path, "--sigma", "3") == 1
    assert (
        "sigma = 20.0, this run asks for sigma = 3.0; use --force_output" in capsys.readouterr().err
    )
    assert tree(tmp_path / "out") == before
    assert build(tmp_path, "--sigma", "3", "--force_output") == 0
    assert read_records(tmp_path / "out" / "room")[0].options["sigma"] == 3


def test_force_output_leaves_no_file_of_the_former_run(tmp_path, room):
    build(tmp_path, "--save-mask", "--output-format", "png")
    build(tmp_path, "--force_output")
    names = {f"{name}_{kind}.jpg" for name in "23" for kind in TRIPLET}
    assert set(tree(tmp_path / "out" / "room")) == names | {"pairs.jsonl"}


def test_another_photo_under_the_same_name_is_noticed(tmp_path, room, capsys):
    build(tmp_path)
    Image.fromarray(a_photo(seed=5)).save(room / "images" / "2.png")
    assert build(tmp_path) == 1
    assert "2 was made with target sha256 =" in capsys.readouterr().err


def test_another_depth_under_the_same_name_is_noticed(tmp_path, room, capsys):
    build(tmp_path)
    before = tree(tmp_path / "out")
    depth = np.full((48, 64), 1500, np.uint16)
    Image.fromarray(depth).save(room / "depths" / "1.png")
    assert build(tmp_path) == 1
    error = capsys.readouterr().err
    assert "2 was made with depth sha256 =" in error and "use --force_output" in error
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["pose", "focal", "unit"])
def test_another_recorded_camera_is_noticed(tmp_path, room, capsys, change):
    build(tmp_path)
    before, transforms = tree(tmp_path / "out"), read_transforms_file(room)
    if change == "pose":
        transforms["frames"][0]["transform_matrix"][1][3] += 0.01
    else:
        transforms |= {"fl_x": 60.5} if change == "focal" else {"depth_unit_scale_factor": 0.01}
    write_transforms(room, transforms)
    assert build(tmp_path) == 1
    assert "2 was made with cameras sha256 =" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


def test_a_photo_added_to_a_recording_adds_its_pair_alone(tmp_path, room):
    build(tmp_path)
    before = tree(tmp_path / "out" / "room")
    four = a_scene(tmp_path / "four", photos=4)
    shutil.copytree(four, room, dirs_exist_ok=True)
    assert build(tmp_path) == 0
    after = tree(tmp_path / "out" / "room")
    assert {name[0] for name in set(after) - set(before)} == {"4"}
    before.pop("pairs.jsonl")
    assert before.items() <= after.items()


def test_confidence_asked_for_later_is_in_the_point_cloud_too(tmp_path, room):
    build(tmp_path, "--save-ply")
    build(tmp_path, "--save-ply", "--save-confidence")
    together = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    build(tmp_path, "--save-ply", "--save-confidence")
    assert tree(tmp_path / "out") == together


def test_a_scene_in_a_map_projection_gives_the_pictures_of_one_at_the_origin(tmp_path, room):
    a_scene(tmp_path / "in" / "far", at=(5e5, 5.2e6, 100.0))
    assert build(tmp_path, "--output-format", "png") == 0
    near, far = (pictures(tmp_path, scene=scene) for scene in ("room", "far"))
    for one, other in zip(near, far, strict=True):
        assert np.abs(one - other).max() <= 1
    record = read_records(tmp_path / "out" / "far")[0]
    assert record.geometry["world_offset"] == "500000 5200000 0"


def test_extras_hold_what_they_say(tmp_path, room):
    flags = ("--save-mask", "--save-confidence", "--save-ply", "--save-depth", "--auto-s0")
    assert build(tmp_path, *flags) == 0
    folder = tmp_path / "out" / "room"
    hole = np.asarray(Image.open(folder / "2_mask.png")) == 255
    confidence = np.asarray(Image.open(folder / "2_confidence.png"))
    np.testing.assert_array_equal(confidence, np.where(hole, 0, 255))
    with OpenEXR.File(str(folder / "2_depth.exr"), separate_channels=True) as exr:
        depth = exr.channels()["Y"].pixels
    np.testing.assert_allclose(depth[~hole], PLANE_DEPTH_M, rtol=1e-4)
    assert (depth[hole] == 0).all()
    cloud = read_ply(folder / "2_reference.ply")
    np.testing.assert_allclose(cloud.xyz_world[:, 2], PLANE_DEPTH_M, rtol=1e-6)
    camera = recorded_camera(read_records(folder)[0].cameras, "reference")
    uv, _ = project(camera, cloud.xyz_world[:1])
    np.testing.assert_allclose(uv, [[0.5, 0.5]], atol=1e-4)


def test_gaussian_splats_are_those_of_the_kept_points(tmp_path, room):
    assert build(tmp_path, "--save-splats", "--save-ply") == 0
    folder = tmp_path / "out" / "room"
    gaussians, cloud = (
        read_splats(folder / "2_reference_gaussians.ply"),
        read_ply(folder / "2_reference.ply"),
    )
    np.testing.assert_array_equal(gaussians.means, cloud.xyz_world)
    np.testing.assert_allclose(gaussians.scales, 0.5 * PLANE_DEPTH_M / 60, rtol=1e-5)


@pytest.mark.parametrize("preset", ["qwen", "flux2", "kontext", "auto"])
def test_a_size_preset_decides_the_size_alone(tmp_path, room, preset):
    assert build(tmp_path, "--size-preset", preset, "--limit", "2") == 0
    assert Image.open(tmp_path / "out" / "room" / "2_splats.jpg").size == (1184, 864)


def test_background_filters_drop_points_and_ply_holds_only_the_rest(tmp_path, room):
    photo = a_photo().copy()
    photo[:10], photo[10:20] = 0, 255
    Image.fromarray(photo).save(room / "images" / "1.png")
    flags = ("--filter-black-bg", "--filter-white-bg", "--save-ply")
    assert build(tmp_path, *flags) == 0
    assert len(read_ply(tmp_path / "out" / "room" / "2_reference.ply").xyz_world) <= 28 * 64


def test_flying_pixels_are_dropped_on_request(tmp_path, room):
    depth = np.full((48, 64), 2000, np.uint16)
    depth[:, 32:], depth[:, 31] = 6000, 4000
    Image.fromarray(depth).save(room / "depths" / "1.png")
    build(tmp_path, "--save-ply", "--depth-edge-threshold", "0.1")
    assert len(read_ply(tmp_path / "out" / "room" / "2_reference.ply").xyz_world) == 48 * 63


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--min-coverage", "0.99"), "is below 0.99"),
        (("--max-coverage", "0.5"), "is above 0.5"),
        (("--min-psnr", "101"), "PSNR"),
    ],
)
def test_bad_pairs_are_rejected_recorded_and_not_written(tmp_path, room, flags, reason):
    assert build(tmp_path, "--output-format", "jpg", *flags) == 0
    assert set(tree(tmp_path / "out" / "room")) == {"pairs.jsonl"}
    for record in read_records(tmp_path / "out" / "room"):
        assert record.rejected is not None and reason in record.rejected
    before = tree(tmp_path / "out")
    assert build(tmp_path, *flags) == 0 and tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("flags", "size_wh"),
    [
        ((), (64, 48)),
        (("--max-megapixels", "0.001"), (37, 27)),
        (("--resize-width", "32", "--resize-height", "32"), (32, 32)),
        (("--resize-width", "128", "--resize-height", "96", "--upsample-depth"), (128, 96)),
        (("--max-megapixels", "0"), (64, 48)),
    ],
)
def test_every_picture_of_a_pair_has_the_size_asked_for(tmp_path, room, flags, size_wh):
    assert build(tmp_path, "--output-format", "png", "--auto-s0", "--save-mask", *flags) == 0
    for kind in (*TRIPLET, "mask"):
        assert Image.open(tmp_path / "out" / "room" / f"2_{kind}.png").size == size_wh
    assert read_records(tmp_path / "out" / "room")[0].scores["psnr"] > 30


@pytest.mark.parametrize("upsample", [False, True])
def test_mixed_sizes_share_the_least_width_and_height(tmp_path, room, upsample):
    transforms = read_transforms_file(room)
    transforms["frames"][2] |= {"w": 40, "h": 60, "cx": 20, "cy": 30}
    Image.fromarray(a_photo((40, 60))).save(room / "images" / "3.png")
    transforms["frames"][2].pop("depth_file_path")
    write_transforms(room, transforms)
    assert build(tmp_path, *(["--upsample-depth"] if upsample else [])) == 0
    sizes = [Image.open(tmp_path / "out" / "room" / f"{n}_target.jpg").size for n in "23"]
    assert sizes == [(40, 48) if upsample else (64, 48), (40, 48)]


def test_photos_directly_in_the_input_folder_are_one_scene(tmp_path):
    scene = a_scene(tmp_path / "in")
    for photo in (scene / "images").iterdir():
        photo.rename(scene / photo.name)
    text = (scene / "transforms.json").read_text()
    (scene / "transforms.json").write_text(text.replace("images/", ""))
    assert build(tmp_path) == 0
    assert (tmp_path / "out" / "in" / "2_splats.jpg").is_file()


def test_frames_are_chosen_by_skip_every_limit_and_overlap(tmp_path):
    a_scene(tmp_path / "in" / "room", photos=7)
    build(tmp_path, "--skip-every", "2", "--limit", "3")
    assert [r.name for r in read_records(tmp_path / "out" / "room")] == ["3", "5"]
    build(tmp_path, "--auto-skip", "--target-overlap", "0.4", "--output-dir", str(tmp_path / "b"))
    assert [r.name for r in read_records(tmp_path / "b" / "room")] == ["4", "7"]


def test_auto_skip_without_cameras_is_an_error(tmp_path, room, capsys):
    (room / "transforms.json").unlink()
    assert build(tmp_path, "--auto-skip") == 1
    assert "or use --skip-every instead of --auto-skip" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(tmp_path, room, capsys):
    assert build(tmp_path, "--dry-run") == 0
    assert not (tmp_path / "out").exists()
    assert "2 pairs to make, 0 there already" in capsys.readouterr().err


def test_a_bad_photo_is_named_once_and_the_others_are_paired(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", photos=4)
    (room / "images" / "2.png").write_bytes(b"no photo")
    assert build(tmp_path, "--bidirectional") == 1
    error = capsys.readouterr().err
    assert error.count("2.png") == 1 and "Traceback" not in error
    assert [r.reference for r in read_records(tmp_path / "out" / "room")] == [
        "3.png", "1.png", "4.png", "3.png",
    ]  # fmt: skip


def test_damaged_depth_costs_only_its_own_pairs(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", photos=4)
    (room / "depths" / "2.png").write_bytes(b"no depth")
    assert build(tmp_path) == 1
    assert "2.png: depth cannot be read" in capsys.readouterr().err
    assert [r.name for r in read_records(tmp_path / "out" / "room")] == ["2", "4"]


def test_a_bad_scene_does_not_take_the_others_down(tmp_path, room, capsys):
    bad = a_scene(tmp_path / "in" / "bad")
    (bad / "transforms.json").write_text("{")
    alone = a_scene(tmp_path / "in" / "alone", photos=1)
    assert alone.is_dir()
    assert build(tmp_path) == 1
    error = capsys.readouterr().err
    assert "transforms.json: cannot be read as JSON" in error
    assert "found 1 readable photo, need at least 2 to make a pair" in error
    assert len(read_records(tmp_path / "out" / "room")) == 2


def test_the_photo_that_leaves_too_few_is_named(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", photos=2)
    (room / "images" / "2.png").write_bytes(b"no photo")
    assert build(tmp_path) == 1
    assert (
        "2.png: cannot be read as a photo (not an image)), need at least 2"
        in capsys.readouterr().err
    )


def test_an_unexpected_failure_is_one_line_too(tmp_path, room, capsys, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug\nof two lines")

    monkeypatch.setattr("build_warp_dataset.make_renderer", broken)
    assert build(tmp_path, "--quiet") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"room: failed .RuntimeError: a bug of two lines, test_\w+\.py:\d+.;", line)


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path, room, capsys, monkeypatch
):
    write_bytes = Path.write_bytes

    def full(self, content):
        write_bytes(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert build(tmp_path) == 1
    assert "room: cannot be written (No space left on device)" in capsys.readouterr().err
    assert tree(tmp_path / "out") == {}


def test_an_output_folder_that_cannot_be_made_is_one_line(tmp_path, room, capsys):
    (tmp_path / "out").write_text("a file")
    assert build(tmp_path) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("content", [None, "empty"])
def test_an_input_folder_without_scenes_is_one_line(tmp_path, capsys, content):
    if content:
        (tmp_path / "in").mkdir()
    assert build(tmp_path) == 1
    error = capsys.readouterr().err
    assert "see --input-dir" in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--resize-width", "100"],
        ["--resize-height", "100"],
        ["--size-preset", "qwen", "--resize-width", "64", "--resize-height", "64"],
        ["--size-preset", "none"],
        ["--target-overlap", "2"],
        ["--limit", "-1"],
        ["--skip-every", "0"],
        ["--max-megapixels", "nan"],
        ["--depth-conf-threshold", "p300"],
        ["--output-format", "gif"],
        ["--no-such-flag"],
        ["--output-dir", "in/out", "--input-dir", "in"],
        ["--output-dir", "in", "--input-dir", "in"],
        ["--geometry", "recorded", "--window", "8"],
        ["--geometry", "stereo", "--preprocess-mode", "pad"],
        ["--stereo-engine", "colmap"],
        ["--sky-model", "sky.onnx"],
        ["--mask-grow", "3"],
        ["--depth-scale", "5000", "--geometry", "stereo"],
        ["--target-overlap", "0.3"],
        ["--cpus-per-worker", "2"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(flags, capsys):
    with pytest.raises(SystemExit) as stop:
        main(flags)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_one_line(tmp_path, room, capsys):
    assert build(tmp_path, "--device", "cuda", "--quiet") == 1
    assert capsys.readouterr().err == "found no CUDA device; use --device cpu\n"


def test_quiet_says_nothing_when_all_is_well(tmp_path, room, capsys):
    assert build(tmp_path, "--quiet") == 0
    assert capsys.readouterr().err == ""


def start(tmp_path, output):
    flags = ["--input-dir", tmp_path / "in", "--output-dir", output, "--bidirectional"]
    extras = ["--save-mask", "--save-ply", "--save-depth", "--quiet"]
    script = ROOT / "build_warp_dataset.py"
    return subprocess.Popen([sys.executable, script, *flags, *extras], cwd=ROOT)


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_the_tree_is_the_same(tmp_path):
    for scene in ("a", "b"):
        a_scene(tmp_path / "in" / scene, photos=20, size_wh=(160, 120))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(tmp_path, whole).wait() == 0
    moments = random.Random(0)
    all_files, kills = len(tree(whole)), 0
    while kills < 20:
        process = start(tmp_path, killed)
        enough = min(all_files - 3, _file_count(killed) + moments.randint(1, all_files // 22))
        while _file_count(killed) < enough and process.poll() is None:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.01))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kills += 1
    assert start(tmp_path, killed).wait() == 0
    assert tree(killed) == tree(whole)


def _file_count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*/*"))


def test_the_first_line_of_a_run_names_the_device(tmp_path, room, capsys):
    assert build(tmp_path) == 0
    assert capsys.readouterr().err.startswith("computing on ")


def test_a_dry_run_names_no_device(tmp_path, room, capsys):
    assert build(tmp_path, "--dry-run") == 0
    assert "computing on" not in capsys.readouterr().err
