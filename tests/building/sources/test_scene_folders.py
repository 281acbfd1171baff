"""Which folders are scenes where their names or their nesting may mislead."""

import shutil

import pytest
from PIL import Image

from tests.builders import a_photo, a_scene
from warpset.building.frames import FrameSampling
from warpset.building.sources.scene_folders import find_scenes, innermost
from warpset.building.sources.staging import staged


def names_in(folder) -> list[str]:
    return [path.name for path in find_scenes(folder)]


@pytest.mark.parametrize("name", ["nerfstudio", "colmap", "dense", "sparse_garden"])
def test_a_scene_called_like_a_part_of_one_does_not_hide_its_siblings(tmp_path, name):
    a_scene(tmp_path / name)
    for seed, sibling in ((1, "room"), (2, "street")):
        scene = a_scene(tmp_path / sibling)
        for path in (scene / "images").iterdir():  # other photos of the same names
            Image.fromarray(a_photo(seed=seed)).save(path)
    if name == "colmap":  # found from the folder above as colmap/sparse/0
        (tmp_path / name / "sparse" / "0").mkdir(parents=True)
        (tmp_path / name / "sparse" / "0" / "images.txt").write_text("")
    assert set(names_in(tmp_path)) == {name, "room", "street"}


def test_parts_of_one_scene_stay_one_scene(tmp_path):
    scene = a_scene(tmp_path / "3f2a" / "nerfstudio").parent
    shutil.copytree(scene / "nerfstudio" / "images", scene / "gaussian_splat" / "images")
    assert find_scenes(scene) == [scene]
    assert find_scenes(tmp_path) == [scene]


def test_a_recording_one_folder_down_is_found(tmp_path):
    inner = a_scene(tmp_path / "in" / "room" / "2024-05-01")
    (scene,) = find_scenes(tmp_path / "in")
    assert (scene.name, innermost(scene)) == ("room", inner)
    with staged(scene, tmp_path / "out", FrameSampling()) as stage:
        assert stage.folder == inner


def test_photos_without_a_recording_are_looked_for_from_the_scene_folder(tmp_path):
    inner = a_scene(tmp_path / "room" / "inner")
    (inner / "transforms.json").unlink()
    assert innermost(tmp_path / "room") == tmp_path / "room"
