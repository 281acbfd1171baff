"""A mesh rendered as a scene: exact depth, true cameras, and the whole chain behind it."""

import json
import os
import sys

import numpy as np
import pytest
from PIL import Image
from raycaster import PinholeCamera, render

import build_warp_dataset
from aerial_megadepth import (
    export_scene_info,
    make_pairs,
    preprocess_aerialmegadepth,
    qc,
    render_mesh,
)
from aerial_megadepth.dataset import AerialMegaDepth
from aerial_megadepth.localization.localized_scene import REPORT, find_localized, read_localized
from aerial_megadepth.localization.report import read_report
from aerial_megadepth.pairs.pairs_file import PAIRS_NAME, read_pairs
from tests.builders import tree
from warpset.building.pairs.record import read_records

pytest.importorskip("trimesh")

from aerial_megadepth.mesh.mesh_files import find_meshes, read_surface  # noqa: E402
from aerial_megadepth.mesh.viewpoints import heights_at  # noqa: E402
from tests.aerial.mesh_builders import HOUSES, a_block, a_block_mesh, a_tileset  # noqa: E402

SCENE = "block"


def run(root, mesh, *flags) -> int:
    small = ["--width", "200", "--height", "150", "--frames", "10", "--ground_views", "6"]
    flight = ["--radius", "45", "--altitude", "45", "--target_altitude", "4", *small]
    places = ["--mesh", str(mesh), "--data_root", str(root), "--scene", SCENE]
    return render_mesh.main([*places, *flight, "--quiet", *flags])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    root = tmp_path_factory.mktemp("rendered")
    assert run(root, a_block_mesh(root / "mesh" / "block.glb", z_up=False)) == 0
    return root


def frames(root):
    return read_localized(find_localized(root / "data", SCENE), []).frames


def test_depth_is_that_of_a_ray_caster(rendered):
    off = []
    for frame in frames(rendered):
        camera, depth = frame.photo.camera, frame.load_depth().depth
        eye = PinholeCamera(camera.K, camera.size_wh, camera.world_from_cam)
        expected = render(a_block(), eye, 1).depth
        both = (depth > 0) & (expected > 0)
        assert ((depth > 0) == (expected > 0)).mean() > 0.999
        off.append(np.abs(depth[both] / expected[both] - 1))
        assert (off[-1] > 1e-4).mean() < 2e-3, "only rays that graze an edge"
        assert np.median(off[-1]) < 1e-6
    assert len(off) == 16


def test_a_flight_looks_to_the_middle_and_people_stand_on_free_ground(rendered):
    names = [frame.name for frame in frames(rendered)]
    report = read_report(find_localized(rendered / "data", SCENE).parent / REPORT)
    assert report.aerial == [f"{SCENE}_{n:03d}.jpeg" for n in range(10)]
    assert report.photos == [f"ground_{n:03d}.jpg" for n in range(6)]
    assert sorted(names) == sorted(report.aerial + report.photos)
    for frame in frames(rendered):
        camera = frame.photo.camera
        x, y, z = camera.center_world
        forward = camera.cam_from_world[2, :3]
        if frame.name in report.photos:
            assert z == pytest.approx(1.7, abs=1e-6) and forward[2] == pytest.approx(0, abs=1e-9)
            assert not any(
                abs(x - at[0]) < size[0] / 2 and abs(y - at[1]) < size[1] / 2 for size, at in HOUSES
            )
        else:
            assert (np.hypot(x, y), z) == (pytest.approx(45, abs=0.01), pytest.approx(45, abs=0.01))
            target = np.array([0, 0, 4.0]) - camera.center_world
            assert forward @ target / np.linalg.norm(target) == pytest.approx(1, abs=1e-9)


