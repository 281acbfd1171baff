"""The nodes beside the inference: views rendered, files loaded and exported."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from splats import Gaussians, gaussians_from_points, read_splats, write_ply
from tests.builders import a_camera, a_photo, tree
from tests.comfy.comfy_builders import SIDE, a_room, an_image, infer, run
from tests.comfy.comfy_stubs import File3D
from warpset.core.cameras import Camera, unproject
from warpset.core.points import PointCloud
from warpset.files.ply import ply_bytes, read_ply

pytest_plugins = ["tests.comfy.comfy_fixtures"]


# Render Warp and Warp Pair


def a_plane(camera: Camera, photo: np.ndarray, depth: float = 2.0) -> PointCloud:
    xyz = unproject(camera, np.full(camera.shape_hw, depth)).reshape(-1, 3)
    return PointCloud(xyz, photo.reshape(-1, 3), None)


def test_a_view_from_where_the_points_were_seen_is_the_photo(pack):
    camera, photo = a_camera((64, 48)), a_photo((64, 48))
    image, hole = run(
        pack, "VGGT_Render_Warp", points=a_plane(camera, photo), cameras=[camera], sigma=20.0
    )
    assert (image.shape, hole.shape) == ((1, 48, 64, 3), (1, 48, 64))
    assert not hole.any()
    assert np.abs(image[0].numpy() * 255 - photo).max() <= 1.01


def test_a_view_from_the_side_has_holes_where_nothing_was_seen(pack):
    camera, aside = a_camera((64, 48)), a_camera((64, 48), at=(0.5, 0, 0))
    points = a_plane(camera, a_photo((64, 48)))
    shift = round(60.0 * 0.5 / 2.0)  # focal length * way / depth
    image, hole = run(pack, "VGGT_Render_Warp", points=points, cameras=[camera, aside], view=1)
    assert hole[0, :, 64 - shift :].all() and not hole[0, :, : 64 - shift].any()
    assert torch.isfinite(image).all()


def test_a_view_of_another_size_has_no_cracks(pack):
    camera = a_camera((64, 48))
    points = a_plane(camera, a_photo((64, 48)))
    image, hole = run(
        pack, "VGGT_Render_Warp", points=points, cameras=[camera], width=128, height=96, s0=0.07
    )
    assert image.shape == (1, 96, 128, 3)
    assert hole[:, 2:-2, 2:-2].sum() == 0


def test_a_move_is_what_a_camera_there_sees(pack):
    camera, aside = a_camera((64, 48)), a_camera((64, 48), at=(0.5, 0, 0))
    given = {"points": a_plane(camera, a_photo((64, 48))), "cameras": [camera, aside]}
    there = run(pack, "VGGT_Render_Warp", **given, view=1)
    moved = run(pack, "VGGT_Render_Warp", **given, right=0.25)  # of a depth of 2
    assert torch.equal(there[0], moved[0]) and torch.equal(there[1], moved[1])


@pytest.mark.parametrize("path", ["orbit", "dolly", "pan", "crane", "spiral", "turntable"])
def test_a_path_is_a_batch_that_begins_with_the_photo(pack, path):
    camera, photo = a_camera((64, 48)), a_photo((64, 48))
    points = a_plane(camera, photo)
    (cameras,) = run(pack, "VGGT_Camera_Path", points=points, cameras=[camera], path=path, frames=3)
    image, hole = run(pack, "VGGT_Render_Warp", points=points, cameras=cameras, view=-1)
    assert image.shape == (3, 48, 64, 3) and hole.shape == (3, 48, 64)
    assert np.abs(image[0].numpy() * 255 - photo).max() <= 1.01 and not hole[0].any()
    assert not torch.equal(image[1], image[0])


def test_the_viewers_camera_comes_back_as_the_camera_it_was_made_of(pack):
    camera = a_camera((64, 48), at=(0.5, -1.0, 2.0))
    info = a_room(pack, "comfy_nodes.viewer").camera_info(camera, 3.0)
    without = {name: value for name, value in info.items() if name != "quaternion"}
    for given in (info, without):
        ((found,),) = run(
            pack, "VGGT_Camera_From_Viewer", cameras_file="", camera_info=given, like=[camera]
        )
        np.testing.assert_allclose(found.cam_from_world, camera.cam_from_world, atol=1e-9)
        np.testing.assert_allclose(found.K, camera.K, atol=1e-9)


@pytest.mark.parametrize(
    "info", [{}, {"position": {"x": 0, "y": 1, "z": 0}, "target": {"x": 0, "y": 0, "z": 0}}]
)
def test_what_is_no_camera_is_said_in_one_line(pack, info):
    with pytest.raises(Exception, match="^camera_info: no camera of a 3D viewer"):
        run(pack, "VGGT_Camera_From_Viewer", cameras_file="", camera_info=info)


def test_a_view_without_a_camera_is_said_in_one_line(pack):
    with pytest.raises(Exception, match="^view: found 1 cameras, need more for view 1"):
        camera = a_camera()
        run(pack, "VGGT_Render_Warp", points=a_plane(camera, a_photo()), cameras=[camera], view=1)


def test_predicted_points_render_into_predicted_cameras(pack):
    out = infer(pack, image_1=an_image(count=2))
    image, hole = run(
        pack, "VGGT_Render_Warp", points=out["points"], cameras=out["cameras"], view=1
    )
    assert image.shape == (1, 42, SIDE, 3)
    assert hole.float().mean() < 0.9


def test_a_pair_has_the_pictures_as_they_came_and_a_mask(pack, server):
    reference, target = an_image((112, 84)), an_image((112, 84), seed=1)
    splats, target_out, reference_out, mask = run(
        pack, "VGGT_Warp_Pair", reference=reference, target=target, device="cpu"
    )
    assert torch.equal(target_out, target)
    assert torch.equal(reference_out, reference)
    assert splats.shape == (1, 84, 112, 3)
    assert mask.shape == (1, 84, 112)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert not tree(server.root / "temp") and not tree(server.root / "output")


def test_a_pair_is_what_the_points_of_the_reference_look_like_from_the_target(pack):
    images = torch.cat([an_image((112, 84)), an_image((112, 84), seed=1)])
    out = infer(pack, image_1=images)
    pixels = 112 * 84
    of_reference = PointCloud(*(of_all[:pixels] for of_all in out["points"]))
    image, hole = run(pack, "VGGT_Render_Warp", points=of_reference, cameras=out["cameras"], view=1)
    splats, _, _, mask = run(
        pack, "VGGT_Warp_Pair", reference=images[:1], target=images[1:], device="cpu"
    )
    assert (mask != hole).float().mean() < 0.1
    seen = (mask == 0) & (hole == 0)
    assert (splats - image)[seen].abs().mean() < 0.05


def test_further_references_leave_no_more_holes(pack):
    images = {"reference": an_image(), "target": an_image(seed=1)}
    further = {f"reference_{number}": an_image(seed=number) for number in (2, 4)}
    *_, alone = run(pack, "VGGT_Warp_Pair", **images, device="cpu")
    _, target, reference, together = run(pack, "VGGT_Warp_Pair", **images, **further, device="cpu")
    assert torch.equal(target, images["target"]) and torch.equal(reference, images["reference"])
    assert together.sum() < alone.sum()


CUDA, ROCM = "13.0", None


@pytest.fixture
def rendered_on(pack, monkeypatch):
    """The devices that renderers are asked for; they render on the CPU nevertheless."""
    views, devices = a_room(pack, "comfy_nodes.views"), []
    make_renderer = views.make_renderer

    def make(size_wh, sigma_px, device):
        devices.append(device)
        return make_renderer(size_wh, sigma_px, "cpu")

    monkeypatch.setattr(views, "make_renderer", make)
    return devices


@pytest.mark.parametrize(
    ("runs_on", "expected"),
    [(("cuda", CUDA), "cuda"), (("cuda", ROCM), "cpu"), (("cpu", CUDA), "cpu")],
)
def test_a_view_is_rendered_on_cuda_where_comfyui_runs_on_it(
    pack, server, rendered_on, monkeypatch, runs_on, expected
):
    server.device, version = runs_on
    monkeypatch.setattr(torch.version, "cuda", version)
    camera = a_camera()
    run(pack, "VGGT_Render_Warp", points=a_plane(camera, a_photo()), cameras=[camera])
    assert rendered_on == [expected]


def test_a_pair_that_shall_be_made_on_the_cpu_is_rendered_there(
    pack, server, rendered_on, monkeypatch
):
    server.device = "cuda"
    monkeypatch.setattr(torch.version, "cuda", CUDA)
    images = {"reference": an_image(), "target": an_image(seed=1)}
    run(pack, "VGGT_Warp_Pair", **images, device="cpu")
    assert rendered_on == ["cpu"]


# Load PLY and Splats to USD


def point_ply(path: Path, cloud: PointCloud) -> Path:
    path.write_bytes(ply_bytes(cloud))
    return path


def some_points(count=5) -> PointCloud:
    rng = np.random.default_rng(0)
    xyz = rng.standard_normal((count, 3)).astype(np.float32)
    return PointCloud(xyz, rng.integers(0, 256, (count, 3), np.uint8), None)


@pytest.mark.parametrize("folder", ["output", "input"])
def test_a_point_ply_is_found_by_its_name_and_turned_for_the_viewer(pack, server, folder):
    cloud = some_points()
    point_ply(server.root / folder / "points.ply", cloud)
    points, shown = run(pack, "VGGT_Load_PLY", ply_path="points.ply")
    assert np.array_equal(points.xyz_world, cloud.xyz_world)
    assert np.array_equal(points.rgb, cloud.rgb)
    turned = read_ply(Path(shown.source))
    assert Path(shown.source).is_relative_to(server.root / "temp")
    assert np.array_equal(turned.xyz_world, cloud.xyz_world * [1, -1, -1])


def test_a_ply_of_the_input_folder_is_chosen_from_a_list(pack, server):
    node = pack.NODE_CLASS_MAPPINGS["VGGT_Load_PLY"]
    (server.root / "input" / "3d").mkdir()
    for name in ("3d/far.ply", "points10.ply", "points2.ply"):
        point_ply(server.root / "input" / name, some_points())
    point_ply(server.root / "output" / "points2.ply", some_points(9))
    choices, given = node.INPUT_TYPES()["optional"]["file"]
    assert choices == ["by ply_path", "3d/far.ply", "points2.ply", "points10.ply"]
    assert given["default"] == "by ply_path"
    before = node.IS_CHANGED("", "points2.ply")
    points, _ = run(pack, "VGGT_Load_PLY", ply_path="", file="points2.ply")
    assert len(points.xyz_world) == 5
    point_ply(server.root / "input" / "points2.ply", some_points(7))
    assert node.IS_CHANGED("", "points2.ply") != before
    with pytest.raises(Exception, match="^ply_path, file: found 2 files, need one; empty ply_path"):
        run(pack, "VGGT_Load_PLY", ply_path="points.ply", file="points2.ply")


def test_a_splat_ply_goes_to_the_viewer_as_it_is(pack):
    out = infer(pack, image_1=an_image())
    points, shown = run(pack, "VGGT_Load_PLY", ply_path=out["ply_path"])
    assert shown.source == out["ply_path"]
    assert np.array_equal(points.xyz_world, out["points"].xyz_world)
    assert np.array_equal(points.rgb, out["points"].rgb)


def test_splats_whose_record_says_what_is_up_stand_upright_in_the_viewer(pack, server):
    quats = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    flat = gaussians_from_points(np.eye(3), np.zeros((3, 3), np.uint8), np.ones(3))
    flat = replace(flat, quats=quats, shN=quats[:, :3, None] * np.ones(3, np.float32))
    path = server.root / "input" / "room.ply"
    write_ply(flat, path)
    path.with_suffix(".json").write_text('{"up": [0, 0, 1]}')
    points, shown = run(pack, "VGGT_Load_PLY", ply_path="room.ply")
    assert np.array_equal(points.xyz_world, np.eye(3))
    turned = read_splats(Path(shown.source))
    turn = turned.means.T
    np.testing.assert_allclose(turn @ [0, 0, 1], [0, -1, 0], atol=1e-6)  # the viewer turns y around
    for directed in (lambda splats: rotations(splats.unit_quats), brightest):
        np.testing.assert_allclose(directed(turned), turn @ directed(flat), atol=1e-5)


def brightest(splats: Gaussians) -> np.ndarray:
    """(N, 3, rgb) where splats of degree 1 are the brightest: their harmonics are -y, z, -x."""
    minus_y, z, minus_x = np.moveaxis(splats.shN, 1, 0)
    return np.stack([-minus_x, -minus_y, z], axis=1)


def rotations(quats: np.ndarray) -> np.ndarray:
    """(N, 3, 3) of unit quaternions w x y z."""
    w, x, y, z = quats.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def test_a_file_of_another_node_is_taken_whether_it_lies_on_disk_or_in_memory(pack, server):
    path = point_ply(server.root / "input" / "points.ply", some_points())
    in_memory = File3D(BytesIO(path.read_bytes()), "ply")
    for model_3d in (File3D(str(path)), str(path), in_memory):
        points, _ = run(pack, "VGGT_Load_PLY", ply_path="", model_3d=model_3d)
        assert np.array_equal(points.xyz_world, some_points().xyz_world)
    with pytest.raises(Exception, match="^ply_path, model_3d: found 2 files, need one"):
        run(pack, "VGGT_Load_PLY", ply_path="points.ply", model_3d=in_memory)


def a_mesh_ply() -> bytes:
    header = ["ply", "format ascii 1.0", "element vertex 3"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += ["element face 1", "property list uchar int vertex_indices", "end_header"]
    return "\n".join([*header, "0 0 0", "1 0 0", "0 1 0", "3 0 1 2", ""]).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (a_mesh_ply(), "no PLY with x y z red green blue"),
        (b"no ply", "no PLY with x y z red green blue"),
        (ply_bytes(some_points(0)), "found no points, need at least one"),
        (
            ply_bytes(some_points()._replace(xyz_world=np.full((5, 3), np.inf, np.float32))),
            "found 5 points at infinity or nowhere",
        ),
        (None, "no such file, need one by its absolute path or in ComfyUI's output or input"),
    ],
)
def test_a_ply_that_cannot_be_loaded_is_said_in_one_line(pack, server, content, said):
    if content is not None:
        (server.root / "output" / "bad.ply").write_bytes(content)
    with pytest.raises(Exception, match=said) as error:
        run(pack, "VGGT_Load_PLY", ply_path="bad.ply")
    assert "bad.ply: " in str(error.value) and "\n" not in str(error.value)


def test_points_far_away_can_be_loaded(pack, server):
    cloud = some_points()._replace(xyz_world=np.full((5, 3), 1e30, np.float32))
    point_ply(server.root / "output" / "far.ply", cloud)
    points, _ = run(pack, "VGGT_Load_PLY", ply_path="far.ply")
    assert (points.xyz_world == np.float32(1e30)).all()


@pytest.mark.parametrize(
    ("widgets", "name"),
    [
        ({}, "3d/vggt_00002_.usdz"),
        ({"format": "usdc", "up": "y", "metric": True}, "3d/vggt_00002_.usdc"),
        ({"format": "nurec", "filename_prefix": "rooms/one"}, "rooms/one_00001_.usdz"),
    ],
)
def test_splats_become_usd_in_the_output_folder(pack, server, widgets, name):
    Usd, UsdGeom = pytest.importorskip("pxr.Usd"), pytest.importorskip("pxr.UsdGeom")
    out = infer(pack, image_1=an_image())
    path, model = run(pack, "VGGT_Splats_To_USD", ply_path="", model_3d=out["splats"], **widgets)
    assert model.source == path
    assert path == str(server.root / "output" / name)
    stage = Usd.Stage.Open(path)
    assert UsdGeom.GetStageUpAxis(stage) == widgets.get("up", "z").upper()
    assert stage.GetDefaultPrim()


def test_a_mesh_cannot_become_usd(pack, server):
    (server.root / "output" / "mesh.ply").write_bytes(a_mesh_ply())
    with pytest.raises(Exception, match="mesh.ply: found no f_dc_0") as error:
        run(pack, "VGGT_Splats_To_USD", ply_path="mesh.ply")
    assert "\n" not in str(error.value)


def test_an_output_folder_that_cannot_be_written_is_said_in_one_line(pack, server):
    out = infer(pack, image_1=an_image())
    (server.root / "output" / "taken").write_bytes(b"a file")
    with pytest.raises(Exception, match="output.*cannot be written") as error:
        run(pack, "VGGT_Splats_To_USD", ply_path=out["ply_path"], filename_prefix="taken/splats")
    assert "\n" not in str(error.value)
