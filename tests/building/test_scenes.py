"""Which folders are scenes."""

from pathlib import Path

import pytest
from PIL import Image

from tests.builders import a_photo, a_scene
from warpset.building.frames import FrameSelection
from warpset.building.scenes import find_scenes, open_scene
from warpset.core.errors import InputError
from warpset.recordings.recording import FAR_AWAY


def photos_in(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("1.png", "2.png"):
        Image.fromarray(a_photo()).save(folder / name)


@pytest.mark.parametrize(
    ("folders", "scenes"),
    [
        (["images"], ["in"]),
        (["images", "images_2", "depths"], ["in"]),
        (["images_raw"], ["in"]),
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
    with pytest.raises(InputError, match=r"transforms\.json lists 3 that are not there, and 3 are"):
        open_scene(room, FrameSelection())


def test_a_scene_far_from_the_origin_is_brought_near_it(tmp_path):
    room = a_scene(tmp_path / "room", at=(5e5, 5.2e6, 100.0))
    recording = open_scene(room, FrameSelection()).recording
    assert recording is not None and recording.world_offset == (5e5, 5.2e6, 0.0)
    centers = [frame.photo.camera.center_world for frame in recording.frames]
    assert max(abs(value) for center in centers for value in center) < FAR_AWAY
    assert centers[1] - centers[0] == pytest.approx([0.1, 0.0, 0.0], abs=1e-8)