def test_the_whole_chain_runs_without_a_video(rendered, tmp_path):
    places = ["--megadepth_aerial_dir", str(rendered / "data"), "--quiet", "--output_dir"]
    for step in (make_pairs, preprocess_aerialmegadepth, export_scene_info, qc):
        assert step.main([*places, str(tmp_path / step.__name__)]) == 0
    pairs = read_pairs(tmp_path / make_pairs.__name__ / PAIRS_NAME)[SCENE]
    on_ground = np.array([name.startswith("ground_") for name in pairs.images])
    assert set(on_ground[pairs.pairs].sum(1).tolist()) >= {0, 1}
    data = AerialMegaDepth(tmp_path / preprocess_aerialmegadepth.__name__, size_wh=(64, 48))
    assert len(data) == len(pairs.pairs) and data[0][0]["valid_mask"].any()
    localized = find_localized(rendered / "data", SCENE)
    flags = ["--input-dir", str(localized), "--output-dir", str(tmp_path / "warped")]
    assert build_warp_dataset.main([*flags, "--device", "cpu", "--quiet", "--limit", "3"]) == 0
    records = read_records(tmp_path / "warped" / localized.name)
    assert len(records) == 2
    assert all((record.scores["psnr"] or 0) > 15 for record in records)


def test_the_same_command_does_nothing_and_another_mesh_is_rendered_again(rendered, tmp_path):
    mesh = a_block_mesh(tmp_path / "mesh" / "block.glb", z_up=False)
    assert run(tmp_path, mesh) == 0
    assert tree(tmp_path / "data") == tree(rendered / "data")
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    before = [path.stat().st_mtime_ns for path in files]
    assert run(tmp_path, mesh) == 0
    assert before == [path.stat().st_mtime_ns for path in files]
    assert run(tmp_path, mesh, "--fov", "40") == 0
    assert tree(tmp_path / "data") != tree(rendered / "data")


@pytest.mark.parametrize(("name", "z_up"), [("block.glb", False), ("block.obj", True)])
def test_what_is_up_is_what_the_format_says_or_the_flag(tmp_path, name, z_up):
    mesh = a_block_mesh(tmp_path / name, z_up)
    surface, origin = read_surface(mesh, None, 1.0)
    assert np.ptp(surface.vertices, axis=0) == pytest.approx([80, 80, 14])
    assert origin == pytest.approx([0, 0, 0], abs=1e-5)
    wrong, _ = read_surface(mesh, "z" if not z_up else "y", 2.0)
    assert np.ptp(wrong.vertices, axis=0) == pytest.approx([160, 28, 160])
    low, high = heights_at(surface, np.array([[-14.0, 6.0], [0.0, 0.0], [90.0, 0.0]]))
    assert (low[0], high[0], low[1], high[1]) == pytest.approx((0, 8, 0, 0), abs=1e-5)
    assert not np.isfinite(low[2])


def test_a_folder_of_tiles_is_one_mesh(tmp_path):
    for number in range(2):
        a_block_mesh(tmp_path / f"tile{number}.glb", z_up=False)
    (tmp_path / "readme.txt").write_text("tiles")
    assert [path.name for path in find_meshes(tmp_path)] == ["tile0.glb", "tile1.glb"]
    one, _ = read_surface(tmp_path / "tile0.glb", None, 1.0)
    both, _ = read_surface(tmp_path, None, 1.0)
    assert len(both.faces) == 2 * len(one.faces) and len(both.textures) == 2 * len(one.textures)


def without_triangles(folder):
    (folder / "mesh.ply").write_text("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n")
    return folder / "mesh.ply"


def garbage(folder):
    (folder / "mesh.glb").write_bytes(b"garbage")
    return folder / "mesh.glb"


def with_its_first_picture_at(mesh, uri):
    """Let a glTF name a file for its first picture."""
    content = json.loads(mesh.read_text())
    content["images"][0] = {"uri": uri}
    mesh.write_text(json.dumps(content))
    return mesh


def a_texture_from_elsewhere(folder):
    mesh = a_block_mesh(folder / "in" / "mesh.gltf", z_up=False)
    Image.new("RGB", (8, 8)).save(folder / "secret.png")
    return with_its_first_picture_at(mesh, "../secret.png")


