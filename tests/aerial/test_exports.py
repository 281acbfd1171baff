"""Localized scenes in the layouts of MapAnything and LoFTR, read as their loaders read them."""

import json

import cv2
import h5py
import numpy as np

from aerial_megadepth import export_scene_info, export_wai
from tests.aerial.aerial_builders import tear
from tests.aerial.chain_builders import a_localized_scene, row_of_shots
from warpset.files.depth_files import read_depth


def flags(tmp_path) -> list[str]:
    folders = ["--megadepth_aerial_dir", str(tmp_path / "data")]
    return [*folders, "--output_dir", str(tmp_path / "out")]


def test_a_wai_scene_has_its_meta_pictures_depth_and_covisibility(tmp_path):
    localized = a_localized_scene(tmp_path / "data")
    assert export_wai.main(flags(tmp_path)) == 0
    scene = tmp_path / "out" / "0001"
    meta = json.loads((scene / "scene_meta.json").read_text())
    assert meta["scale_type"] == "metric" and meta["camera_convention"] == "opencv"
    assert [frame["frame_name"] for frame in meta["frames"]] == list("01234")
    for frame, shot in zip(meta["frames"], row_of_shots(), strict=True):
        assert (scene / frame["image"]).read_bytes() == (
            localized / "images" / shot.name
        ).read_bytes()
        np.testing.assert_array_equal(read_depth(scene / frame["depth"]), shot.depth)
        np.testing.assert_allclose(frame["transform_matrix"], shot.camera.world_from_cam, atol=1e-9)
        assert (frame["w"], frame["h"]) == shot.camera.size_wh
        assert (frame["cx"], frame["cy"]) == (60.0, 40.0)
    modality = meta["scene_modalities"]["pairwise_covisibility"]
    shares = np.load(scene / modality["scene_key"], mmap_mode="r")
    assert shares.shape == (5, 5) and shares.dtype == np.float32
    assert shares[0, 1] > shares[0, 4]
    assert modality["scene_key"].endswith("--5x5.npy")


def test_scene_info_reads_as_loftr_reads_it(tmp_path):
    a_localized_scene(tmp_path / "data")
    assert export_scene_info.main([*flags(tmp_path), "--min_score", "0.4"]) == 0
    info = dict(np.load(tmp_path / "out" / "0001" / "0001.npz", allow_pickle=True))
    (one, other), overlap, central = info["pair_infos"][0]
    assert (one, other) == (0, 1) and 0.4 <= overlap <= 1 and len(central) == 0
    root, shots = tmp_path / "data", row_of_shots()
    assert cv2.imread(str(root / info["image_paths"][one])).shape == (80, 120, 3)
    with h5py.File(root / info["depth_paths"][one]) as file:
        depth = np.array(file["depth"])
    np.testing.assert_array_equal(depth, shots[0].depth)
    other_from_one = info["poses"][other] @ np.linalg.inv(info["poses"][one])
    expected = shots[1].camera.cam_from_world @ shots[0].camera.world_from_cam
    np.testing.assert_allclose(other_from_one, expected, atol=1e-6)
    assert info["intrinsics"][one][0, 2] == 60 - 0.5


def test_a_broken_depth_file_costs_its_view_in_every_layout(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    (localized / "depths" / "1.h5").write_bytes(b"broken")
    for export, what in ((export_wai, "wai"), (export_scene_info, "info")):
        folders = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
        assert export.main([*folders, str(tmp_path / what)]) == 1
        assert "1.h5: depth cannot be read" in capsys.readouterr().err
    meta = json.loads((tmp_path / "wai" / "0001" / "scene_meta.json").read_text())
    assert len(meta["frames"]) == 4
    info = np.load(tmp_path / "info" / "0001" / "0001.npz", allow_pickle=True)
    assert len(info["image_paths"]) == 4


def test_a_picture_that_breaks_off_costs_its_view_in_wai(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    tear(localized / "images" / "1.jpg")
    assert export_wai.main([*flags(tmp_path), "--quiet"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "1.jpg: cannot be read as a photo" in line and line.endswith("view left out")
    scene = tmp_path / "out" / "0001"
    meta = json.loads((scene / "scene_meta.json").read_text())
    assert [frame["frame_name"] for frame in meta["frames"]] == list("0234")
    assert not (scene / "images" / "1.jpg").exists()


def test_a_scene_without_any_readable_depth_fails_in_one_line(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    for path in (localized / "depths").iterdir():
        path.write_bytes(b"broken")
    for export in (export_wai, export_scene_info):
        assert export.main([*flags(tmp_path), "--quiet"]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "no view could be read" in error
