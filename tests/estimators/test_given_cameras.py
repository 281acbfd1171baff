"""A network's or stereo's depth on cameras that are recorded or found, and what records say."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

import build_warp_dataset
from estimators import cache_folder
from estimators.given_cameras import DepthFitter, PlacedPhotos
from estimators.network import VGGTEstimator
from estimators.options import ComputeOptions
from estimators.stereo import ENGINES, StereoEstimator
from tests.builders import (
    TINY_VGGT,
    a_camera,
    a_photo,
    a_scene,
    a_tiny_vggt,
    opengl_pose,
    tree,
    write_transforms,
)
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, posed_photos
from tests.vggt.da3.da3_builders import write_da3
from vggt.predict import Prediction
from warpset.building.frames import FrameSelection
from warpset.building.pairs.record import read_records
from warpset.building.scenes import open_scene
from warpset.core.cameras import unproject
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, PosedPhoto
from warpset.files.cache import ArrayCache
from warpset.stereo.sparse import SparsePoints

SIZE_WH = (320, 240)
CAMERAS = cameras_in_a_row(4, 0.3, SIZE_WH)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_folder, "CACHE", tmp_path / ".cache")


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Photos of a box before a wall, and their true depths."""
    return posed_photos(tmp_path_factory.mktemp("shots"), CAMERAS, a_box_before_a_wall())


