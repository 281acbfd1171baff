"""Localized scenes in the layouts of MapAnything and LoFTR, read as their loaders read them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from PIL import Image

from aerial_megadepth import export_scene_info, export_wai, preprocess_aerialmegadepth
from tests.aerial.aerial_builders import tear
from tests.aerial.chain_builders import (
    a_localized_scene,
    a_village,
    camera_on_arc,
    row_of_shots,
    shoot,
)
from tests.plain_user import as_a_plain_user
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


@pytest.fixture
def infos(tmp_path):
    """A scene's exported file, loaded as all of its readers load it."""
    a_localized_scene(tmp_path / "data")
    assert export_scene_info.main([*flags(tmp_path), "--min_score", "0.4"]) == 0
    return np.load(str(tmp_path / "out" / "scene_info" / "0001.npz"), allow_pickle=True)


def test_scene_info_can_be_taken_apart_as_loftr_does_it(tmp_path, infos):
    pair_infos = infos["pair_infos"].copy()
    del infos["pair_infos"]
    assert len([info for info in pair_infos if info[1] > 0.4]) == len(pair_infos) > 3
    (one, other), overlap, central = pair_infos[0]
    assert (one, other) == (0, 1) and 0.4 <= overlap <= 1 and len(central) == 0
    shots = row_of_shots()
    picture = os.path.join(str(tmp_path / "out"), infos["image_paths"][one])  # noqa: PTH118
    assert cv2.imread(picture).shape == (80, 120, 3)
    with h5py.File(os.path.join(str(tmp_path / "out"), infos["depth_paths"][one])) as file:  # noqa: PTH118
        np.testing.assert_array_equal(np.array(file["depth"]), shots[0].depth)
    other_from_one = np.matmul(infos["poses"][other], np.linalg.inv(infos["poses"][one]))
    expected = shots[1].camera.cam_from_world @ shots[0].camera.world_from_cam
    np.testing.assert_allclose(other_from_one, expected, atol=1e-6)
    assert infos["intrinsics"][one].copy()[0, 2] == 60 - 0.5


def test_scene_info_has_the_matrix_that_glue_factory_draws_pairs_from(tmp_path, infos):
    valid = (infos["image_paths"] != None) & (infos["depth_paths"] != None)  # noqa: E711
    assert valid.tolist() == [True] * 5
    overlap = infos["overlap_matrix"][valid][:, valid]
    assert (np.diagonal(overlap) == -1).all()
    assert overlap[0, 1] > overlap[0, 4] and overlap[0, 1] == pytest.approx(overlap[1, 0], abs=0.2)
    stem = Path(infos["image_paths"][0]).stem
    assert (tmp_path / "out" / "" / "0001" / f"{stem}.h5").is_file()


def test_scene_info_has_the_points_that_d2net_crops_around(infos):
    ratios, points = infos["scale_ratio_matrix"], infos["points3D_id_to_2D"]
    ndepths, shots = infos["points3D_id_to_ndepth"], row_of_shots()
    common = list(points[0].keys() & points[1].keys())
    assert len(common) > 10
    assert (
        ratios[0, 1]
        == ratios[1, 0]
        == min(
            max(ndepths[0][key] / ndepths[1][key], ndepths[1][key] / ndepths[0][key])
            for key in common
        )
    )
    assert np.isnan(ratios[0, 0])
    camera = shots[0].camera
    for key in common:
        x, y = np.array(points[0][key]) + 0.5
        depth = shots[0].depth[int(y), int(x)]
        assert ndepths[0][key] == pytest.approx(depth / camera.K[0, 0], rel=0.02)


@pytest.mark.parametrize("export", [export_wai, export_scene_info])
def test_sky_masks_and_far_outliers_leave_the_exported_depth(tmp_path, capsys, export):
    a_localized_scene(tmp_path / "data")
    (tmp_path / "masks" / "0001").mkdir(parents=True)
    classes = np.ones((80, 120), np.uint8)
    classes[:30] = 2
    Image.fromarray(classes).save(tmp_path / "masks" / "0001" / "1.jpg.png")
    asked = ["--sky_masks", str(tmp_path / "masks"), "--depth_percentile", "90"]
    assert export.main([*flags(tmp_path), *asked]) == 0
    assert "4 without a mask" in capsys.readouterr().err
    kind = "depth/1.exr" if export is export_wai else "1.h5"
    depth, true = read_depth(tmp_path / "out" / "0001" / kind), row_of_shots()[1].depth.copy()
    true[:30] = 0
    np.testing.assert_array_equal(depth, np.where(true > np.percentile(true, 90), 0, true))
    if export is export_wai:
        with Image.open(tmp_path / "out" / "0001" / "mask" / "1.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), np.where(classes == 2, 0, 255))


FOREIGN = Path(__file__).parent / "loaders" / "foreign_loader.py"
LOADERS = [
    ("loftr", "LoFTR", "info"),
    ("d2net", "d2-net", "info"),
    ("glue_factory", "glue-factory", "info"),
    ("dust3r", "aerial-megadepth", "megadepth_aerial_processed"),
    ("map_anything", "map-anything", "wai"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("loader", "clone", "layout"), LOADERS)
def test_their_own_loaders_read_every_sample_and_depth_agrees(tmp_path, loader, clone, layout):
    """Clones lie by their names in the folder that TRAINER_CHECKOUTS names, dust3r among them."""
    clones = Path(os.environ.get("TRAINER_CHECKOUTS", "nowhere"))
    if not (clones / clone).is_dir():
        pytest.skip(f"TRAINER_CHECKOUTS names no folder with a clone {clone}")
    angles = enumerate(np.linspace(-25, 25, 6))
    cameras = [camera_on_arc(angle, 14.0 - n % 2, 8.0, (240, 160), 42.0) for n, angle in angles]
    shots = [shoot(f"{n}.jpg", camera, a_village(), 1) for n, camera in enumerate(cameras)]
    step = {"info": export_scene_info, "wai": export_wai}.get(layout, preprocess_aerialmegadepth)
    for scene in ("0001", "0002"):
        a_localized_scene(tmp_path / "data", scene, shots)
        for shot in shots:  # upstream's class reads a mask of every view
            mask = tmp_path / f"{layout}_segmentation" / scene / f"{shot.name}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (240, 160), (1, 1, 1)).save(mask)
    folders = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
    assert step.main([*folders, str(tmp_path / layout), "--quiet"]) == 0
    command = [sys.executable, FOREIGN, loader, clones / clone, tmp_path / layout, "0001", "0002"]
    paths = [str(clones / "dust3r"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    last = done.stderr.splitlines()[-1] if done.stderr else ""
    if "No module named" in last:
        pytest.skip(f"{clone} needs what is not installed: {last}")
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["samples"] >= 2 and found["median"] < 0.01


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


def test_a_scene_that_may_not_be_looked_into_is_named(tmp_path, capsys):
    a_localized_scene(tmp_path / "data")
    closed = tmp_path / "data" / "0001"
    closed.chmod(0)
    with as_a_plain_user():
        code = export_wai.main(flags(tmp_path))
    closed.chmod(0o755)
    assert code == 1
    assert f"{closed}: cannot be looked into (Permission denied)" in capsys.readouterr().err


def test_a_scene_without_any_readable_depth_fails_in_one_line(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    for path in (localized / "depths").iterdir():
        path.write_bytes(b"broken")
    for export in (export_wai, export_scene_info):
        assert export.main([*flags(tmp_path), "--quiet"]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "no view could be read" in error
