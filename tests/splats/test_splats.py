"""Gaussians, their PLY files, and points that become Gaussians."""

import gzip
import sys
import zlib
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from plyfile import PlyData, PlyElement

from splats import (
    Gaussians,
    SplatError,
    SplatShape,
    as_gaussians,
    gaussians_from_points,
    pixel_footprint,
    ply_bytes,
    read_splats,
    trust_from_confidence,
    write_ply,
    write_ply_in_parts,
)
from splats.files import whole_file
from splats.from_points import quats_from_z_to
from splats.turning import turned_about_x

GUITAR = Path(__file__).parents[3] / "shared/data/splats/guitar.compressed.ply"


def some_gaussians(count=20, sh_degree=1, seed=0):
    rng = np.random.default_rng(seed)

    def noise(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    bases = (sh_degree + 1) ** 2
    return Gaussians(
        means=noise(count, 3),
        quats=noise(count, 4),
        log_scales=noise(count, 3) - 3,
        logit_opacities=noise(count),
        sh0=noise(count, 1, 3),
        shN=noise(count, bases - 1, 3),
    )


def reference_ply_bytes(count, sh_degree):
    """A file as the reference implementation writes it, every number its own."""
    rest = 3 * ((sh_degree + 1) ** 2 - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(rest)]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {name}" for name in names]
    numbers = np.arange(count * len(names), dtype="<f4").reshape(count, len(names)) / 7 + 1
    numbers[:, 3:6] = 0
    return "\n".join([*lines, "end_header", ""]).encode() + numbers.tobytes()


def write_vertices(path, fields_of_vertex, elements=()):
    count = len(next(iter(fields_of_vertex.values())))
    data = np.zeros(count, [(name, values.dtype) for name, values in fields_of_vertex.items()])
    for name, values in fields_of_vertex.items():
        data[name] = values
    PlyData([PlyElement.describe(data, "vertex"), *elements]).write(path)


def ply_fields(gaussians, path):
    """The columns of the PLY of these Gaussians, by name."""
    write_ply(gaussians, path)
    vertex = PlyData.read(path)["vertex"]
    return {prop.name: np.array(vertex[prop.name]) for prop in vertex.properties}


def the_error_of(action):
    with pytest.raises(SplatError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("sh_degree", range(4))
def test_a_reference_ply_survives_reading_and_writing_to_the_bit(tmp_path, sh_degree):
    original = tmp_path / "in.ply"
    original.write_bytes(reference_ply_bytes(5, sh_degree))
    write_ply(read_splats(original), tmp_path / "out.ply")
    assert (tmp_path / "out.ply").read_bytes() == original.read_bytes()


@pytest.mark.parametrize("sh_degree", range(4))
def test_gaussians_survive_a_ply_to_the_bit(tmp_path, sh_degree):
    gaussians = some_gaussians(sh_degree=sh_degree)
    write_ply(gaussians, tmp_path / "a.ply")
    again = read_splats(tmp_path / "a.ply")
    assert again.sh_degree == sh_degree
    for field in fields(Gaussians):
        assert np.array_equal(getattr(again, field.name), getattr(gaussians, field.name))


def test_the_rest_of_a_ply_is_channel_major(tmp_path):
    gaussians = some_gaussians(sh_degree=2)
    columns = ply_fields(gaussians, tmp_path / "a.ply")
    for channel in range(3):
        for basis in range(8):
            column = columns[f"f_rest_{channel * 8 + basis}"]
            assert np.array_equal(column, gaussians.shN[:, basis, channel])


def test_fields_are_found_by_name_in_any_order_and_type(tmp_path):
    gaussians = some_gaussians()
    columns = ply_fields(gaussians, tmp_path / "a.ply")
    reversed_columns = {name: columns[name].astype(">f8") for name in reversed(columns)}
    del reversed_columns["nx"]
    reversed_columns["label"] = np.arange(gaussians.num_gaussians, dtype=np.int32)
    write_vertices(tmp_path / "b.ply", reversed_columns)
    again = read_splats(tmp_path / "b.ply")
    assert np.array_equal(again.shN, gaussians.shN)
    assert np.array_equal(again.quats, gaussians.quats)


def test_padding_adds_zero_harmonics_and_nothing_else():
    gaussians = some_gaussians(sh_degree=1)
    padded = gaussians.padded_to(3)
    assert padded.sh_degree == 3
    assert np.array_equal(padded.sh[:, :4], gaussians.sh)
    assert not padded.sh[:, 4:].any()
    assert padded.padded_to(1) is padded.padded_to(3) is padded


def test_a_torch_model_with_gradients_is_taken_as_it_is():
    gaussians = some_gaussians()
    tensors = {
        field.name: torch.tensor(getattr(gaussians, field.name), requires_grad=True)
        for field in fields(Gaussians)
    }
    again = as_gaussians(SimpleNamespace(**tensors, num_sh_bases=4), "model")
    assert np.array_equal(again.sh, gaussians.sh)
    assert again.num_sh_bases == 4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_tensors_of_every_float_type_are_taken(dtype):
    gaussians = some_gaussians()
    tensors = {
        field.name: torch.tensor(getattr(gaussians, field.name)).to(dtype)
        for field in fields(Gaussians)
    }
    again = as_gaussians(SimpleNamespace(**tensors), "model")
    assert again.sh.dtype == np.float32
    assert np.allclose(again.sh, gaussians.sh, rtol=2**-8)


def test_activations_give_unit_quaternions_and_opacities_in_0_to_1():
    gaussians = replace(
        some_gaussians(3),
        quats=np.array([[1e-30, 0, 0, 0], [0, 1e30, 0, 1e30], [1, 1, 1, 1]], np.float32),
        logit_opacities=np.array([-200, 0, 200], np.float32),
    )
    assert np.allclose(np.linalg.norm(gaussians.unit_quats, axis=1), 1)
    assert np.array_equal(gaussians.opacities, [0, 0.5, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["x", "f_rest_3", "opacity", "scale_1", "rot_2"])
def test_values_that_are_not_finite_are_named_in_one_line(tmp_path, name, value):
    columns = ply_fields(some_gaussians(), tmp_path / "good.ply")
    columns[name][7] = value
    write_vertices(tmp_path / "bad.ply", columns)
    message = the_error_of(lambda: read_splats(tmp_path / "bad.ply"))
    assert message.startswith(f"{tmp_path / 'bad.ply'}: ")
    assert "Gaussian 7" in message and str(value) in message


@pytest.mark.parametrize("name", ["z", "f_dc_1", "f_rest_8", "opacity", "scale_2", "rot_0"])
def test_a_ply_without_a_needed_field_is_refused_in_one_line(tmp_path, name):
    columns = ply_fields(some_gaussians(), tmp_path / "good.ply")
    del columns[name]
    write_vertices(tmp_path / "bad.ply", columns)
    message = the_error_of(lambda: read_splats(tmp_path / "bad.ply"))
    assert "need a Gaussian splat PLY" in message


def test_a_mesh_ply_is_refused_in_one_line(tmp_path):
    corners = {name: np.zeros(3, np.float32) for name in "xyz"}
    faces = np.array([([0, 1, 2],)], [("vertex_indices", "i4", (3,))])
    write_vertices(tmp_path / "mesh.ply", corners, [PlyElement.describe(faces, "face")])
    message = the_error_of(lambda: read_splats(tmp_path / "mesh.ply"))
    assert "found no f_dc_0" in message and "not a mesh" in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no readable PLY"),
        (b"\x89PNG\r\n", "no readable PLY"),
        (reference_ply_bytes(5, 0)[:-1], "no readable PLY"),
        (reference_ply_bytes(5, 0).replace(b"vertex 5", b"vertex 5000000000000"), "no readable"),
        (reference_ply_bytes(5, 0).replace(b"vertex 5", b"edge 5"), "found edge"),
        (reference_ply_bytes(0, 0), "no Gaussians"),
    ],
)
def test_files_that_hold_no_splats_are_refused_in_one_line(tmp_path, content, found):
    path = tmp_path / "bad.ply"
    path.write_bytes(content)
    message = the_error_of(lambda: read_splats(path))
    assert message.startswith(f"{path}: ") and found in message


def test_a_missing_file_is_refused_in_one_line(tmp_path):
    assert "no such file" in the_error_of(lambda: read_splats(tmp_path / "none.ply"))


def test_a_rotation_of_length_zero_is_refused_in_one_line(tmp_path):
    gaussians = some_gaussians()
    gaussians.quats[3] = 0
    message = the_error_of(lambda: write_ply(gaussians, tmp_path / "a.ply"))
    assert "Gaussian 3" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"sh0": np.zeros((20, 3))},
        {"logit_opacities": np.zeros((20, 1))},
        {"shN": np.zeros((20, 2, 3))},
        {"shN": np.zeros((20, 24, 3))},
        {"means": np.zeros((19, 3))},
    ],
)
def test_a_model_whose_shapes_disagree_is_refused_in_one_line(change):
    the_error_of(lambda: as_gaussians(replace(some_gaussians(), **change), "model"))


