"""The localization step on a small scene: what it writes, resumes and refuses."""

import json
import shutil

import h5py
import numpy as np
import pycolmap
import pytest
from PIL import Image

from aerial_megadepth import do_colmap_localization
from aerial_megadepth.do_colmap_localization import Localization
from aerial_megadepth.localization import dense_depth
from aerial_megadepth.localization.localized_scene import REPORT, find_localized
from aerial_megadepth.localization.report import read_report
from aerial_megadepth.megadepth.image_list import write_image_list
from aerial_megadepth.scenes.scene_process import IncompleteScene
from tests.aerial.chain_builders import a_wall_to_localize
from tests.builders import tree
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap
from warpset.recordings.registry import read_recording

SCENE = "0001"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Five aerial frames and three photos of one wall."""
    return a_wall_to_localize(tmp_path_factory.mktemp("prepared"), SCENE)


@pytest.fixture
def scene(prepared, tmp_path):
    """A copy of the prepared scene, to be spoilt."""
    shutil.copytree(prepared, tmp_path / "scene")
    return tmp_path / "scene"


def run(root, *flags) -> int:
    folders = ["--root_dir", str(root / "data"), "--megadepth_dir", str(root / "processed")]
    listed = ["--megadepth_image_list", str(root / "list.json"), "--depth_side", "240"]
    return do_colmap_localization.main([*folders, *listed, "--quiet", *flags])


def step(root, **fields) -> Localization:
    images = {(SCENE, "0"): ["1_o.jpg", "3_o.jpg", "6_o.jpg"]}
    return Localization(root / "data", root / "processed", images, quiet=True, **fields)


def test_a_localized_scene_has_pictures_depth_and_cameras_by_their_names(scene):
    assert run(scene) == 0
    localized = find_localized(scene / "data", SCENE)
    names = {f"{SCENE}_{n:03d}.jpeg" for n in range(5)}
    names |= {"1_o.jpg.jpg", "3_o.jpg.jpg", "6_o.jpg.jpg"}
    assert {path.name for path in (localized / "images").iterdir()} == names
    stems = {path.name for path in (localized / "depths").iterdir()}
    assert stems == {f"{name.rpartition('.')[0]}.h5" for name in names}
    with h5py.File(localized / "depths" / "3_o.jpg.h5") as file:
        assert list(file) == ["depth"]
        assert file["depth"].dtype == np.float32 and file["depth"].compression == "gzip"
        assert file["depth"].shape == (180, 240)
        assert np.median(file["depth"][()][file["depth"][()] > 0]) == pytest.approx(4, abs=1.5)
    same = (scene / "data" / SCENE / "footage" / f"{SCENE}_000.jpeg").read_bytes()
    assert (localized / "images" / f"{SCENE}_000.jpeg").read_bytes() == same
    rows = (localized / "sparse-txt" / "cameras.txt").read_text().splitlines()[3:]
    assert {row.split()[1] for row in rows} == {"SIMPLE_PINHOLE"}
    recording = read_recording(localized)
    assert recording is not None and len(recording.frames) == 8 and recording.has_depth
    report = read_report(localized.parent / REPORT)
    assert (len(report.photos), report.photos_given, report.photos_listed) == (3, 3, 4)
    assert report.drift_m < 1e-6 and report.reprojection_px < 0.5
    assert report.scales[0] is not None
    assert report.scales[0].metres_per_unit == pytest.approx(1 / 0.37, rel=0.01)


@pytest.mark.slow
def test_the_same_command_does_nothing_the_second_time(scene):
    assert run(scene, "--registration", "pose") == 0
    localized = find_localized(scene / "data", SCENE)
    before = (localized / "sparse-txt" / "images.txt").stat().st_mtime_ns
    assert run(scene, "--registration", "pose") == 0
    assert (localized / "sparse-txt" / "images.txt").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(scene, tmp_path):
    results = []
    for name in "ab":
        (tmp_path / name).mkdir()
        step(scene).make(SCENE, tmp_path / name)
        results.append(tree(tmp_path / name))
    assert results[0] == results[1]


def broken_json(scene):
    (scene / "data" / SCENE / f"{SCENE}.json").write_text("{")


def no_json(scene):
    (scene / "data" / SCENE / f"{SCENE}.json").unlink()


def a_frame_is_missing(scene):
    (scene / "data" / SCENE / "footage" / f"{SCENE}_002.jpeg").unlink()


def a_frame_of_another_size(scene):
    Image.new("RGB", (20, 10)).save(scene / "data" / SCENE / "footage" / f"{SCENE}_002.jpeg")


def no_photos(scene):
    shutil.rmtree(scene / "processed")


def no_scene_of_the_list(scene):
    write_image_list(scene / "list.json", {("0002", "0"): ["a.jpg"]})


def no_list(scene):
    (scene / "list.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (broken_json, "cannot be read as JSON"),
        (no_json, "found no such file; run preprocess_ge first"),
        (a_frame_is_missing, "002.jpeg: cannot be read as a photo"),
        (a_frame_of_another_size, "found 20x10 pixels, need 240x180"),
        (no_photos, "found none of its listed photos"),
    ],
)
def test_a_scene_that_cannot_be_localized_is_one_line(scene, tmp_path, spoil, found):
    spoil(scene)
    with pytest.raises(InputError) as refused:
        step(scene).make(SCENE, tmp_path)
    assert found in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (no_json, "found no such file; run preprocess_ge first"),
        (no_scene_of_the_list, "found none of the 1 scenes that"),
        (no_list, "found no such image list"),
    ],
)
def test_the_command_names_what_is_wrong_and_ends_with_1(scene, capsys, spoil, found):
    spoil(scene)
    assert run(scene) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and found in error
    assert not list((scene / "data").glob(f"*/*/sfm_*/{REPORT}"))


def test_a_scene_that_is_not_there_leaves_nothing_that_later_runs_take_for_one(scene, capsys):
    write_image_list(scene / "list.json", {("0002", "0"): ["a.jpg"]})
    (scene / "names.txt").write_text("0002\n")
    before = tree(scene / "data")
    assert run(scene, "--scene_list", str(scene / "names.txt")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "found none of the 1 scenes that" in line and "names.txt lists" in line
    assert not (scene / "data" / "0002").exists() and tree(scene / "data") == before


def test_what_an_earlier_version_left_of_a_scene_that_is_not_there_is_no_scene(scene, capsys):
    write_image_list(scene / "list.json", {("0002", "0"): ["a.jpg"]})
    (scene / "data" / "0002" / "sfm_output_localization").mkdir(parents=True)
    assert run(scene) == 1
    assert "found none of the 1 scenes that" in capsys.readouterr().err


@pytest.mark.slow
def test_a_photo_that_cannot_be_read_costs_itself(scene, tmp_path):
    view = scene / "processed" / SCENE / "0" / "3_o.jpg"
    view.with_name("3_o.jpg.npz").write_bytes(b"broken")
    with pytest.raises(IncompleteScene, match="2 of 2 photos registered") as incomplete:
        step(scene, how="pose").make(SCENE, tmp_path)
    assert len(incomplete.value.problems) == 1 and "3_o.jpg.npz" in incomplete.value.problems[0]


def test_names_with_spaces_are_refused_before_colmap_cuts_them(scene, tmp_path):
    content = json.loads((scene / "data" / SCENE / f"{SCENE}.json").read_text())
    footage = scene / "data" / SCENE / "footage"
    (footage / content["frames"][0]["name"]).rename(footage / "a b.jpeg")
    content["frames"][0]["name"] = "a b.jpeg"
    (scene / "data" / SCENE / f"{SCENE}.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="found a space in its name"):
        step(scene).make(SCENE, tmp_path)


@pytest.mark.parametrize(
    ("flag", "features"),
    [("--aliked_model", "aliked"), ("--superpoint_model", "superpoint")],
)
def test_a_model_for_other_features_is_refused(scene, capsys, flag, features):
    with pytest.raises(SystemExit) as end:
        run(scene, flag, "model")
    assert end.value.code == 2
    assert f"{flag} needs --features {features}" in capsys.readouterr().err


def test_learned_features_without_their_models_are_one_line(scene, capsys):
    assert run(scene, "--features", "aliked") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "need COLMAP's aliked-n16rot.onnx" in error


def test_patch_match_without_cuda_is_one_line(scene, capsys, monkeypatch):
    monkeypatch.setattr(pycolmap, "has_cuda", False)
    assert run(scene, "--stereo-engine", "colmap") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "without CUDA" in error


def test_patch_match_is_taken_where_there_is_cuda(scene, tmp_path, monkeypatch):
    """Stands in for patch-match alone: the model and the pictures it is given are the real ones."""
    monkeypatch.setattr(pycolmap, "has_cuda", True)
    engine = dense_depth.choose_engine("auto")
    given = {}

    def patch_match(photos, workspace, options, on_depth):
        given["images"] = pycolmap.Reconstruction(workspace).num_reg_images()
        given["pictures"] = len(list((workspace / "images").rglob("*.png")))
        for index, photo in photos.items():
            camera = photo.camera.resized((120, 90))
            on_depth(index, DepthMap(np.full((90, 120), 3.0, np.float32), None, camera))
        return ()

    monkeypatch.setattr(dense_depth, "patch_match", patch_match)
    step(scene, how="pose", engine=engine).make(SCENE, tmp_path)
    assert given == {"images": 8, "pictures": 8}
    with h5py.File(tmp_path / "localized_dense_metric" / "depths" / "1_o.jpg.h5") as file:
        assert file["depth"].shape == (180, 240) and (file["depth"][()] == 3.0).all()
