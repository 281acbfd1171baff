"""The whole aerial chain on a rendered village with ground truth, and on tourists' photos."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import build_warp_dataset
from aerial_megadepth import (
    do_colmap_localization,
    export_wai,
    preprocess_aerialmegadepth,
    preprocess_ge,
    preprocess_megadepth,
    qc,
)
from aerial_megadepth.dataset import AerialMegaDepth
from aerial_megadepth.earth.frames_file import AerialFrame, write_frames
from aerial_megadepth.localization.localized_scene import (
    REPORT,
    find_localized,
    read_localized,
    read_sparse,
)
from aerial_megadepth.localization.report import read_report
from aerial_megadepth.megadepth.image_list import write_image_list
from aerial_megadepth.pairs.pairs_file import PAIRS_NAME, read_pairs
from aerial_megadepth.quality.measures import measure_scene
from aerial_megadepth.scenes.view_files import RgbdView, write_view
from tests.aerial.chain_builders import MODEL_SCALE, a_rendered_megadepth, download, village_shots
from tests.builders import SHARED_DATA
from warpset.building.frames import scene_size
from warpset.building.pairs.record import read_records
from warpset.core.cameras import Camera
from warpset.files.photo_folders import find_photos
from warpset.files.pictures import picture_bytes
from warpset.files.pinhole_photos import read_pinhole
from warpset.stereo.sfm import register_photos

SCENE = "0001"
pytestmark = pytest.mark.slow


class Chain(NamedTuple):
    """Folders and exit codes of steps 2 to 7."""

    root: Path
    codes: dict[str, int]

    @property
    def localized(self) -> Path:
        return find_localized(self.root / "data", SCENE)


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Chain:
    """A flight and five photos of the village, through every step's command line."""
    root = tmp_path_factory.mktemp("chain")
    aerial, ground = village_shots()
    download(root, SCENE, aerial)
    a_rendered_megadepth(root / "megadepth", SCENE, ground)
    write_image_list(root / "list.json", {(SCENE, "0"): [shot.name for shot in ground]})
    listed = ["--megadepth_image_list", str(root / "list.json"), "--quiet"]
    data, processed = str(root / "data"), str(root / "processed")
    localized = ["--megadepth_aerial_dir", data, "--quiet"]
    steps = {
        preprocess_ge: ["--data_root", str(root), "--quiet"],
        preprocess_megadepth: [
            *("--megadepth_dir", str(root / "megadepth"), "--output_dir", processed),
            *listed,
        ],
        do_colmap_localization: ["--root_dir", data, "--megadepth_dir", processed, *listed],
        preprocess_aerialmegadepth: [*localized, "--output_dir", str(root / "train")],
        export_wai: [*localized, "--output_dir", str(root / "wai")],
        qc: [*localized, "--output_dir", str(root / "qc")],
    }
    return Chain(root, {step.__name__: step.main(flags) for step, flags in steps.items()})


def truth() -> dict[str, tuple[Camera, np.ndarray]]:
    """Camera and depth by image, in the world of the first aerial frame's optical centre."""
    aerial, ground = village_shots()
    origin = aerial[0].camera.center_world
    names = [f"{SCENE}_{n:03d}.jpeg" for n in range(len(aerial))]
    names += [f"{shot.name}.jpg" for shot in ground]
    found = {}
    for name, shot in zip(names, [*aerial, *ground], strict=True):
        pose = shot.camera.cam_from_world.copy()
        pose[:3, 3] += pose[:3, :3] @ origin
        found[name] = Camera(shot.camera.K, pose, shot.camera.size_wh), shot.depth
    return found


def test_every_step_ends_well_and_registers_every_photo(chain):
    assert set(chain.codes.values()) == {0}, chain.codes
    report = read_report(chain.localized.parent / REPORT)
    assert (len(report.aerial), len(report.photos)) == (10, 5)
    assert report.drift_m < 0.001
    scale = report.scales[0]
    assert scale is not None and scale.metres_per_unit == pytest.approx(1 / MODEL_SCALE, rel=0.01)


def test_cameras_stand_within_half_a_per_cent_of_the_extent(chain):
    true = truth()
    extent = scene_size([camera for camera, _ in true.values()])
    frames = read_localized(chain.localized, []).frames
    assert {frame.name for frame in frames} == set(true)
    for frame in frames:
        camera, _ = true[frame.name]
        off = np.linalg.norm(frame.photo.camera.center_world - camera.center_world)
        assert off < 0.005 * extent, frame.name


def test_depth_is_within_two_per_cent_of_the_truth(chain):
    true, errors = truth(), []
    for frame in read_localized(chain.localized, []).frames:
        depth, expected = frame.load_depth().depth, true[frame.name][1]
        assert depth.shape == expected.shape
        known = (depth > 0) & (expected > 0)
        assert known.sum() > 0.3 * (expected > 0).sum(), frame.name
        errors.append(np.abs(depth[known] / expected[known] - 1))
        assert np.median(errors[-1]) < 0.02, frame.name
    assert np.median(np.concatenate(errors)) < 0.02


