"""Photos registered against fixed frames: accuracy, drift, dropped frames, plug-ins, nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pycolmap
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from aerial_megadepth.localization import registration
from aerial_megadepth.localization.onnx_features import OnnxFeatures
from aerial_megadepth.localization.registration import (
    MAX_DRIFT_M,
    PhotoGroup,
    Registrar,
    align,
    drift_m,
)
from aerial_megadepth.localization.report import read_report, report_on
from aerial_megadepth.localization.scene_features import FeatureModels, SiftFeatures, make_features
from tests.aerial.chain_builders import Shot, a_sparse_model
from tests.builders import a_rotation
from tests.stereo.stereo_builders import (
    a_box_before_a_wall,
    cameras_in_a_row,
    posed_photos,
    write_photos,
)
from warpset.core.cameras import project, unproject
from warpset.core.covisibility import small_view
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, PosedPhoto
from warpset.stereo.features import (
    FeatureImage,
    add_images,
    verification_options,
    write_image,
    write_pairs,
)
from warpset.stereo.sfm import image_index, image_name

SIZE_WH = (320, 240)


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    """Eight photos along a straight line, and their true depth."""
    folder = tmp_path_factory.mktemp("row")
    return posed_photos(folder, cameras_in_a_row(8, 0.25, SIZE_WH), a_box_before_a_wall())


def frames_and_group(row, photos=slice(1, None, 2)):
    """Every second photo as a frame with its camera, some others as photos of a MegaDepth model."""
    posed, depths = row
    finite = [np.where(np.isfinite(depth), depth, 0) for depth in depths]
    views = [DepthMap(depth, None, p.camera) for depth, p in zip(finite, posed, strict=True)]
    group = PhotoGroup(tuple(posed[photos]), tuple(small_view(view) for view in views[photos]))
    return posed[::2], group


def registrar(frames, group, tmp_path, features=None) -> Registrar:
    workspace = tmp_path / "work"
    workspace.mkdir()
    return Registrar(frames, [group], features or SiftFeatures(), workspace)


def a_picture_of_nothing(folder: Path, name: str, like: PosedPhoto, seed=0) -> PosedPhoto:
    noise = np.random.default_rng(seed).integers(0, 256, (30, 40), np.uint8)
    path = folder / name
    Image.fromarray(noise).resize(SIZE_WH, Image.Resampling.BICUBIC).convert("RGB").save(path)
    return PosedPhoto(path, like.camera)


@pytest.mark.parametrize("how", ["mapping", "pose"])
def test_photos_land_where_they_were_taken_and_frames_do_not_move(row, tmp_path, how):
    frames, group = frames_and_group(row)
    found = registrar(frames, group, tmp_path).register(how)
    assert list(found.posed) == list(range(8))
    assert found.drift_m < 1e-6
    for index, true in enumerate([*frames, *group.photos]):
        camera = found.posed[index].camera
        limit = 1e-6 if index < len(frames) else 0.003
        assert np.linalg.norm(camera.center_world - true.camera.center_world) < limit
        assert found.posed[index].path == true.path
        assert np.array_equal(camera.K, true.camera.K)
    assert found.model.compute_mean_reprojection_error() < 0.5


@pytest.mark.parametrize("how", ["mapping", "pose"])
def test_a_photo_that_disagrees_with_its_model_is_dropped_and_said(row, tmp_path, how):
    """Its model says that it stands two metres from where its picture was really taken."""
    frames, group = frames_and_group(row)
    pose = group.photos[1].camera.cam_from_world.copy()
    pose[1, 3] += 2.0
    elsewhere = replace(group.photos[1].camera, cam_from_world=pose)
    photos = list(group.photos)
    photos[1] = replace(photos[1], camera=elsewhere)
    lying = PhotoGroup(tuple(photos), group.views)
    found = registrar(frames, lying, tmp_path).register(how)
    assert list(found.posed) == [0, 1, 2, 3, 4, 6, 7]
    assert [n for n, check in found.checks.items() if not check.agrees] == [5]
    assert found.checks[5].off_m == pytest.approx(2.0, rel=0.05)
    assert not any(image_index(image.name) == 5 for image in registered_images(found.model))
    report = report_on(found, len(frames), [lying], 4)
    dropped = [residual for residual in report.residuals if not residual.kept]
    assert [residual.name for residual in dropped] == [photos[1].path.name]
    assert all(residual.reprojection_px < 1 for residual in report.residuals if residual.kept)
    assert "1 dropped that stand up to 2.0 m off" in report.summary()
    report.write(tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == report


def registered_images(model):
    return [image for image in model.images.values() if image.has_pose]


def test_a_model_that_wandered_off_is_brought_back_even_along_a_straight_flight(row):
    """Centres on a line alone could not say which way is up."""
    shots = [
        Shot(photo.path.name, np.empty(0), np.where(np.isfinite(depth), depth, 0), photo.camera)
        for photo, depth in zip(*row, strict=True)
    ]
    model = a_sparse_model(shots)
    known = {key: shot.camera for key, shot in enumerate(shots, start=1)}
    assert drift_m(model, known) < 1e-9
    turn = pycolmap.Rotation3d(a_rotation(0.2, 0.4, -0.3))
    model.transform(pycolmap.Sim3d(1.7, turn, np.array([3.0, -2.0, 1.0])))
    assert drift_m(model, known) > 1
    align(model, known)
    assert drift_m(model, known) < 1e-9 < MAX_DRIFT_M


def test_frames_that_share_nothing_are_dropped(row, tmp_path):
    frames, group = frames_and_group(row)
    odd = a_picture_of_nothing(tmp_path, "odd.png", frames[0])
    found = registrar([odd, *frames], group, tmp_path).register("mapping")
    assert list(found.posed) == list(range(1, 9))
    assert found.drift_m < 1e-6


@pytest.mark.parametrize("how", ["mapping", "pose"])
def test_photos_of_another_place_are_not_registered(row, tmp_path, how):
    frames, group = frames_and_group(row, slice(1, 4, 2))
    stray = a_picture_of_nothing(tmp_path, "stray.png", group.photos[0])
    mixed = PhotoGroup((stray, *group.photos), (group.views[0], *group.views))
    found = registrar(frames, mixed, tmp_path).register(how)
    assert list(found.posed) == [0, 1, 2, 3, 5, 6]


@pytest.mark.parametrize("how", ["mapping", "pose"])
def test_nothing_registered_is_one_line(row, tmp_path, how):
    frames, group = frames_and_group(row, slice(1, 2))
    strays = [a_picture_of_nothing(tmp_path, f"{n}.png", group.photos[0], n) for n in range(2)]
    nothing = PhotoGroup(tuple(strays), group.views * 2)
    with pytest.raises(InputError, match="0 of 2 photos could be registered") as error:
        registrar(frames, nothing, tmp_path).register(how)
    assert "\n" not in str(error.value)


def test_frames_without_any_texture_are_one_line(row, tmp_path):
    frames, group = frames_and_group(row, slice(1, 2))
    blank = write_photos(tmp_path, [np.full(SIZE_WH[::-1], 128, np.uint8)] * 3)
    flat = [PosedPhoto(p, f.camera) for p, f in zip(blank, frames, strict=False)]
    with pytest.raises(InputError, match="0 of 3 aerial frames share texture"):
        registrar(flat, group, tmp_path).register("mapping")


def test_in_a_large_scene_pairs_come_from_retrieval_and_covisibility(row, tmp_path, monkeypatch):
    monkeypatch.setattr(registration, "EXHAUSTIVE_UP_TO", 0)
    frames, group = frames_and_group(row)
    found = registrar(frames, group, tmp_path).register("pose")
    assert list(found.posed) == list(range(8))


class KnownFeatures:
    """A plug-in that knows the surface: every feature is one of its points, matched by number."""

    def __init__(self, row, order):
        posed, depths = row
        surface = unproject(posed[0].camera, np.where(np.isfinite(depths[0]), depths[0], 0))
        points = surface[np.isfinite(depths[0])]
        rng = np.random.default_rng(0)
        self.xyz_world = points[rng.choice(len(points), 300, replace=False)].astype(np.float64)
        self.cameras = [posed[index].camera for index in order]
        self.numbers: dict[str, np.ndarray] = {}
        self.matched = 0

    def find(self, images, folder, database):
        add_images(images, folder, database)
        with pycolmap.Database.open(database) as opened:
            for image in opened.read_all_images():
                camera = self.cameras[image_index(image.name)]
                uv, z = project(camera, self.xyz_world)
                seen = np.flatnonzero((z > 0) & np.all((uv > 0) & (uv < SIZE_WH), axis=1))
                self.numbers[image.name] = seen
                opened.write_keypoints(image.image_id, uv[seen].astype(np.float32))

    def match(self, pairs, database):
        self.matched += len(pairs)
        with pycolmap.Database.open(database) as opened:
            ids = {image.name: image.image_id for image in opened.read_all_images()}
            for one, other in pairs:
                _, first, second = np.intersect1d(
                    self.numbers[one], self.numbers[other], return_indices=True
                )
                matches = np.stack([first, second], 1).astype(np.uint32)
                opened.write_matches(ids[one], ids[other], matches)
        pycolmap.verify_matches(database, write_pairs(pairs, database), verification_options())


def test_any_features_can_be_plugged_in(row, tmp_path):
    frames, group = frames_and_group(row)
    plug_in = KnownFeatures(row, [0, 2, 4, 6, 1, 3, 5, 7])
    found = registrar(frames, group, tmp_path, plug_in).register("mapping")
    assert list(found.posed) == list(range(8)) and plug_in.matched == 6 + 22
    for index, true in enumerate([*frames, *group.photos]):
        error = found.posed[index].camera.center_world - true.camera.center_world
        assert np.linalg.norm(error) < 1e-3


def constant(name, array):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))


def save_model(path, nodes, inputs, outputs) -> Path:
    infos = [
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in side]
        for side in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "tiny", *infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def an_extractor(path, keypoints, descriptors) -> Path:
    """Finds the same keypoints in every picture."""
    nodes = [
        constant("keypoints", np.array([keypoints], np.float32)),
        constant("descriptors", np.array([descriptors], np.float32)),
        helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
    ]
    inputs = [
        ("image", TensorProto.FLOAT, [1, 3, "h", "w"]),
        ("max_keypoints", TensorProto.INT64, []),
        ("min_score", TensorProto.FLOAT, []),
    ]
    count, size = len(keypoints), len(descriptors[0])
    outputs = [
        ("keypoints", TensorProto.FLOAT, [1, count, 2]),
        ("descriptors", TensorProto.FLOAT, [1, count, size]),
        ("brightest", TensorProto.FLOAT, []),
    ]
    return save_model(path, nodes, inputs, outputs)


def a_matcher(path) -> Path:
    """Matches each feature with the one whose descriptor has the greatest product."""
    nodes = [
        helper.make_node("Transpose", ["desc1"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["desc0", "turned"], ["products"]),
        helper.make_node("ArgMax", ["products"], ["best"], axis=2, keepdims=0),
        helper.make_node("ReduceMax", ["products"], ["most"], axes=[2], keepdims=0),
        constant("first", np.array([0], np.int64)),
        helper.make_node("Squeeze", ["best", "first"], ["matches0"]),
        helper.make_node("Squeeze", ["most", "first"], ["mscores0"]),
    ]
    inputs = [(f"kpts{n}", TensorProto.FLOAT, [1, None, 2]) for n in (0, 1)]
    inputs += [(f"desc{n}", TensorProto.FLOAT, [1, None, None]) for n in (0, 1)]
    inputs += [(f"image_size{n}", TensorProto.FLOAT, [1, 2]) for n in (0, 1)]
    outputs = [("matches0", TensorProto.INT64, [None]), ("mscores0", TensorProto.FLOAT, [None])]
    return save_model(path, nodes, inputs, outputs)


def test_learned_features_fill_the_database(tmp_path):
    """-1 and 1 are the centres of the outermost pixels of the padded picture, 64x32."""
    others = np.random.default_rng(0).uniform(-1.0, 0.5, (20, 2)).tolist()
    keypoints = [(-1.0, -1.0), (0.0, 0.0), *others, (1.0, 0.0)]
    descriptors = np.eye(len(keypoints)).tolist()
    extractor = an_extractor(tmp_path / "aliked.onnx", keypoints, descriptors)
    plug_in = OnnxFeatures(extractor, a_matcher(tmp_path / "lightglue.onnx"))
    camera = pycolmap.Camera(model="SIMPLE_PINHOLE", width=50, height=30, params=[50.0, 25, 15])
    names = [image_name(n, n) for n in range(2)]
    for name in names:
        write_image(np.full((30, 50, 3), 90, np.uint8), tmp_path / "images", name)
    database = tmp_path / "features.db"
    plug_in.find([FeatureImage(n, camera) for n in names], tmp_path / "images", database)
    plug_in.match([(names[0], names[1])], database)
    with pycolmap.Database.open(database) as opened:
        one, other = (opened.read_image_with_name(name).image_id for name in names)
        found = opened.read_keypoints(one)[:, :2]
        assert found[:2].tolist() == [[0.5, 0.5], [32.0, 16.0]]
        assert len(found) == 22, "the last lies in the padding"
        stored = np.ascontiguousarray(opened.read_descriptors(one).data).view(np.float32)
        assert np.array_equal(stored, np.eye(23)[:22])
        assert opened.read_matches(one, other).tolist() == [[n, n] for n in range(22)]


def test_learned_features_need_their_models(tmp_path):
    with pytest.raises(InputError, match="--features aliked: found no file at --aliked_model"):
        make_features("aliked", FeatureModels())
    extractor = an_extractor(tmp_path / "aliked.onnx", [(0, 0)], [(1, 0)])
    with pytest.raises(InputError, match="found no file at --lightglue_model"):
        make_features("aliked", FeatureModels(extractor, tmp_path / "none.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"garbage")
    with pytest.raises(InputError, match="cannot be read as an ONNX model"):
        make_features("aliked", FeatureModels(extractor, tmp_path / "bad.onnx"))
    with pytest.raises(InputError, match="found a model that takes image, .* need one that takes"):
        make_features("aliked", FeatureModels(extractor, extractor))
    matcher = a_matcher(tmp_path / "lightglue.onnx")
    assert isinstance(make_features("aliked", FeatureModels(extractor, matcher)), OnnxFeatures)
