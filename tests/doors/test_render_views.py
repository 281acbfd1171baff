"""The command line that renders views from where no photo was taken."""

import json

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from render_views import main
from tests.builders import a_scene
from warpset.building.pairs.warp import GREY
from warpset.files.depth_files import read_depth


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room", photos=2)


def views(tmp_path, room, *arguments):
    out = tmp_path / "views"
    return main(
        ["--scene", str(room), "--output-dir", str(out), "--device", "cpu", *arguments]
    ), out


def test_a_path_is_written_and_its_first_view_is_the_photo_itself(tmp_path, room):
    code, out = views(tmp_path, room, "--path", "orbit", "--frames", "3", "--quiet")
    assert code == 0
    kinds = ("depth.exr", "mask.png", "splats.png")
    expected = {f"view_000{number}_{kind}" for number in (1, 2, 3) for kind in kinds}
    besides = {"cameras.json", "path.mp4", "path_mask.mp4", "reference.png"}
    assert {path.name for path in out.iterdir()} == expected | besides
    reference = np.asarray(Image.open(out / "reference.png"))
    assert np.array_equal(np.asarray(Image.open(out / "view_0001_splats.png")), reference)
    assert not np.asarray(Image.open(out / "view_0001_mask.png")).any()
    assert read_depth(out / "view_0001_depth.exr").shape == reference.shape[:2]
    assert cv2.VideoCapture(str(out / "path.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    said = json.loads((out / "cameras.json").read_text())
    assert len(said["cameras"]) == 3 and said["reference"] == "1.png"


def test_films_are_h264_and_show_the_views(tmp_path, room):
    _, out = views(tmp_path, room, "--path", "pan", "--frames", "3", "--quiet")
    for film, picture in (("path.mp4", "splats"), ("path_mask.mp4", "mask")):
        with av.open(out / film) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        last = np.asarray(Image.open(out / f"view_0003_{picture}.png").convert("RGB"))
        assert len(shown) == 3 and np.abs(shown[2].astype(int) - last).mean() < 6


def test_recorded_cameras_far_from_the_origin_are_moved_with_their_scene(tmp_path):
    room = a_scene(tmp_path / "in" / "far", photos=2, at=(5000, 0, -7000))
    _, out = views(tmp_path, room, "--cameras", str(room / "transforms.json"))
    first = np.asarray(Image.open(out / "view_0001_splats.png")).astype(int)
    assert np.abs(first - np.asarray(Image.open(out / "reference.png"))).mean() < 1


def test_the_device_is_named_first(tmp_path, room, capsys):
    assert views(tmp_path, room, "--yaw", "5")[0] == 0
    assert capsys.readouterr().err.startswith("computing on cpu")


def test_cameras_of_one_run_render_the_same_views_in_the_next(tmp_path, room):
    views(tmp_path, room, "--yaw", "5", "--move", "0.1", "0", "0")
    first = (tmp_path / "views/view_0001_splats.png").read_bytes()
    cameras = tmp_path / "cameras.json"
    (tmp_path / "views/cameras.json").rename(cameras)
    assert views(tmp_path, room, "--cameras", str(cameras))[0] == 0
    assert (tmp_path / "views/view_0001_splats.png").read_bytes() == first


def test_views_that_are_there_stay_unless_told(tmp_path, room, capsys):
    assert views(tmp_path, room, "--yaw", "5")[0] == 0
    assert views(tmp_path, room, "--yaw", "9")[0] == 1
    assert "is there already; use --force_output" in capsys.readouterr().err
    assert views(tmp_path, room, "--yaw", "9", "--force_output")[0] == 0


def test_options_of_pairs_count_where_no_flag_says_otherwise(tmp_path, room):
    from build_warp_dataset import main as build

    pairs = tmp_path / "out"
    build(
        ["--input-dir", str(room.parent), "--output-dir", str(pairs), "--sigma", "7", "--auto-s0"]
    )
    like = ("--like", str(pairs / room.name), "--yaw", "1")
    views(tmp_path, room, *like)
    options = json.loads((tmp_path / "views/cameras.json").read_text())["options"]
    assert (options["sigma"], options["auto-s0"]) == (7.0, True)
    views(tmp_path, room, *like, "--sigma", "3", "--force_output")
    options = json.loads((tmp_path / "views/cameras.json").read_text())["options"]
    assert (options["sigma"], options["auto-s0"]) == (3.0, True)


def test_holes_are_filled_as_those_of_the_pairs(tmp_path, room):
    from build_warp_dataset import main as build

    pairs = tmp_path / "out"
    build(["--input-dir", str(room.parent), "--output-dir", str(pairs), "--hole-fill", "grey"])
    assert views(tmp_path, room, "--like", str(pairs / room.name), "--yaw", "9")[0] == 0
    hole = np.asarray(Image.open(tmp_path / "views/view_0001_mask.png")) > 0
    splats = np.asarray(Image.open(tmp_path / "views/view_0001_splats.png"))
    assert hole.any() and (splats[hole] == GREY).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "found none, need --path"),
        (["--path", "orbit", "--yaw", "3"], "found path and yaw"),
        (["--path", "orbit", "--distance", "3"], "--distance has no effect"),
        (["--path", "dolly", "--angle", "3"], "--angle has no effect"),
        (["--yaw", "3", "--frames", "3"], "--frames has no effect"),
        (["--yaw", "3", "--hole-fill", "black", "--sigma", "9"], "it needs --hole-fill fade"),
        (["--like", "nowhere", "--yaw", "3"], "found no pairs"),
    ],
)
def test_a_wrong_command_line_exits_with_2(tmp_path, room, capsys, arguments, said):
    with pytest.raises(SystemExit) as exit_:
        views(tmp_path, room, *arguments)
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err


def test_a_photo_that_is_not_there_is_named_with_those_that_are(tmp_path, room, capsys):
    assert views(tmp_path, room, "--yaw", "3", "--photo", "9.png")[0] == 1
    assert "9.png: found no such photo, need one of 1.png, 2.png" in capsys.readouterr().err
