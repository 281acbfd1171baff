"""The example scene: its ray caster against geometry, its files against each other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import make_scene
import numpy as np
import pytest
import room
from lighting import Light, Lighting, lit
from PIL import Image
from raycaster import PinholeCamera, Thing, render
from shapes import Box, Ellipsoid, Frustum, Rectangle, Shape

ROOM = Path(__file__).parents[2] / "examples" / "scenes" / "room"
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def a_camera(width: int = 64, height: int = 48) -> PinholeCamera:
    """A camera at the world's origin that looks along +z, its principal point off the centre."""
    K = np.array([[50.0, 0.0, 30.2], [0.0, 52.0, 25.7], [0.0, 0.0, 1.0]])
    return PinholeCamera(K, (width, height), np.eye(4))


def white(xyz: np.ndarray) -> np.ndarray:
    return np.ones_like(xyz)


def rays(camera: PinholeCamera) -> np.ndarray:
    """Camera rays (H, W, 3) through pixel centres, z = 1."""
    width, height = camera.size_wh
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    K = camera.K
    return np.stack([(x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1], np.ones_like(x)], axis=-1)


def a_tilt() -> np.ndarray:
    """A rotation about no axis in particular."""
    q, _ = np.linalg.qr(np.array([[0.9, 0.2, -0.3], [-0.1, 0.8, 0.4], [0.5, -0.3, 0.7]]))
    return q * np.sign(np.linalg.det(q))


def depth_of(shape: Shape, position: tuple[float, float, float], tilt: np.ndarray) -> np.ndarray:
    return render([Thing(shape, white, position, tilt)], a_camera(), samples=1).depth


def test_the_depth_of_a_tilted_plane_is_the_formula_s():
    tilt = a_tilt()
    depth = depth_of(Rectangle((100, 100)), (0.1, -0.2, 4.0), tilt)
    normal = tilt[:, 2]
    expected = (normal @ (0.1, -0.2, 4.0)) / (rays(a_camera()) @ normal)
    in_front = (expected > 0) & (expected < 20)
    assert in_front.mean() > 0.5
    np.testing.assert_allclose(depth[in_front], expected[in_front], rtol=1e-6)


def test_the_depth_of_a_sphere_is_the_formula_s_and_zero_beside_it():
    centre, radius = np.array([0.15, -0.1, 3.0]), 0.8
    depth = depth_of(Ellipsoid((radius, radius, radius)), tuple(centre), a_tilt())
    direction = rays(a_camera())
    a, b = (direction**2).sum(-1), direction @ centre
    inside = b * b - a * (centre @ centre - radius**2)
    expected = np.where(inside > 0, (b - np.sqrt(np.maximum(inside, 0))) / a, 0)
    assert 0.1 < (expected > 0).mean() < 0.9
    np.testing.assert_allclose(depth, expected, atol=1e-6)


@pytest.mark.parametrize(
    "shape",
    [
        Rectangle((1.2, 0.7)),
        Box((1.0, 0.6, 0.8)),
        Ellipsoid((0.7, 0.4, 0.3)),
        Frustum(0.5, 0.2, 0.9),
        Frustum(0.3, 0.3, 0.6),
    ],
)
def test_charts_lead_from_the_surface_to_themselves(shape: Shape):
    for index in range(len(shape.chart_sizes)):
        u, v = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0.3, 0.7, 8)] * 2))
        xyz, normal = shape.chart_surface(index, u, v)
        found, u_found, v_found = shape.chart(xyz)
        np.testing.assert_array_equal(found, index)
        np.testing.assert_allclose([u_found, v_found], [u, v], atol=1e-9)
        np.testing.assert_allclose((normal**2).sum(0), 1, atol=1e-12)
        back = Thing(shape, white, (0, 0, 0)).hit(xyz + 0.01 * normal, -normal)
        np.testing.assert_allclose(back, 0.01, atol=1e-6)


