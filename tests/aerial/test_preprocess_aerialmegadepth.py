"""Localized scenes as DUSt3R trains on them: three files a view, pairs, masks, bad views."""

import cv2
import h5py
import numpy as np
import pytest
from PIL import Image

from aerial_megadepth import preprocess_aerialmegadepth
from aerial_megadepth.localization.localized_scene import find_localized, localized_scenes
from aerial_megadepth.pairs.pairs_file import PAIRS_NAME, ScenePairs, read_pairs, write_pairs
from aerial_megadepth.scenes.sky_masks import read_untrusted
from aerial_megadepth.scenes.view_files import read_view
from tests.aerial.aerial_builders import tear
from tests.aerial.chain_builders import a_localized_scene, row_of_shots
from warpset.core.cameras import integer_center_K
from warpset.core.errors import InputError


def preprocess(tmp_path, *flags) -> int:
    folders = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
    return preprocess_aerialmegadepth.main([*folders, str(tmp_path / "out"), *flags])


def set_depth(localized, stem, depth) -> None:
    with h5py.File(localized / "depths" / f"{stem}.h5", "w") as file:
        file.create_dataset("depth", data=depth)


def test_every_view_becomes_a_picture_a_depth_and_a_camera(tmp_path):
    a_localized_scene(tmp_path / "data")
    assert preprocess(tmp_path) == 0
    scene = tmp_path / "out" / "0001"
    names = {path.name for path in scene.iterdir() if not path.name.startswith(".")}
    kinds = ("jpg", "exr", "npz")
    assert names == {f"{n}.jpg.{kind}" for n in range(5) for kind in kinds} | {PAIRS_NAME}
    for n, shot in enumerate(row_of_shots()):
        view = read_view(scene, f"{n}.jpg")
        np.testing.assert_array_equal(view.depth, shot.depth)
        np.testing.assert_allclose(view.camera.K, shot.camera.K, atol=1e-9)
        np.testing.assert_allclose(
            view.camera.cam_from_world, shot.camera.cam_from_world, atol=1e-9
        )
        with np.load(scene / f"{n}.jpg.npz") as stored:
            np.testing.assert_allclose(stored["intrinsics"], integer_center_K(shot.camera.K))
            np.testing.assert_allclose(stored["cam2world"], shot.camera.world_from_cam, atol=1e-9)


def test_pictures_that_fit_keep_their_bytes_and_large_ones_are_shrunk(tmp_path):
    shots = row_of_shots(count=2)
    localized = a_localized_scene(tmp_path / "data", "0001", shots)
    a_localized_scene(tmp_path / "data", "0002", row_of_shots(count=2, size_wh=(1200, 800)))
    assert preprocess(tmp_path) == 0
    same = (localized / "images" / "0.jpg").read_bytes()
    assert (tmp_path / "out" / "0001" / "0.jpg.jpg").read_bytes() == same
    view = read_view(tmp_path / "out" / "0002", "0.jpg")
    assert view.camera.size_wh == (900, 600) == view.rgb.shape[1::-1]
    assert cv2.imread(str(tmp_path / "out" / "0002" / "0.jpg.jpg")).shape == (600, 900, 3)


def test_pairs_are_found_by_covisibility_and_joined(tmp_path):
    for scene in ("0001", "0002"):
        a_localized_scene(tmp_path / "data", scene)
    assert preprocess(tmp_path, "--min_score", "0.5") == 0
    joined = read_pairs(tmp_path / "out" / PAIRS_NAME)
    assert sorted(joined) == ["0001", "0002"]
    assert (0, 1) in set(map(tuple, joined["0002"].pairs.tolist()))


def test_depth_beyond_two_kilometres_is_unknown(tmp_path):
    localized = a_localized_scene(tmp_path / "data")
    depth = np.full((80, 120), 5.0, np.float32)
    depth[:10], depth[10] = 2001.0, 2000.0
    set_depth(localized, "0", depth)
    assert preprocess(tmp_path) == 0
    found = read_view(tmp_path / "out" / "0001", "0.jpg").depth
    assert not found[:10].any() and (found[10] == 2000.0).all() and (found[11:] == 5.0).all()


