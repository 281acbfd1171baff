"""The main command where geometry is estimated: VGGT, stereo, sky masks and the cache."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pycolmap
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

import build_warp_dataset
from estimators import cache_folder
from estimators.options import STEREO_ENGINES, ComputeOptions
from estimators.stereo import StereoEstimator
from tests.builders import SHARED_DATA, TINY_VGGT, a_photo, a_scene, a_tiny_vggt, tree
from warpset.building.pairs.record import read_records
from warpset.building.sky import SkySegmenter, find_sky_model
from warpset.core.errors import InputError
from warpset.files.cache import ArrayCache
from warpset.files.photos import sha256_of
from warpset.files.ply import read_ply


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_folder, "CACHE", tmp_path / ".cache")
    return tmp_path / ".cache"


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.pt"
    torch.save({"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}, path)
    return path


@pytest.fixture
def plain(tmp_path):
    """Photos and nothing else."""
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    for index in range(4):
        Image.fromarray(a_photo((80, 60), seed=index)).save(scene / f"{index}.png")
    return scene


KEEP_ALL = ("--min-coverage", "0", "--min-psnr", "0")
"""Random weights and unrelated photos make no pairs that could be of use."""


def build(tmp_path, *flags, output="out") -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / output)]
    return build_warp_dataset.main([*paths, "--quiet", "--device", "cpu", *KEEP_ALL, *flags])


@pytest.mark.parametrize("mode", ["crop", "pad"])
@pytest.mark.parametrize("window", ["0", "2"])
def test_plain_photos_become_pairs_through_the_network(tmp_path, plain, weights, mode, window):
    flags = ("--model", str(weights), "--preprocess-mode", mode, "--window", window)
    assert build(tmp_path, *flags, "--upsample-depth", "--auto-s0", "--save-confidence") == 0
    records = read_records(tmp_path / "out" / "place")
    assert [record.name for record in records] == ["1", "2", "3"]
    assert records[0].geometry["source"] == "vggt"
    assert records[0].geometry["plan"] == f"windows of {'4' if window == '0' else '2'} frames"
    assert Image.open(tmp_path / "out" / "place" / "1_splats.jpg").size == (80, 60)


def test_a_second_run_with_other_render_options_needs_no_network(tmp_path, plain, weights):
    build(tmp_path, "--model", str(weights))
    weights.unlink()
    assert build(tmp_path, "--model", str(weights), "--sigma", "3", output="other") == 0
    assert len(read_records(tmp_path / "other" / "place")) == 3


def test_nocache_keeps_nothing_and_clear_cache_deletes_what_was_kept(
    tmp_path, plain, weights, cache
):
    build(tmp_path, "--model", str(weights), "--nocache")
    assert not cache.exists()
    build(tmp_path, "--model", str(weights), "--force_output")
    assert any(cache.rglob("*.npz"))
    weights.unlink()
    assert build(tmp_path, "--model", str(weights), "--force_output", "--clear-cache") == 1


def test_clear_cache_empties_a_cache_that_is_a_link_but_not_in_a_dry_run(
    tmp_path, plain, weights, cache
):
    (tmp_path / "large disk").mkdir()
    cache.symlink_to(tmp_path / "large disk")
    build(tmp_path, "--model", str(weights))
    kept = len(list(cache.rglob("*.npz")))
    build(tmp_path, "--model", str(weights), "--clear-cache", "--dry-run")
    assert len(list(cache.rglob("*.npz"))) == kept > 0
    build(tmp_path, "--model", str(weights), "--clear-cache")
    assert cache.is_symlink()
    assert len(list(cache.rglob("*.npz"))) == 1  # which model it is, for all pairs are there


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, plain, weights, cache, capsys):
    cache.write_text("a file")
    assert build(tmp_path, "--model", str(weights)) == 1
    error = capsys.readouterr().err
    assert ".cache: cannot be written" in error and "--nocache" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(("mode", "said"), [("crop", True), ("pad", False)])
def test_photos_whose_ends_get_no_depth_are_told_of(tmp_path, weights, capsys, mode, said):
    (tmp_path / "in" / "tall").mkdir(parents=True)
    for index in range(2):
        photo = Image.fromarray(a_photo((60, 80), seed=index))
        photo.save(tmp_path / "in" / "tall" / f"{index}.png")
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    flags = ["--model", str(weights), "--preprocess-mode", mode, "--device", "cpu", *KEEP_ALL]
    assert build_warp_dataset.main([*paths, *flags]) == 0
    told = "crop cuts the ends off 2 photos, 71% of" in capsys.readouterr().err
    assert told == said


def test_another_photo_or_order_is_another_geometry(tmp_path, plain, weights, cache):
    build(tmp_path, "--model", str(weights))
    before = len(list(cache.rglob("*.npz")))
    Image.fromarray(a_photo((80, 60), seed=9)).save(plain / "2.png")
    build(tmp_path, "--model", str(weights), "--force_output")
    assert len(list(cache.rglob("*.npz"))) > before


def test_recorded_depth_goes_before_the_network(tmp_path):
    a_scene(tmp_path / "in" / "room")
    assert build(tmp_path, "--model", str(tmp_path / "none.pt")) == 0
    assert read_records(tmp_path / "out" / "room")[0].geometry["source"] == "recorded"


def test_weights_that_cannot_be_had_are_one_line(tmp_path, plain, capsys):
    assert build(tmp_path, "--model", str(tmp_path / "none.pt")) == 1
    error = capsys.readouterr().err
    ways = ("none.pt", "depth-anything/DA3-BASE (0.5 GB, Apache-2.0)", "stereo", "recorded")
    places = [error.index(way) for way in ways]
    assert places == sorted(places)
    assert len(error.strip().splitlines()) == 1


def test_recorded_geometry_that_is_not_there_is_one_line(tmp_path, plain, capsys):
    assert build(tmp_path, "--geometry", "recorded") == 1
    assert "found neither cameras nor depth" in capsys.readouterr().err


def a_sky_model(path: Path, batch="n") -> Path:
    """Scores each pixel by its red channel."""
    shape = [batch, 3, 320, 320]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [batch, 1, 320, 320])
    bounds = {"starts": [0], "ends": [1], "axes": [1]}
    constants = [helper.make_tensor(k, TensorProto.INT64, [1], v) for k, v in bounds.items()]
    node = helper.make_node("Slice", ["picture", "starts", "ends", "axes"], ["score"])
    graph = helper.make_graph([node], "sky", [picture], [score], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def a_photo_with_a_red_sky() -> np.ndarray:
    photo = np.zeros((48, 64, 3), np.uint8)
    photo[:20, :, 0] = 200
    return photo


@pytest.mark.parametrize("batch", ["n", 1])
def test_sky_is_scored_once_whatever_the_batch(tmp_path, batch):
    photos = [tmp_path / f"{index}.png" for index in range(10)]
    for index, path in enumerate(photos):
        Image.fromarray(np.roll(a_photo_with_a_red_sky(), index, axis=0)).save(path)
    model = a_sky_model(tmp_path / "sky.onnx", batch)
    arrays = ArrayCache(tmp_path / "cache")
    scores = list(SkySegmenter(model, arrays).scores(photos))
    assert [int(score[:120].min()) for score in scores[:1]] == [255]
    assert scores[0][150:].max() == 0 and len(scores) == 10
    kept = len(list((tmp_path / "cache").rglob("*.npz")))
    np.testing.assert_array_equal(SkySegmenter(model, arrays).score(photos[3]), scores[3])
    assert kept == len(list((tmp_path / "cache").rglob("*.npz"))) == 10


def test_points_in_the_sky_are_dropped(tmp_path):
    room = a_scene(tmp_path / "in" / "room")
    Image.fromarray(a_photo_with_a_red_sky()).save(room / "images" / "1.png")
    model = a_sky_model(tmp_path / "sky.onnx")
    assert build(tmp_path, "--filter-sky", "--sky-model", str(model), "--save-ply") == 0
    recorded = read_records(tmp_path / "out" / "room")[0].options
    assert recorded["sky-model"] == sha256_of(model)
    cloud = read_ply(tmp_path / "out" / "room" / "2_reference.ply")
    assert len(cloud.xyz_world) == pytest.approx(28 * 64, abs=2 * 64)
    assert (cloud.rgb[:, 0] == 0).mean() > 0.95


def test_a_sky_model_that_cannot_be_had_is_one_line(tmp_path):
    with pytest.raises(InputError, match="none.onnx: found no such file"):
        find_sky_model(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"bad.onnx: no sky model"):
        SkySegmenter(tmp_path / "bad.onnx", ArrayCache(tmp_path))
    named = a_sky_model(tmp_path / "named.onnx", batch="pictures")
    named.write_bytes(named.read_bytes().replace(b"pictures", b"\xffictures"))
    with pytest.raises(InputError, match=r"named.onnx: no sky model"):
        SkySegmenter(named, ArrayCache(tmp_path))


@pytest.mark.slow
def test_classical_stereo_makes_pairs_of_the_example_room(tmp_path):
    root = Path(__file__).parents[2]
    flags = ["--input-dir", str(root / "examples" / "scenes"), "--geometry", "stereo"]
    assert build(tmp_path, *flags, "--limit", "3", "--auto-s0") == 0
    records = read_records(tmp_path / "out" / "room")
    assert len(records) == 2 and records[0].geometry["source"] == "stereo"
    assert all((record.scores["psnr"] or 0) > 25 for record in records)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the shared sample data")
def test_tourists_photos_of_mixed_sizes_go_through_the_network(tmp_path, weights):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "church").symlink_to(SHARED_DATA / "photos" / "sacre_coeur")
    flags = ("--model", str(weights), "--window", "4", "--upsample-depth")
    assert build(tmp_path, *flags, "--min-coverage", "0.02") == 0
    assert len(read_records(tmp_path / "out" / "church")) == 9
    sizes = {Image.open(path).size for path in (tmp_path / "out" / "church").glob("*.jpg")}
    assert len(sizes) == 1


def test_colmaps_stereo_without_cuda_is_one_line(tmp_path, plain, capsys, monkeypatch):
    monkeypatch.setattr(pycolmap, "has_cuda", False)
    assert build(tmp_path, "--geometry", "stereo", "--stereo-engine", "colmap") == 1
    error = capsys.readouterr().err
    assert "found a pycolmap without CUDA, need pycolmap-cuda12" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "place").exists()


def test_each_stereo_engine_has_a_geometry_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(pycolmap, "has_cuda", True)
    options = [ComputeOptions(engine=engine) for engine in STEREO_ENGINES]
    engines = [StereoEstimator(ArrayCache(tmp_path), one) for one in options]
    assert len({engine.revision for engine in engines}) == len(engines) == 2


def test_a_sky_model_of_another_shape_is_one_line(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room")
    model = a_sky_model(tmp_path / "sky.onnx")
    content = onnx.load(str(model))
    content.graph.initializer[1].CopyFrom(helper.make_tensor("ends", TensorProto.INT64, [1], [2]))
    onnx.save(content, str(model))
    assert build(tmp_path, "--filter-sky", "--sky-model", str(model)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "sky.onnx: answered with float32 of" in line and "need a finite number" in line


def test_weights_that_are_no_numbers_are_one_line(tmp_path, plain, weights, capsys):
    state = {name: tensor * float("nan") for name, tensor in a_tiny_vggt().state_dict().items()}
    torch.save({"config": asdict(TINY_VGGT), "state_dict": state}, weights)
    assert build(tmp_path, "--model", str(weights)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "in/place: the network predicts cameras or depth that are not finite" in line


def test_a_damaged_cache_is_said_once_and_made_anew(tmp_path, plain, weights, cache, capsys):
    assert build(tmp_path, "--model", str(weights)) == 0
    assert "made anew" not in capsys.readouterr().err
    for path in cache.rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-1])
    assert build(tmp_path, "--model", str(weights), output="again") == 0
    assert capsys.readouterr().err.count("(damaged); what it holds is made anew") == 1
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
    assert build(tmp_path, "--model", str(weights), output="third") == 0
    assert "made anew" not in capsys.readouterr().err
