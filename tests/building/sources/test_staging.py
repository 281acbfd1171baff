"""Scenes that are no folders: zips and videos."""

import shutil

import cv2
import pytest

from build_warp_dataset import main
from tests.builders import a_scene, tree
from tests.video_builders import a_walk, write_video
from warpset.building.frames import FrameSampling
from warpset.building.sources.scene_folders import find_scenes, scene_name
from warpset.building.sources.staging import staged, video_of
from warpset.building.sources.video_frames import keep_frames
from warpset.core.errors import InputError


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


@pytest.mark.parametrize("nested", [False, True])
def test_a_zip_gives_the_same_bytes_as_its_folder(tmp_path, nested):
    room = a_scene(tmp_path / "in" / "room")
    assert build(tmp_path) == 0
    from_folder = tree(tmp_path / "out")
    base, inside = (room.parent, room.name) if nested else (room, ".")
    packed = shutil.make_archive(str(tmp_path / "room"), "zip", base, inside)
    shutil.rmtree(room)
    shutil.rmtree(tmp_path / "out")
    shutil.move(packed, tmp_path / "in")
    assert build(tmp_path) == 0
    assert tree(tmp_path / "out") == from_folder


def test_a_zip_of_two_scenes_is_refused_and_nothing_says_the_temporary_folder(tmp_path, capsys):
    for name in ("a", "b"):
        a_scene(tmp_path / "two" / name)
    (tmp_path / "in").mkdir()
    shutil.make_archive(str(tmp_path / "in" / "two"), "zip", tmp_path / "two")
    assert build(tmp_path) == 1
    assert "in/two.zip: holds 2 scenes (a, b, ...), need one a zip" in capsys.readouterr().err


def test_a_bad_photo_in_a_zip_is_named_by_the_zip(tmp_path, capsys):
    room = a_scene(tmp_path / "room", photos=4)
    (room / "images" / "2.png").write_bytes(b"no photo")
    (tmp_path / "in").mkdir()
    shutil.make_archive(str(tmp_path / "in" / "room"), "zip", room)
    assert build(tmp_path) == 1
    assert f"{tmp_path}/in/room.zip/images/2.png: cannot be read" in capsys.readouterr().err


def test_a_video_beside_scenes_is_one_and_is_named_after_its_file(tmp_path):
    a_scene(tmp_path / "room")
    for name in ("walk.mp4", "room.mp4"):
        write_video(tmp_path / name, a_walk(3))
    assert {path.name: scene_name(path) for path in find_scenes(tmp_path)} == {
        "room": "room",
        "room.mp4": "room_mp4",
        "walk.mp4": "walk",
    }


def test_frames_are_as_far_apart_as_the_motion_asks_and_stay_beside_the_pairs(tmp_path):
    (tmp_path / "in").mkdir()
    video = write_video(tmp_path / "in" / "walk.mp4", a_walk(30, step_px=4))
    with staged(video, tmp_path / "out" / "walk", FrameSampling()) as stage:
        names = [path.stem for path in sorted(stage.folder.glob("*.jpg"))]
    indices = [int(name.removeprefix("walk_")) for name in names]
    steps = [later - earlier for earlier, later in zip(indices, indices[1:], strict=False)]
    assert indices[0] == 0 and 5 <= len(indices) <= 9
    assert all(3 <= step <= 7 for step in steps)  # 6 % of 320 pixels is 4.8 frames
    assert stage.folder == tmp_path / "out" / "walk" / "frames"


def test_standing_still_gives_one_frame(tmp_path):
    video = write_video(tmp_path / "a.mp4", [a_walk(1)[0]] * 20)
    frames = keep_frames(video, tmp_path / "out", FrameSampling())
    assert len(list(frames.glob("*.jpg"))) == 1


@pytest.mark.parametrize(
    ("sampling", "count"), [(FrameSampling(fps=5), 5), (FrameSampling(count=6), 6)]
)
def test_frames_can_be_asked_for_by_rate_or_number(tmp_path, sampling, count):
    video = write_video(tmp_path / "a.mp4", a_walk(30))
    frames = keep_frames(video, tmp_path / "out", sampling)
    assert len(list(frames.glob("*.jpg"))) == count


def test_of_a_stretch_the_sharpest_frame_is_taken(tmp_path):
    pictures = a_walk(12)
    for index in (0, 1, 3, 4, 5):
        pictures[index] = cv2.blur(pictures[index], (25, 25))
    video = write_video(tmp_path / "a.mp4", pictures)
    frames = keep_frames(video, tmp_path / "out", FrameSampling(count=2))
    assert "a_000002.jpg" in {path.name for path in frames.iterdir()}


def test_frames_that_are_there_are_not_made_again_and_another_choice_replaces_them(tmp_path):
    video = write_video(tmp_path / "a.mp4", a_walk(30))
    frames = keep_frames(video, tmp_path / "out", FrameSampling(count=6))
    times = {path.name: path.stat().st_mtime_ns for path in frames.iterdir()}
    keep_frames(video, tmp_path / "out", FrameSampling(count=6))
    assert {path.name: path.stat().st_mtime_ns for path in frames.iterdir()} == times
    next(frames.glob("*.jpg")).unlink()
    keep_frames(video, tmp_path / "out", FrameSampling(count=6))
    assert {path.name for path in frames.iterdir()} == set(times)
    keep_frames(video, tmp_path / "out", FrameSampling(count=2))
    assert len(list(frames.glob("*.jpg"))) == 2


def test_a_folder_of_a_damaged_video_fails_by_its_name_even_in_a_dry_run(tmp_path, capsys):
    (tmp_path / "in" / "room").mkdir(parents=True)
    (tmp_path / "in" / "room" / "walk.mp4").write_bytes(b"\0\0\0\x14ftypisom")
    assert build(tmp_path, "--dry-run") == 1
    assert "room/walk.mp4: cannot be read as a video" in capsys.readouterr().err


def test_a_video_in_a_scenes_folder_of_photos_is_the_scenes(tmp_path):
    (tmp_path / "in" / "room" / "input").mkdir(parents=True)
    write_video(video := tmp_path / "in" / "room" / "input" / "walk.mp4", a_walk(3))
    assert find_scenes(tmp_path / "in") == [tmp_path / "in" / "room"]
    assert video_of(tmp_path / "in" / "room") == video


def test_several_videos_in_one_scene_folder_are_refused(tmp_path):
    for name in ("a.mp4", "b.mov"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="found 2 videos .a.mp4 first. and no photos"):
        with staged(tmp_path, tmp_path / "out", FrameSampling()):
            pass


def test_frames_by_rate_and_by_number_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        build(tmp_path, "--fps", "2", "--frames", "9")
    assert stop.value.code == 2 and "--fps and --frames exclude" in capsys.readouterr().err