def a_mask(path, channels=1) -> None:
    """40x60 classes: sky in the uppermost quarter, a person in the lower left, else neither."""
    classes = np.ones((40, 60), np.uint8)
    classes[:10], classes[-10:, :30] = 2, 12
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(classes if channels == 1 else np.dstack([classes] * channels)).save(path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["0.jpg.png", "0.png"])
def test_depth_of_sky_and_people_is_dropped_where_there_are_masks(tmp_path, capsys, name, channels):
    a_localized_scene(tmp_path / "data")
    a_mask(tmp_path / "masks" / "0001" / name, channels)
    assert preprocess(tmp_path, "--sky-masks", str(tmp_path / "masks")) == 0
    depth = read_view(tmp_path / "out" / "0001", "0.jpg").depth
    assert not depth[:20].any() and not depth[60:, :60].any() and (depth[20:60] > 0).all()
    assert (read_view(tmp_path / "out" / "0001", "1.jpg").depth > 0).all()
    assert "pairs, 4 without a mask" in capsys.readouterr().err


def test_a_scene_whose_views_all_have_masks_has_nothing_to_say_of_them(tmp_path, capsys):
    a_localized_scene(tmp_path / "data")
    for n in range(5):
        a_mask(tmp_path / "masks" / "0001" / f"{n}.jpg.png")
    assert preprocess(tmp_path, "--sky-masks", str(tmp_path / "masks")) == 0
    assert "mask" not in capsys.readouterr().err


def test_a_scene_without_any_mask_is_made_but_said_again_and_again(tmp_path, capsys):
    a_localized_scene(tmp_path / "data")
    (tmp_path / "masks").mkdir()
    for _ in range(2):
        assert preprocess(tmp_path, "--quiet", "--sky-masks", str(tmp_path / "masks")) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "0001: found no mask of its 5 views, need 0.jpg.png" in line
    assert (read_view(tmp_path / "out" / "0001", "0.jpg").depth > 0).all()
    a_mask(tmp_path / "masks" / "0001" / "0.jpg.png")
    assert preprocess(tmp_path, "--quiet", "--sky-masks", str(tmp_path / "masks")) == 0
    assert not read_view(tmp_path / "out" / "0001", "0.jpg").depth[:20].any()


def test_masks_in_no_folder_are_one_line_and_nothing_is_made(tmp_path, capsys):
    a_localized_scene(tmp_path / "data")
    assert preprocess(tmp_path, "--sky-masks", str(tmp_path / "masks")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / 'masks'}: found no such folder" in line
    assert not (tmp_path / "out").exists()


def test_a_mask_that_is_none_is_refused(tmp_path):
    Image.new("RGB", (4, 4), (2, 2, 3)).save(tmp_path / "rgb.png")
    Image.new("RGBA", (4, 4)).save(tmp_path / "rgba.png")
    (tmp_path / "text.png").write_text("hello")
    for name in ("rgb.png", "rgba.png", "text.png"):
        with pytest.raises(InputError, match=name):
            read_untrusted(tmp_path / name, (4, 4))
    assert not read_untrusted(None, (4, 4)).any()


def test_a_picture_or_mask_that_breaks_off_costs_its_view_and_is_named(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    tear(localized / "images" / "1.jpg")
    for n in range(5):
        a_mask(tmp_path / "masks" / "0001" / f"{n}.jpg.png")
    (tmp_path / "masks" / "0001" / "3.jpg.png").write_bytes(b"no picture")
    assert preprocess(tmp_path, "--quiet", "--sky-masks", str(tmp_path / "masks")) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.endswith("view left out") for line in lines)
    assert "1.jpg: cannot be read as a photo" in lines[0] and "3.jpg.png" in lines[1]
    names = read_pairs(tmp_path / "out" / PAIRS_NAME)["0001"].images
    assert names == ["0.jpg", "2.jpg", "4.jpg"]
    assert not list((tmp_path / "out" / "0001").glob("[13].*"))