def test_the_nearer_thing_hides_the_farther_whatever_their_order():
    wall = Thing(Rectangle((50, 50)), white, (0, 0, 5))
    post = Thing(Box((0.3, 9, 0.3)), white, (0, 0, 2))
    forward, backward = (render(order, a_camera()) for order in ([wall, post], [post, wall]))
    np.testing.assert_array_equal(forward.depth, backward.depth)
    assert {round(float(z), 2) for z in np.unique(forward.depth)} >= {1.85, 5.0}


def test_a_hole_in_a_wall_shows_what_is_behind():
    wall = Thing(Rectangle((50, 50), hole=(-0.5, -0.5, 0.5, 0.5)), white, (0, 0, 2))
    behind = Thing(Rectangle((50, 50)), white, (0, 0, 6))
    depth = render([wall, behind], a_camera(), samples=1).depth
    assert depth[25, 30] == 6 and depth[2, 2] == 2


def test_supersampling_leaves_the_depth_at_the_pixel_centre():
    things = [Thing(Box((1.0, 0.6, 0.8)), white, (0.2, 0, 3), a_tilt())]
    once, often = (render(things, a_camera(), samples) for samples in (1, 5))
    np.testing.assert_array_equal(once.depth, often.depth)
    assert len(np.unique(once.rgb)) == 2 and len(np.unique(often.rgb)) > 4


def test_an_even_number_of_samples_is_refused():
    with pytest.raises(ValueError, match="need an odd number"):
        render([], a_camera(), samples=2)


def test_a_light_falls_off_with_the_square_and_a_blocker_throws_a_shadow():
    floor = Thing(Rectangle((4, 4)), white, (0, 0, 0))
    lamp = Light(np.array([[0.0, 0.0, 2.0]]), (8.0, 8.0, 8.0))
    dark = (0.0, 0.0, 0.0)
    lighting = Lighting([lamp], sky=dark, ground=dark, node_m=0.25)
    blocker = Thing(Box((0.5, 0.5, 0.1)), white, (1.0, 0, 1.0))
    origin = (np.zeros(1, dtype=int), np.array([0.5]), np.array([0.5]))
    shadow = (np.zeros(1, dtype=int), np.array([1.0]), np.array([0.5]))
    free, shaded = (lit(floor, things, lighting).lightmap for things in ([floor], [floor, blocker]))
    assert free and shaded
    np.testing.assert_allclose(free.sample(*origin), 2.0, rtol=1e-3)
    np.testing.assert_allclose(shaded.sample(*origin), 2.0, rtol=1e-3)
    assert free.sample(*shadow).min() > 0.5 and shaded.sample(*shadow).max() == 0


def test_the_same_scene_is_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some = room.things()[::10]
    monkeypatch.setattr(room, "things", lambda: some)
    digests = []
    for name in ("a", "b"):
        command = f"--quiet --views 2 --width 48 --height 36 --output-dir {tmp_path / name}"
        make_scene.main(command.split())
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert len(digests[0]) == 5 and digests[0] == digests[1]


@pytest.mark.parametrize("flag", ["--views", "--width", "--height"])
@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_senseless_number_is_refused(flag: str, value: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_info:
        make_scene.main([flag, value])
    assert exit_info.value.code == 2
    assert f"{flag}: found {value}, need" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SystemExit) as exit_info:
        make_scene.main(["--quiet", "--output-dir", str(tmp_path / "taken" / "room")])
    assert exit_info.value.code == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "choose another --output-dir" in message


def transforms() -> dict:
    return json.loads((ROOM / "transforms.json").read_text(encoding="utf-8"))