def test_an_output_that_cannot_be_written_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file/out.ply"
    message = the_error_of(lambda: write_ply(some_gaussians(), path))
    assert message.startswith(f"{path}: cannot be written")


def test_parts_are_written_as_the_whole(tmp_path):
    gaussians = some_gaussians(30, sh_degree=0)
    rows = (slice(0, 10), slice(10, 10), slice(10, 30))
    parts = (Gaussians(*(values[some] for values in vars(gaussians).values())) for some in rows)
    write_ply_in_parts(parts, 30, tmp_path / "parts.ply")
    assert (tmp_path / "parts.ply").read_bytes() == ply_bytes(gaussians)


def test_a_failed_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"old")

    def failing():
        yield some_gaussians(sh_degree=0)
        raise OSError(28, "No space left on device")

    assert "No space left" in the_error_of(lambda: write_ply_in_parts(failing(), 40, path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_gaussians_are_a_file_of_no_vertices_that_is_not_taken_for_splats(tmp_path):
    write_ply(some_gaussians(0, sh_degree=2), tmp_path / "a.ply")
    assert (tmp_path / "a.ply").read_bytes() == reference_ply_bytes(0, 2)
    message = the_error_of(lambda: read_splats(tmp_path / "a.ply"))
    assert message.startswith(f"{tmp_path / 'a.ply'}: found no Gaussians")


def test_no_points_become_no_gaussians(tmp_path):
    write_ply(a_point(0, confidence=np.ones(0)), tmp_path / "a.ply")
    assert (tmp_path / "a.ply").read_bytes() == reference_ply_bytes(0, 0)


def test_missing_folders_are_made(tmp_path):
    write_ply(some_gaussians(), tmp_path / "a/b/c.ply")
    assert read_splats(tmp_path / "a/b/c.ply").num_gaussians == 20


@pytest.mark.skipif(not GUITAR.is_file(), reason="sample data ../shared/data/splats is not there")
def test_a_compressed_ply_is_read_through_gsply():
    pytest.importorskip("gsply", reason="gsply of the group usd is not installed")
    chunks = PlyData.read(GUITAR)["chunk"]
    guitar = read_splats(GUITAR)
    assert guitar.num_gaussians == 90854
    assert guitar.sh_degree == 0
    for axis, name in enumerate("xyz"):
        assert np.isclose(guitar.means[:, axis].min(), chunks[f"min_{name}"].min(), atol=1e-4)
        assert np.isclose(guitar.means[:, axis].max(), chunks[f"max_{name}"].max(), atol=1e-4)


@pytest.mark.parametrize("sh_degree", range(4))
def test_an_spz_is_read_through_gsply_and_turned_from_y_up_to_y_down(tmp_path, sh_degree):
    gsply = pytest.importorskip("gsply", reason="gsply of the group usd is not installed")
    gaussians = some_gaussians(sh_degree=sh_degree)
    gaussians.shN[:] = np.clip(gaussians.shN, -0.9, 0.9)
    y_up = turned_about_x(gaussians)
    gsply.write_spz(
        tmp_path / "a.spz",
        gsply.GSData.from_arrays(
            y_up.means,
            y_up.log_scales,
            y_up.unit_quats,
            y_up.logit_opacities,
            y_up.sh0[:, 0],
            y_up.shN if sh_degree else None,
            format="ply",
        ),
    )
    again = read_splats(tmp_path / "a.spz")
    assert np.allclose(y_up.means, gaussians.means * [1, -1, -1])
    assert np.allclose(again.means, gaussians.means, atol=1e-3)
    assert np.allclose(again.opacities, gaussians.opacities, atol=1 / 255)
    assert np.allclose(np.abs((again.unit_quats * gaussians.unit_quats).sum(1)), 1, atol=1e-3)
    assert np.allclose(again.shN, gaussians.shN, atol=1 / 128)


def test_without_gsply_a_compressed_ply_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gsply", None)
    chunk = PlyElement.describe(np.zeros(1, [("min_x", "f4")]), "chunk")
    write_vertices(tmp_path / "a.ply", {"packed_position": np.zeros(3, np.uint32)}, [chunk])
    message = the_error_of(lambda: read_splats(tmp_path / "a.ply"))
    assert "compressed PLY needs gsply" in message and "uv sync --group usd" in message


def a_point(count=1, **changes):
    arguments = {
        "xyz": np.zeros((count, 3)),
        "rgb": np.zeros((count, 3), np.uint8),
        "footprint": np.ones(count),
    }
    return gaussians_from_points(**(arguments | changes))


def test_a_point_keeps_its_place_and_its_colour():
    rgb = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 3)
    gaussians = a_point(256, xyz=np.arange(768.0).reshape(-1, 3), rgb=rgb)
    shown = 0.5 + 0.28209479177387814 * gaussians.sh0[:, 0]
    assert np.array_equal(np.rint(shown * 255), rgb)
    assert np.array_equal(gaussians.means, np.arange(768.0).reshape(-1, 3))
    assert gaussians.sh_degree == 0


def test_a_point_twice_as_far_gets_a_splat_twice_as_large():
    footprint = pixel_footprint(np.array([2.0, 4.0]), focal_px=100)
    gaussians = a_point(2, footprint=footprint, shape=SplatShape(scale_multiplier=3))
    assert np.allclose(gaussians.scales, [[0.06] * 3, [0.12] * 3])


def test_more_confidence_is_never_more_transparent_and_always_finite():
    confidence = np.array([0, 1, 1.01, 2, 50, 1e9, np.inf])
    opacities = a_point(7, confidence=confidence).opacities
    assert (np.diff(opacities) >= 0).all()
    assert np.isclose(opacities[3], (opacities[0] + opacities[-1]) / 2)  # a trust of one half
    assert np.allclose([opacities[0], opacities[-1]], [0.98, 254 / 255])


@pytest.mark.parametrize("confidence", [1.0, 1.05, 1.3, 5.0])
def test_a_surface_of_even_confidence_hides_what_is_behind_however_low_it_is(confidence):
    x, y = np.meshgrid(np.arange(-8.0, 9), np.arange(-8.0, 9))
    cells = a_point(x.size, footprint=np.ones(x.size), confidence=np.full(x.size, confidence))
    along = np.exp(-(x.ravel() ** 2 + y.ravel() ** 2) / (2 * cells.scales[:, 0] ** 2))
    let_through = np.prod(1 - cells.opacities * along)  # at the middle pixel, in any order
    assert let_through < 0.011


def test_the_trust_of_one_plus_exp_x_is_the_sigmoid_of_x():
    x = np.linspace(-4, 4)
    assert np.allclose(trust_from_confidence(1 + np.exp(x)), 1 / (1 + np.exp(-x)))


def test_points_without_confidence_are_as_opaque_as_can_be():
    assert np.allclose(a_point().opacities, 254 / 255)


def test_the_thin_axis_of_a_disc_lies_along_the_normal_of_either_sign():
    normals = np.random.default_rng(0).standard_normal((100, 3))
    normals = np.concatenate([normals, np.eye(3), -np.eye(3)])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    w, x, y, z = quats_from_z_to(normals).T
    turned_z = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)
    assert np.allclose(np.abs((turned_z * normals).sum(1)), 1)
    disc = a_point(len(normals), normals=normals, shape=SplatShape(1.0, flatness=0.2))
    assert np.allclose(disc.scales, [1, 1, 0.2])


