"""Which folders are scenes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo, a_scene, read_transforms_file, write_transforms
from warpset.building.frames import FrameSelection
from warpset.building.scenes import MOST_NAMED, SceneInput, open_scene, report_photos
from warpset.building.sources.scene_folders import find_scenes
from warpset.building.summary import SceneSummary
from warpset.core.errors import InputError, Remedy
from warpset.recordings.recording import FAR_AWAY


def photos_in(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("1.png", "2.png"):
        Image.fromarray(a_photo(seed=int(name[0]))).save(folder / name)


@pytest.mark.parametrize(
    ("folders", "scenes"),
    [
        (["images"], ["in"]),
        (["images", "images_2", "depths"], ["in"]),
        (["images_raw"], ["in"]),
        (["input"], ["in"]),
        (["rgb", "depth"], ["in"]),
        (["images/cam1", "images/cam2"], ["in"]),
        (["garden", "input"], ["garden", "input"]),
        (["garden/input", "kitchen/rgb"], ["garden", "kitchen"]),
        (["images1", "images2"], ["images1", "images2"]),
        (["garden", "images_of_paris"], ["garden", "images_of_paris"]),
        (["room2", "room10", "room1"], ["room1", "room2", "room10"]),
        (["room/images", ".hidden"], ["room"]),
    ],
)
def test_folders_are_scenes_unless_they_hold_the_photos_of_one(tmp_path, folders, scenes):
    for folder in folders:
        photos_in(tmp_path / "in" / folder)
    assert [scene.name for scene in find_scenes(tmp_path / "in")] == scenes


def test_a_folder_that_cannot_be_looked_into_costs_itself_alone(tmp_path, monkeypatch):
    for name in ("locked", "room"):
        photos_in(tmp_path / "in" / name)
    iterdir = Path.iterdir

    def refusing(self):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return iterdir(self)

    monkeypatch.setattr(Path, "iterdir", refusing)
    locked, room = find_scenes(tmp_path / "in")
    assert len(open_scene(room, FrameSelection()).photos) == 2
    with pytest.raises(InputError, match="locked: cannot be looked into .Permission denied."):
        open_scene(locked, FrameSelection())


def test_a_recording_of_other_photos_is_named_where_too_few_are_left(tmp_path):
    room = a_scene(tmp_path / "room")
    for photo in (room / "images").iterdir():
        photo.rename(photo.with_suffix(".bmp"))
    with pytest.raises(InputError, match=r"lists 3 that are not there \(1\.png first\), and 3"):
        open_scene(room, FrameSelection())


def test_a_scene_far_from_the_origin_is_brought_near_it(tmp_path):
    room = a_scene(tmp_path / "room", at=(5e5, 5.2e6, 100.0))
    recording = open_scene(room, FrameSelection()).recording
    assert recording is not None and recording.world_offset == (5e5, 5.2e6, 0.0)
    centers = [frame.photo.camera.center_world for frame in recording.frames]
    assert max(abs(value) for center in centers for value in center) < FAR_AWAY
    assert centers[1] - centers[0] == pytest.approx([0.1, 0.0, 0.0], abs=1e-8)


def test_an_input_folder_without_scenes_says_what_is_there_and_what_is_needed(tmp_path):
    (tmp_path / "notes").mkdir()
    for name in ("a.txt", "b.txt", "c.pdf"):
        (tmp_path / name).write_text("")
    saw = r"found no scene, saw 1 \.pdf, 2 \.txt, folder notes; need photos \(.*\.webp"
    with pytest.raises(InputError, match=saw):
        find_scenes(tmp_path)


def test_folders_of_scenes_are_named_and_left_out(tmp_path, caplog):
    for folder in ("garden", "set/a", "set/b"):
        photos_in(tmp_path / folder)
    assert [scene.name for scene in find_scenes(tmp_path)] == ["garden"]
    assert "set: found photos in several of its folders" in caplog.text


def again(photo: Path, name: str, **options) -> None:
    """The same photo in another format."""
    with Image.open(photo) as image:
        image.save(photo.with_name(name), **options)


def test_the_same_shot_in_another_format_is_left_out_and_said(tmp_path):
    photos_in(tmp_path / "in")
    again(tmp_path / "in" / "1.png", "1.jpg")
    again(tmp_path / "in" / "2.png", "2.HEIC")
    scene = open_scene(tmp_path / "in", FrameSelection())
    assert [path.name for path in scene.photos] == ["1.png", "2.HEIC"]
    assert "2 photos are another's shot in another format (1.jpg first)" in scene.remarks[0]


def test_a_copy_beside_its_photo_makes_no_pair_and_is_said(tmp_path):
    photos_in(tmp_path / "in")
    again(tmp_path / "in" / "1.png", "1 copy.jpg", quality=60)
    scene = open_scene(tmp_path / "in", FrameSelection())
    assert [path.name for path in scene.photos] == ["1 copy.jpg", "2.png"]
    assert "1 photos show what the one before shows" in scene.remarks[0]


@pytest.mark.parametrize("moved", [0, 2])
def test_photos_make_a_pair_as_soon_as_they_move(tmp_path, moved):
    wide = a_photo((660, 480))
    for index in range(2):
        left = index * moved
        Image.fromarray(wide[:, left : left + 640]).save(tmp_path / f"{index}.jpg", quality=95)
    scene = open_scene(tmp_path, FrameSelection(), minimum=1)
    assert len(scene.photos) == (2 if moved else 1)


def test_gray_pictures_of_sixteen_bits_among_photos_are_taken_for_depth(tmp_path):
    photos_in(tmp_path / "in")
    Image.fromarray(np.full((48, 64), 900, np.uint16)).save(tmp_path / "in" / "d1.png")
    scene = open_scene(tmp_path / "in", FrameSelection())
    assert [path.name for path in scene.photos] == ["1.png", "2.png"]
    assert "1 gray pictures of 16 bits" in scene.remarks[0]


def test_photos_that_cannot_be_read_here_are_a_problem(tmp_path):
    photos_in(tmp_path / "in")
    (tmp_path / "in" / "3.psd").write_bytes(b"8BPS")
    (problem,) = open_scene(tmp_path / "in", FrameSelection()).problems
    assert "1 photos in formats that cannot be read here (.psd; 3.psd first)" in problem
    assert problem.endswith("left out, convert them"), "the group `photos` would not help"


def cameras_of_an_unknown_model(room):
    write_transforms(room, {**read_transforms_file(room), "camera_model": "FISHEYE624"})


def photos_of_other_names(room):
    for photo in (room / "images").iterdir():
        photo.rename(photo.with_suffix(".bmp"))


def broken_photos(room):
    (room / "transforms.json").unlink()
    for photo in (room / "images").iterdir():
        photo.write_bytes(b"no photo")


def a_single_photo(room):
    (room / "transforms.json").unlink()
    for photo in ("2.png", "3.png"):
        (room / "images" / photo).unlink()


@pytest.mark.parametrize(
    ("spoil", "way_on"),
    [
        (cameras_of_an_unknown_model, "mend this recording, or move its files away"),
        (photos_of_other_names, "add the photos that it lists to this recording"),
        (broken_photos, "mend or replace those"),
        (a_single_photo, "add photos"),
    ],
)
def test_too_few_photos_end_in_what_gives_more_of_them(tmp_path, spoil, way_on):
    spoil(room := a_scene(tmp_path / "room"))
    with pytest.raises(InputError, match=f"to make a pair; {way_on}") as caught:
        open_scene(room, FrameSelection())
    assert caught.value.remedy is None, "no choice of photos would help"


def test_photos_that_the_options_leave_out_are_a_matter_of_options(tmp_path):
    with pytest.raises(InputError, match="found 3 .* of which the options keep 1, need") as caught:
        open_scene(a_scene(tmp_path / "room"), FrameSelection(limit=1))
    assert caught.value.remedy is Remedy.FEWER_SKIPPED


def test_many_photos_that_are_left_out_for_one_reason_are_one_line():
    lines = tuple(f"{index}.png: cannot be read" for index in range(MOST_NAMED + 1))
    for problems, said in ((lines, 1), (lines[:-1], MOST_NAMED)):
        scene = SceneInput(Path("room"), (), None, problems, ())
        report_photos(scene, summary := SceneSummary())
        assert len(summary.problems) == said and lines[0] in summary.problems[0]