def committed(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo (H, W, 3), depth in metres (H, W) and OpenCV world_from_cam of a committed frame."""
    scene = transforms()
    frame = scene["frames"][index]
    rgb = np.asarray(Image.open(ROOM / frame["file_path"]))
    millimetres = np.asarray(Image.open(ROOM / frame["depth_file_path"]))
    assert millimetres.dtype == np.uint16
    pose = np.array(frame["transform_matrix"]) @ OPENCV_FROM_OPENGL
    return rgb, millimetres * scene["depth_unit_scale_factor"], pose


def committed_camera(index: int) -> PinholeCamera:
    scene = transforms()
    K = make_scene.intrinsics(scene["w"], scene["h"])
    return PinholeCamera(K, (scene["w"], scene["h"]), committed(index)[2])


def test_the_committed_files_are_those_that_transforms_json_lists():
    scene = transforms()
    listed = {frame[key] for frame in scene["frames"] for key in ("file_path", "depth_file_path")}
    present = {path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*") if path.is_file()}
    assert present == listed | {"transforms.json"}
    assert len(scene["frames"]) == 6
    K = make_scene.intrinsics(scene["w"], scene["h"])
    assert [scene[key] for key in ("fl_x", "fl_y", "cx", "cy")] == K[
        [0, 1, 0, 1], [0, 1, 2, 2]
    ].tolist()
    for index in range(6):
        rgb, depth, pose = committed(index)
        assert rgb.shape == (scene["h"], scene["w"], 3) == (720, 960, 3)
        assert depth.shape == (720, 960) and 0.5 < depth.min() and depth.max() < 10
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
        assert np.linalg.det(pose[:3, :3]) > 0.99
        np.testing.assert_allclose(pose, room.viewpoint(index, 6), atol=1e-12)


def test_the_committed_scene_is_under_three_megabytes():
    assert sum(path.stat().st_size for path in ROOM.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize("index", range(5))
def test_a_view_carried_into_the_next_finds_its_depth_and_its_colours(index: int):
    rgb, depth, pose = committed(index)
    next_rgb, next_depth, next_pose = committed(index + 1)
    camera = committed_camera(index)
    xyz = rays(camera) * depth[..., None]
    xyz = (xyz @ pose[:3, :3].T + pose[:3, 3] - next_pose[:3, 3]) @ next_pose[:3, :3]
    z = xyz[..., 2]
    column, row = (
        np.floor(xyz[..., a] / z * camera.K[a, a] + camera.K[a, 2]).astype(int) for a in (0, 1)
    )
    inside = (column >= 0) & (column < 960) & (row >= 0) & (row < 720)
    column, row, z = column[inside], row[inside], z[inside]
    nearest = np.full(depth.shape, np.inf)
    np.minimum.at(nearest, (row, column), z)
    front = z <= 1.01 * nearest[row, column]
    agrees = np.abs(next_depth[row, column] - z) < 0.02 * z
    colour_error = np.abs(next_rgb[row, column].astype(float) - rgb[inside])[front & agrees].mean()
    assert 0.9 < inside.mean() < 0.99
    assert agrees[front].mean() > 0.975
    assert 0.02 < 1 - agrees.mean() < 0.12, "neighbours should hide some of each other"
    assert colour_error < 4


@pytest.mark.parametrize("index", [0, 5])
def test_the_committed_depth_is_what_the_script_makes_now(index: int):
    depth = render(room.things(), committed_camera(index), samples=1).depth
    millimetres = np.rint(depth / make_scene.MILLIMETRE)
    np.testing.assert_array_equal(millimetres, np.rint(committed(index)[1] * 1000))


@pytest.mark.slow
def test_the_committed_photo_is_what_the_script_makes_now(tmp_path: Path):
    camera = PinholeCamera(make_scene.intrinsics(960, 720), (960, 720), room.viewpoint(0, 6))
    make_scene.write_scene(tmp_path, [camera], quiet=True)
    made = np.asarray(Image.open(tmp_path / "images" / "01.jpg")).astype(int)
    assert np.abs(made - committed(0)[0]).max() <= 2
    depth = np.asarray(Image.open(tmp_path / "depths" / "01.png"))
    np.testing.assert_array_equal(depth, np.rint(committed(0)[1] * 1000))