def test_pairs_join_air_and_ground_and_the_data_set_loads_them(chain):
    pairs = read_pairs(chain.root / "train" / PAIRS_NAME)[SCENE]
    is_aerial = np.array([name.startswith(SCENE) for name in pairs.images])
    kinds = is_aerial[pairs.pairs].sum(1)
    assert set(kinds.tolist()) == {0, 1, 2}
    data = AerialMegaDepth(chain.root / "train", size_wh=(256, 192))
    assert len(data) == len(pairs.pairs)
    one, other = data[int(np.flatnonzero(kinds == 1)[0])]
    assert one["is_metric_scale"] and one["img"].shape == (3, 192, 256)
    assert 5 < other["depthmap"][other["valid_mask"]].median() < 40
    assert len(AerialMegaDepth(chain.root / "train", views=4, size_wh=(64, 48))[0]) == 4


def test_the_main_command_makes_warp_pairs_of_the_localized_scene(chain, tmp_path):
    flags = ["--input-dir", str(chain.localized), "--output-dir", str(tmp_path / "out")]
    assert build_warp_dataset.main([*flags, "--device", "cpu", "--quiet", "--limit", "4"]) == 0
    records = read_records(tmp_path / "out" / chain.localized.name)
    assert len(records) == 3
    assert {record.geometry["source"] for record in records} == {"recorded"}
    assert all((record.scores["psnr"] or 0) > 18 for record in records)


def test_the_quality_page_finds_little(chain):
    page = (chain.root / "qc" / SCENE / "index.html").read_text(encoding="utf-8")
    assert "5 of 5 (100%)" in page and page.count("<img ") == 15
    assert (chain.root / "wai" / SCENE / "scene_meta.json").is_file()


METRES_PER_UNIT = 12.5


def put_aside_as_a_scene(registration, root: Path, fixed: int) -> dict[str, Camera]:
    """Some photos as aerial frames in a metric world, the others as processed photos.

    Returns:
        The cameras that structure from motion found for all of them together, in metres.
    """
    cameras, frames, names = {}, [], []
    footage, processed = root / "data" / SCENE / "footage", root / "processed" / SCENE / "0"
    for folder in (footage, processed):
        folder.mkdir(parents=True)
    for index, photo in enumerate(registration.posed):
        pose = photo.camera.cam_from_world.copy()
        pose[:3, 3] *= METRES_PER_UNIT
        camera = Camera(photo.camera.K, pose, photo.camera.size_wh)
        rgb = read_pinhole(photo, photo.camera)
        if index < fixed:
            name = f"{SCENE}_{index:03d}.jpeg"
            (footage / name).write_bytes(picture_bytes(rgb, "jpeg"))
            frames.append(AerialFrame(name, camera))
            cameras[name] = camera
        else:
            nothing = np.zeros(rgb.shape[:2], np.float32)
            write_view(processed, photo.path.name, RgbdView(rgb, nothing, photo.camera))
            names.append(photo.path.name)
            cameras[f"{photo.path.name}.jpg"] = camera
    write_frames(root / "data" / SCENE / f"{SCENE}.json", frames, {"earth": "sphere"})
    write_image_list(root / "list.json", {(SCENE, "0"): names})
    return cameras


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared sample data is not here")
def test_tourists_photos_land_where_they_belong_around_fixed_ones(tmp_path):
    photos = find_photos(SHARED_DATA / "photos" / "sacre_coeur")
    (tmp_path / "sfm").mkdir()
    registration = register_photos(photos, tmp_path / "sfm")
    assert len(registration.posed) == 10, "all ten register with each other"
    cameras = put_aside_as_a_scene(registration, tmp_path, fixed=6)
    folders = ["--root_dir", str(tmp_path / "data"), "--megadepth_dir", str(tmp_path / "processed")]
    flags = [*folders, "--megadepth_image_list", str(tmp_path / "list.json"), "--quiet"]
    assert do_colmap_localization.main(flags) == 0
    localized = find_localized(tmp_path / "data", SCENE)
    assert read_report(localized.parent / REPORT).drift_m < 0.001
    extent = scene_size(list(cameras.values()))
    frames = read_localized(localized, []).frames
    assert {frame.name for frame in frames} == set(cameras)
    for frame in frames:
        off = np.linalg.norm(frame.photo.camera.center_world - cameras[frame.name].center_world)
        assert off < (0.001 if frame.name.startswith(SCENE) else 0.01 * extent), frame.name
    views = [(frame, frame.load_depth()) for frame in frames]
    measured = measure_scene(read_sparse(localized), views).views
    errors = [view.sparse_error for view in measured if view.sparse_error is not None]
    assert len(errors) >= 8 and np.median(errors) < 0.01