def test_a_scene_none_of_whose_pictures_can_be_read_is_one_line(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    for path in (localized / "images").iterdir():
        tear(path)
    assert preprocess(tmp_path, "--quiet") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no view could be read" in line and "0.jpg" in line
    assert not (tmp_path / "out" / "0001").exists()


def test_precomputed_pairs_choose_the_images(tmp_path, capsys):
    for scene in ("0001", "0002"):
        a_localized_scene(tmp_path / "data", scene)
    names = ["0.jpg", "3.jpg", "elsewhere.jpg"]
    listed = ScenePairs(names, np.array([[0, 1], [1, 2]]), np.array([0.5, 0.7], np.float32))
    write_pairs(tmp_path / "listed.npz", {"0001": listed})
    assert preprocess(tmp_path, "--precomputed_pairs", str(tmp_path / "listed.npz")) == 0
    assert not (tmp_path / "out" / "0002").exists()
    assert sorted(path.name for path in (tmp_path / "out" / "0001").glob("*.exr")) == [
        "0.jpg.exr",
        "3.jpg.exr",
    ]
    kept = read_pairs(tmp_path / "out" / PAIRS_NAME)["0001"]
    assert kept.images == names[:2] and kept.pairs.tolist() == [[0, 1]]
    assert "1 pairs of 2 listed (1 listed images are not localized)" in capsys.readouterr().err


def test_a_broken_depth_file_costs_its_view_and_is_named(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    (localized / "depths" / "2.h5").write_bytes(b"no hdf5 at all")
    assert preprocess(tmp_path) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "2.h5" in line]
    assert len(lines) == 1 and "depth cannot be read" in lines[0]
    pairs = read_pairs(tmp_path / "out" / PAIRS_NAME)["0001"]
    assert pairs.images == ["0.jpg", "1.jpg", "3.jpg", "4.jpg"]


def test_a_missing_or_broken_picture_or_depth_costs_its_view_and_is_named(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    (localized / "images" / "0.jpg").unlink()
    (localized / "images" / "1.jpg").write_bytes(b"no picture")
    (localized / "depths" / "2.h5").unlink()
    assert preprocess(tmp_path, "--quiet") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert any("1 listed pictures are missing" in line for line in lines)
    assert any("1.jpg: cannot be read as a photo" in line for line in lines)
    assert any("2.jpg: found no depth file" in line for line in lines)
    assert read_pairs(tmp_path / "out" / PAIRS_NAME)["0001"].images == ["3.jpg", "4.jpg"]


def test_a_bad_scene_costs_itself(tmp_path, capsys):
    a_localized_scene(tmp_path / "data", "0001")
    bad = a_localized_scene(tmp_path / "data", "0002")
    for path in (bad / "sparse-txt").iterdir():
        path.write_text("1 2\n3 nonsense")
    assert preprocess(tmp_path) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("0002: ")]
    assert len(errors) == 1 and "no readable COLMAP model" in errors[0]
    assert list(read_pairs(tmp_path / "out" / PAIRS_NAME)) == ["0001"]


def test_the_same_command_does_nothing_and_another_one_does_it_again(tmp_path, capsys):
    a_localized_scene(tmp_path / "data")
    preprocess(tmp_path)
    capsys.readouterr()
    assert preprocess(tmp_path) == 0
    assert "0 scenes made, 1 there already" in capsys.readouterr().err
    assert preprocess(tmp_path, "--min_score", "0.7") == 0
    assert "1 scenes made" in capsys.readouterr().err


def test_a_scene_localized_by_several_features_asks_which(tmp_path):
    root = tmp_path / "data"
    a_localized_scene(root)
    sift = find_localized(root, "0001")
    published = root / "0001/sfm_output_localization/sfm_superpoint+superglue"
    a_localized_scene(root, features="superpoint+superglue")
    assert localized_scenes(root) == ["0001"]
    with pytest.raises(InputError, match="sift, superpoint"):
        find_localized(root, "0001")
    assert find_localized(root, "0001", "sift") == sift
    found = find_localized(root, "0001", "superpoint+superglue")
    assert found == published / "localized_dense_metric"
    with pytest.raises(InputError, match="run do_colmap_localization first"):
        find_localized(root, "0001", "aliked")