def a_texture_that_is_none(folder):
    mesh = a_block_mesh(folder / "mesh.gltf", z_up=False)
    (folder / "broken.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    return with_its_first_picture_at(mesh, "broken.png")


def a_texture_that_is_a_pipe(folder):
    mesh = a_block_mesh(folder / "mesh.gltf", z_up=False)
    os.mkfifo(folder / "pipe.png")
    return with_its_first_picture_at(mesh, "pipe.png")


def a_texture_of_many_bytes(folder):
    mesh = a_block_mesh(folder / "mesh.gltf", z_up=False)
    (folder / "long.png").touch()
    os.truncate(folder / "long.png", 2**30 + 1)
    return with_its_first_picture_at(mesh, "long.png")


def a_pipe_among_meshes(folder):
    a_block_mesh(folder / "mesh.glb", z_up=False)
    os.mkfifo(folder / "other.glb")
    return folder


def a_tile_of_many_bytes(folder):
    tileset = a_tileset(folder / "tiles", np.eye(4))
    os.truncate(folder / "tiles" / "fine" / "second.glb", 2**30 + 1)
    return tileset


def with_instances(folder):
    mesh = a_block_mesh(folder / "mesh.gltf", z_up=False)
    content = json.loads(mesh.read_text()) | {"extensionsUsed": ["EXT_mesh_gpu_instancing"]}
    mesh.write_text(json.dumps(content))
    return mesh


def with_moved_textures(folder):
    mesh = a_block_mesh(folder / "mesh.gltf", z_up=False)
    content = json.loads(mesh.read_text())
    texture = content["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    texture["extensions"] = {"KHR_texture_transform": {"scale": [2, 2]}}
    mesh.write_text(json.dumps(content))
    return mesh


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda folder: folder / "nowhere.glb", "found no mesh, need .glb"),
        (lambda folder: folder, "found no mesh, need .glb"),
        (without_triangles, "mesh.ply: "),
        (garbage, "mesh.glb: cannot be read as a mesh"),
        (a_texture_from_elsewhere, "mesh.gltf: cannot be read as a mesh"),
        (a_texture_that_is_none, "mesh.gltf: cannot be read as a mesh"),
        (a_texture_that_is_a_pipe, "mesh.gltf: cannot be read as a mesh"),
        (a_texture_of_many_bytes, "mesh.gltf: cannot be read as a mesh"),
        (a_pipe_among_meshes, "other.glb: cannot be read (no regular file)"),
        (a_tile_of_many_bytes, "second.glb: found more than"),
        (with_instances, "needs the glTF extension EXT_mesh_gpu_instancing"),
        (with_moved_textures, "needs the glTF extension KHR_texture_transform"),
    ],
)
def test_a_mesh_that_cannot_be_taken_is_one_line(tmp_path, capsys, spoil, found):
    (tmp_path / "meshes").mkdir()
    assert run(tmp_path, spoil(tmp_path / "meshes")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert found in line
    assert not list((tmp_path).glob("data/*/*/*/localized*"))


def test_a_mesh_that_no_view_shows_says_its_size(tmp_path, capsys):
    mesh = a_block_mesh(tmp_path / "mesh" / "block.glb", z_up=False)
    assert run(tmp_path, mesh, "--metres_per_unit", "0.001") == 1
    assert "0 of 16 views show it, need at least 2; it measures 0.08 x 0.08 x" in (
        capsys.readouterr().err
    )


def test_a_missing_trimesh_is_one_line(tmp_path, capsys, monkeypatch):
    mesh = a_block_mesh(tmp_path / "mesh" / "block.glb", z_up=False)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    assert run(tmp_path, mesh) == 1
    assert "trimesh is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [["--altitude", "3", "--target_altitude", "4"], ["--scene", "../x"], ["--up", "x"]]
)
def test_a_wrong_command_line_ends_with_2(tmp_path, flags):
    with pytest.raises(SystemExit) as end:
        run(tmp_path, tmp_path, *flags)
    assert end.value.code == 2
