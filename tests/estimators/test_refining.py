"""The main command with refined cameras: records say so, and the same flags go on with them."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

import build_warp_dataset
from estimators import cache_folder, refining
from tests.builders import SHARED_DATA, TINY_VGGT, a_scene, a_tiny_vggt, tree
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, posed_photos
from warpset.building.pairs.record import read_records
from warpset.core.geometry import DepthMap, FrameGeometry, SceneGeometry
from warpset.files.cache import ArrayCache


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_folder, "CACHE", tmp_path / ".cache")


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return build_warp_dataset.main([*paths, "--device", "cpu", "--quiet", *flags])


def test_records_say_which_cameras_were_refined(tmp_path):
    a_scene(tmp_path / "in" / "place")  # blurred: too little to match
    assert build(tmp_path, "--refine-cameras") == 0
    for record in read_records(tmp_path / "out" / "place"):
        assert record.geometry["revision"].endswith(", cameras refined")
        said = "refined in 0 of 3 frames, not in 1.png, 2.png, 3.png"
        assert record.geometry["cameras"] == said
    before = tree(tmp_path / "out")
    assert build(tmp_path, "--refine-cameras") == 0
    assert tree(tmp_path / "out") == before
    assert build(tmp_path) == 1


def test_refined_cameras_are_kept_for_the_same_photos_and_cameras(tmp_path, monkeypatch):
    cameras = cameras_in_a_row(3, 0.3, (320, 240))
    posed, depths = posed_photos(tmp_path / "photos", cameras, a_box_before_a_wall())

    def load(index):
        return lambda: DepthMap(depths[index], None, cameras[index])

    frames = tuple(FrameGeometry(photo, load(index)) for index, photo in enumerate(posed))
    geometry = SceneGeometry(frames, "vggt", "1", cameras="recorded")
    arrays = ArrayCache(tmp_path / "arrays")
    first = refining.refined(geometry, arrays)
    assert first.cameras == "recorded; refined in all 3 frames"
    monkeypatch.setattr(refining, "match_photos", None)  # not to be called again
    again = refining.refined(geometry, arrays)
    for one, other in zip(first.frames, again.frames, strict=True):
        found, kept = one.load_depth(), other.load_depth()
        np.testing.assert_array_equal(found.camera.cam_from_world, kept.camera.cam_from_world)
        np.testing.assert_array_equal(found.depth, kept.depth)
    with pytest.raises(TypeError):
        refining.refined(SceneGeometry(frames[:2], "vggt", "1"), arrays)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the shared sample data")
@pytest.mark.parametrize("photos", ["photos/sacre_coeur", "scenes/photos7"])
def test_cameras_of_random_weights_are_refined_as_far_as_they_can_be(tmp_path, photos):
    weights = tmp_path / "tiny.pt"
    torch.save({"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}, weights)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "place").symlink_to(SHARED_DATA / photos)
    flags = (
        "--model",
        str(weights),
        "--refine-cameras",
        "--limit",
        "5",
        "--min-coverage",
        "0",
        "--min-psnr",
        "0",
    )
    assert build(tmp_path, *flags) == 0
    records = read_records(tmp_path / "out" / "place")
    assert len(records) == 4
    assert all(record.geometry["cameras"].startswith("refined in ") for record in records)