def test_a_second_writer_of_a_file_says_so_and_what_a_kill_left_goes(tmp_path):
    path = tmp_path / "out" / "scene.ply"
    with whole_file(path) as partial:
        partial.write_bytes(b"first")
        with pytest.raises(SplatError, match="scene.ply: another run is writing here"):
            write_ply(some_gaussians(), path)
    assert path.read_bytes() == b"first"
    (tmp_path / "out" / ".scene.ply.partial" / "made").mkdir(parents=True)
    (tmp_path / "out" / ".scene.ply.partial" / "made" / "half.usdc").write_bytes(b"")
    write_ply(some_gaussians(), path)
    assert [one.name for one in path.parent.iterdir()] == ["scene.ply"]


@pytest.mark.parametrize("count", ["9223372036854775808", "-1", "1e9", "99999999999999999999999"])
def test_a_count_that_nothing_can_hold_is_one_line(tmp_path, count):
    content = reference_ply_bytes(3, 1).replace(b"vertex 3", f"vertex {count}".encode())
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(SplatError, match="a.ply: no readable PLY") as error:
        read_splats(tmp_path / "a.ply")
    assert "\n" not in str(error.value)


def test_splats_that_unpack_to_gigabytes_are_refused_before_they_do(tmp_path):
    bomb, block = zlib.compressobj(wbits=31), bytes(2**24)
    with (tmp_path / "a.spz").open("wb") as file:
        for _ in range(8):
            file.write(bomb.compress(block))
        file.write(bomb.flush())
    with pytest.raises(SplatError, match="a.spz: unpacks to more than"):
        read_splats(tmp_path / "a.spz")


def test_a_sparse_file_of_many_gigabytes_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.spz").open("wb") as file:
        file.write(gzip.compress(b"NGSP" + bytes(60)))
        file.truncate(19 * 2**30)
    pytest.importorskip("gsply")
    with pytest.raises(SplatError, match="a.spz: more than"):
        read_splats(tmp_path / "a.spz")