@pytest.fixture
def place(tmp_path, shots):
    """The photos and their cameras, without depth, as nerfstudio has them."""
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    K = CAMERAS[0].K
    frames = []
    for photo, _ in zip(*shots, strict=True):
        (scene / photo.path.name).write_bytes(photo.path.read_bytes())
        frames.append({"file_path": photo.path.name, "transform_matrix": opengl_pose(photo.camera)})
    intrinsics = {"fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2], "cy": K[1, 2]}
    write_transforms(scene, {**intrinsics, "w": 320, "h": 240, "frames": frames})
    return scene


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.pt"
    torch.save({"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}, path)
    return path


def build(tmp_path, *flags, output="out") -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / output)]
    random_depth = ["--min-coverage", "0", "--min-psnr", "0"]
    return build_warp_dataset.main([*paths, *random_depth, "--device", "cpu", *map(str, flags)])


def records_of(tmp_path, output="out"):
    return read_records(tmp_path / output / "place")


class TrueDepth:
    """A network that knows depth up to a scale and shift of each frame, and cameras badly."""

    def __init__(self, depths):
        self._depths, self.given = depths, None

    def with_cameras(self, photos):
        self.given = [photo.camera for photo in photos]
        rng = np.random.default_rng(3)
        own = [a_camera(SIZE_WH, 200.0, turned=rng.normal(size=3), at=rng.normal(size=3))]
        return [
            Prediction(
                (rng.uniform(0.9, 1.1) * 3.7 * depth + rng.uniform(0.0, 0.3)).astype(np.float32),
                np.ones_like(depth),
                own[0].K,
                own[0].K,
                own[0].cam_from_world,
            )
            for depth in self._depths
        ]


def an_estimator(tmp_path, weights, monkeypatch, depths, cameras):
    network = TrueDepth(depths)
    monkeypatch.setattr(VGGTEstimator, "_predictor", network)
    options = ComputeOptions("cpu", str(weights), window=0, cameras=cameras, quiet=True)
    return VGGTEstimator(ArrayCache(tmp_path / "arrays"), options), network


def test_depth_up_to_scale_and_shift_is_true_on_recorded_cameras(
    tmp_path, place, shots, weights, monkeypatch
):
    estimator, network = an_estimator(tmp_path, weights, monkeypatch, shots[1], "recorded")
    scene = open_scene(place, FrameSelection())
    geometry = estimator.estimate(scene)
    assert geometry.cameras == "recorded, depth fitted in all 4 frames"
    for frame, camera, true, given in zip(
        geometry.frames, CAMERAS, shots[1], network.given, strict=True
    ):
        np.testing.assert_allclose(frame.photo.camera.cam_from_world, camera.cam_from_world)
        np.testing.assert_allclose(given.cam_from_world, camera.cam_from_world)
        depth_map = frame.load_depth()
        np.testing.assert_allclose(depth_map.camera.K, camera.K)
        known = np.isfinite(true)
        error = np.abs(depth_map.depth[known] / true[known] - 1)
        assert np.median(error) < 0.003


def test_depth_and_cameras_of_structure_from_motion_are_one_scene(
    tmp_path, place, shots, weights, monkeypatch
):
    (place / "transforms.json").unlink()
    estimator, _ = an_estimator(tmp_path, weights, monkeypatch, shots[1], "sfm")
    geometry = estimator.estimate(open_scene(place, FrameSelection()))
    assert geometry.cameras == "structure from motion, depth fitted in all 4 frames"
    centers = np.array([frame.photo.camera.center_world for frame in geometry.frames])
    step = np.linalg.norm(centers[3] - centers[0]) / 0.9
    for frame, true in zip(geometry.frames, shots[1], strict=True):
        known = np.isfinite(true)
        depth = frame.load_depth().depth[known] / step
        # a short walk before a flat scene: the focal length of two photos' motion is rough
        assert np.median(depth / true[known]) == pytest.approx(1, abs=0.1)
        assert np.std(np.log(depth / true[known])) < 0.05


def test_recorded_cameras_are_recorded_per_pair_and_resumed_without_the_network(
    tmp_path, place, weights, capsys
):
    flags = ("--quiet", "--model", weights, "--cameras", "recorded")
    assert build(tmp_path, *flags) == 0
    for record in records_of(tmp_path):
        assert record.geometry["cameras"].startswith("recorded, depth fitted in")
        assert record.geometry["revision"].endswith(" cameras recorded")
        assert "cameras" in record.sha256
    before = tree(tmp_path / "out")
    weights.unlink()
    (tmp_path / "out" / "place" / records_of(tmp_path)[0].files["splats"]).unlink()
    assert build(tmp_path, *flags) == 0
    assert tree(tmp_path / "out") == before
    assert build(tmp_path, "--quiet", "--model", weights) == 1
    assert "was made with geometry" in capsys.readouterr().err


def test_another_recorded_camera_is_another_geometry(tmp_path, place, weights, monkeypatch, shots):
    estimator, network = an_estimator(tmp_path, weights, monkeypatch, shots[1], "recorded")
    estimator.estimate(open_scene(place, FrameSelection()))
    content = json.loads((place / "transforms.json").read_text())
    content["frames"][0]["transform_matrix"][0][3] += 0.01
    write_transforms(place, content)
    network.given = None
    estimator.estimate(open_scene(place, FrameSelection()))
    assert network.given is not None


def test_a_network_of_weak_cameras_takes_the_recorded_ones_and_says_so(tmp_path, place, capsys):
    weights = write_da3(tmp_path / "weights" / "model.pt")
    assert build(tmp_path, "--model", weights) == 0
    assert "place: depth for cameras that are recorded" in capsys.readouterr().err
    for record in records_of(tmp_path):
        assert record.geometry["cameras"].startswith("recorded, depth fitted in")
        assert record.geometry["revision"].endswith(" cameras auto")
    assert build(tmp_path, "--model", weights, "--cameras", "network", output="own") == 1
    assert all("cameras" not in r.geometry for r in records_of(tmp_path, "own"))


def test_a_network_of_weak_cameras_falls_to_its_own_where_there_are_no_others(tmp_path, capsys):
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    for index in range(3):
        Image.fromarray(a_photo((80, 60), seed=index)).save(scene / f"{index}.png")
    weights = write_da3(tmp_path / "weights" / "model.pt")
    assert build(tmp_path, "--model", weights) == 1  # random cameras
    assert "takes the network's own cameras instead" in capsys.readouterr().err
    said = "the network's own, as no others could be had"
    assert {record.geometry["cameras"] for record in records_of(tmp_path)} == {said}
    assert build(tmp_path, "--model", weights, "--cameras", "sfm", output="sfm") == 1


def test_cameras_that_are_not_recorded_are_one_line(tmp_path, weights, capsys):
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    for index in range(2):
        Image.fromarray(a_photo((80, 60), seed=index)).save(scene / f"{index}.png")
    assert build(tmp_path, "--quiet", "--model", weights, "--cameras", "recorded") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "found no recorded cameras, need a recording" in line and "--cameras sfm" in line


def test_other_cameras_than_the_recorded_ones_leave_recorded_depth_alone(tmp_path, weights):
    a_scene(tmp_path / "in" / "place", size_wh=(80, 60))
    assert build(tmp_path, "--quiet", "--model", weights, "--cameras", "network") == 0
    assert {record.geometry["source"] for record in records_of(tmp_path)} == {"vggt"}


@pytest.mark.parametrize(
    "flags",
    [
        ("--geometry", "recorded", "--cameras", "sfm"),
        ("--geometry", "stereo", "--cameras", "network"),
    ],
)
def test_a_choice_of_cameras_without_effect_is_refused(tmp_path, flags, capsys):
    with pytest.raises(SystemExit) as ended:
        build(tmp_path, *flags)
    assert ended.value.code == 2
    assert "--cameras has no effect here" in capsys.readouterr().err


@pytest.mark.slow
def test_stereo_takes_the_cameras_that_it_is_told_to(tmp_path, place):
    options = ComputeOptions("cpu", cameras="sfm", quiet=True)
    estimator = StereoEstimator(ArrayCache(tmp_path / "arrays"), options)
    scene = open_scene(place, FrameSelection())
    assert not estimator.takes_recorded_cameras
    assert estimator.estimate(scene).frames[0].photo.lens is not None
    (place / "transforms.json").unlink()
    recorded = StereoEstimator(estimator._arrays, replace(options, cameras="recorded"))
    with pytest.raises(InputError, match="found no recorded cameras"):
        recorded.estimate(open_scene(place, FrameSelection()))


def test_a_frame_of_too_few_points_takes_what_the_one_before_took(tmp_path):
    camera = a_camera()
    depth = np.tile(np.linspace(2, 4, 64, dtype=np.float32), (48, 1))
    seen = unproject(camera, 1.5 * depth)[4:40:6, 4:60:6].reshape(-1, 3).astype(np.float64)
    photos = np.repeat([1], len(seen))
    points = SparsePoints(seen, np.arange(len(seen)), photos)
    posed = [PosedPhoto(tmp_path / f"{index}.png", camera) for index in range(3)]
    kept = {}
    placed = PlacedPhotos(posed, points, range(3), {}, "recorded")
    fitter = DepthFitter(placed, kept.__setitem__)
    for position in range(3):
        fitter.add(position, DepthMap(depth, None, camera))
    said = "recorded, depth fitted in 1 of 3 frames, as in the one before in 0.png, 2.png"
    assert fitter.finish() == said
    assert sorted(kept) == [0, 1, 2]
    for depth_map in kept.values():
        np.testing.assert_allclose(depth_map.depth, 1.5 * depth, rtol=1e-4)


def test_stereo_measures_depth_anew_by_refined_cameras_where_asked(
    tmp_path, place, shots, monkeypatch
):
    given = []

    def measured(photos, points, options, on_depth, progress):
        given.append([photo.camera for photo in photos])
        for index, photo in enumerate(photos):
            depth = np.nan_to_num(shots[1][index], posinf=0).astype(np.float32)
            on_depth(index, DepthMap(depth, None, photo.camera))
        return ()

    monkeypatch.setitem(ENGINES, "sweep", measured)
    few = ("--geometry", "stereo", "--limit", "3", "--quiet")
    flags = (*few, "--refine-cameras")
    assert build(tmp_path, *flags) == 0
    for one, other, recorded in zip(*given, CAMERAS[:3], strict=True):
        np.testing.assert_allclose(one.cam_from_world, recorded.cam_from_world, atol=1e-6)
        moved = np.linalg.norm(one.center_world - other.center_world)
        assert 0 < moved < 0.02, "they were right, but for what features are off by"
    for record in records_of(tmp_path):
        said = "refined in all 3 frames, then depth measured anew"
        assert record.geometry["cameras"] == said
        assert record.geometry["revision"].endswith(", cameras refined")
    before = tree(tmp_path / "out")
    assert build(tmp_path, *flags) == 0 and tree(tmp_path / "out") == before
    assert len(given) == 2, "both found in the cache"
    assert build(tmp_path, *few, output="plain") == 0
    assert len(given) == 2, "the first of them"
    assert "cameras" not in records_of(tmp_path, "plain")[0].geometry
