"""3D Tiles: which tiles are taken, where they lie, and what is not read."""

import json

import numpy as np
import pytest

pytest.importorskip("trimesh")

from aerial_megadepth import render_mesh  # noqa: E402
from aerial_megadepth.earth.earth_models import (  # noqa: E402
    ecef_from_geographic,
    enu_from_ecef_rotation,
)
from aerial_megadepth.mesh.mesh_files import find_meshes, read_surface  # noqa: E402
from aerial_megadepth.mesh.tiles import read_tiles  # noqa: E402
from tests.aerial.mesh_builders import (  # noqa: E402
    a_block_mesh,
    a_tile,
    a_tileset,
    write_tileset,
)
from warpset.core.errors import InputError  # noqa: E402


def on_earth():
    """(4, 4) from east, north and up at a place in Rome to earth-centred axes."""
    transform = np.eye(4)
    transform[:3, :3] = enu_from_ecef_rotation(41.9, 12.5).T
    transform[:3, 3] = ecef_from_geographic(41.9, 12.5, 60.0, "wgs84")
    return transform


def corners(surface):
    """(3 F, 3) corners of all triangles, in one order whatever the tiles' was."""
    xyz = surface.vertices[surface.faces].reshape(-1, 9)
    return xyz[np.lexsort(xyz.round(2).T)]


@pytest.mark.parametrize("root_transform", [np.eye(4), on_earth()], ids=["local", "earth"])
def test_the_finest_tiles_are_the_mesh_itself(tmp_path, root_transform):
    whole, _ = read_surface(a_block_mesh(tmp_path / "block.glb", z_up=False), None, 1.0)
    a_tileset(tmp_path / "tiles", root_transform)
    tiled, _ = read_surface(tmp_path / "tiles", None, 1.0)
    assert len(tiled.textures) == len(whole.textures)
    assert corners(tiled) == pytest.approx(corners(whole), abs=1e-4)


@pytest.mark.parametrize(
    ("max_error_m", "names"),
    [
        (0.0, ["first.b3dm", "second.glb", "third.glb"]),
        (1.0, ["first.b3dm", "second.glb"]),
        (19.9, ["first.b3dm", "second.glb"]),
        (20.0, ["coarse.glb"]),
    ],
)
def test_tiles_are_as_coarse_as_they_may_be(tmp_path, max_error_m, names):
    tileset = a_tileset(tmp_path, np.eye(4))
    assert [tile.file.name for tile in read_tiles(tileset, max_error_m)] == names


def test_a_tileset_says_which_axis_of_its_meshes_is_up(tmp_path):
    mesh = a_block_mesh(tmp_path / "block.glb", z_up=True)
    tileset = write_tileset(tmp_path / "tileset.json", a_tile(mesh.name, 0.0))
    lying, _ = read_surface(tileset, None, 1.0)
    assert np.ptp(lying.vertices, axis=0) == pytest.approx([80, 14, 80])
    content = json.loads(tileset.read_text())
    content["asset"]["gltfUpAxis"] = "Z"
    tileset.write_text(json.dumps(content))
    upright, _ = read_surface(tileset, None, 1.0)
    assert np.ptp(upright.vertices, axis=0) == pytest.approx([80, 80, 14])


def test_a_region_is_turned_upright_as_well(tmp_path):
    tileset = a_tileset(tmp_path, on_earth())
    content = json.loads(tileset.read_text())
    west, south = np.radians([12.4999, 41.8999])
    east, north = np.radians([12.5001, 41.9001])
    content["root"]["boundingVolume"] = {"region": [west, south, east, north, 0, 20]}
    tileset.write_text(json.dumps(content))
    surface, _ = read_surface(tileset, None, 1.0)
    assert np.ptp(surface.vertices, axis=0) == pytest.approx([80, 80, 14], abs=0.01)


def spoilt(change):
    """What spoils the root tile of a tileset."""

    def spoil(folder):
        tileset = a_tileset(folder / "tiles", np.eye(4))
        content = json.loads(tileset.read_text())
        change(content["root"])
        tileset.write_text(json.dumps(content))
        return tileset

    return spoil


def naming(uri):
    return spoilt(lambda root: root.update(children=[], content={"uri": uri}))


def with_bytes(content):
    def spoil(folder):
        tileset = a_tileset(folder / "tiles", np.eye(4))
        (folder / "tiles" / "fine" / "third.glb").write_bytes(content)
        return tileset

    return spoil


def needing_an_extension(folder):
    tileset = a_tileset(folder / "tiles", np.eye(4))
    gltf = json.dumps({"asset": {"version": "2.0"}, "extensionsRequired": ["CESIUM_RTC"]})
    (folder / "tiles" / "needs.gltf").write_text(gltf)
    write_tileset(tileset, a_tile("needs.gltf", 0.0))
    return tileset


def a_link_out(folder):
    tileset = naming("link.glb")(folder)
    (folder / "tiles" / "link.glb").symlink_to(a_block_mesh(folder / "outside.glb", z_up=False))
    return tileset


def tilesets_of_parts(folder):
    for part in ("east", "west"):
        a_tileset(folder / part, np.eye(4))
    return folder


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (naming("../outside.glb"), "../outside.glb lies outside of the tileset's folder"),
        (naming("/etc/passwd"), "/etc/passwd lies outside"),
        (naming("%2e%2e/outside.glb"), "lies outside"),
        (naming("https://example.com/a.glb"), "lies outside"),
        (a_link_out, "link.glb lies outside"),
        (naming("nowhere.glb"), "found no nowhere.glb"),
        (naming("tileset.json"), "leads back to itself"),
        (spoilt(lambda root: root.update(transform=[1, 2])), "found [1, 2], need 16 numbers"),
        (spoilt(lambda root: root.pop("geometricError")), "found [None], need 1 numbers"),
        (spoilt(lambda root: root.update(boundingVolume={})), "found None, need 4 numbers"),
        (spoilt(lambda root: root.update(children=[1])), "no list of objects"),
        (spoilt(lambda root: root.update(implicitTiling={})), "implicit tiling"),
        (with_bytes(b"i3dm" + bytes(40)), "found b'i3dm', need a tile of type b3dm"),
        (with_bytes(b"b3dm"), "cannot be read as a b3dm"),
        (with_bytes(b"glTF"), "cannot be read as a mesh"),
        (needing_an_extension, "needs the glTF extension CESIUM_RTC"),
        (tilesets_of_parts, "found 2 tilesets, need one"),
    ],
)
def test_what_cannot_be_taken_is_said(tmp_path, spoil, found):
    with pytest.raises(InputError) as error:
        read_surface(spoil(tmp_path), None, 1.0)
    assert found in str(error.value) and "\n" not in str(error.value)


def test_a_scene_of_tiles_is_rendered_again_for_another_error(tmp_path):
    tileset = a_tileset(tmp_path / "tiles", on_earth())
    assert find_meshes(tmp_path / "tiles") == [tileset]
    places = ["--mesh", str(tmp_path / "tiles"), "--data_root", str(tmp_path), "--scene", "block"]
    small = ["--width", "64", "--height", "64", "--frames", "2", "--ground_views", "0"]
    flags = [*places, *small, "--radius", "45", "--altitude", "45", "--quiet"]
    assert render_mesh.main(flags) == 0
    (depth,) = tmp_path.glob("data/block/*/*/*/depths/block_000.h5")
    fine = depth.read_bytes()
    assert render_mesh.main([*flags, "--tile_error", "20"]) == 0
    assert depth.read_bytes() != fine
