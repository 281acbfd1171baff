"""Splats in USD and NuRec, read back with OpenUSD and compared in the world, whatever the frame."""

import gzip
import struct
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from splats import (
    Gaussians,
    SplatError,
    StageOptions,
    export_splats_to_usd,
    export_splats_to_usdz,
)
from splats.stage import save_layer
from splats.turning import turned, turned_about_x
from splats.up import AXES, upright
from splats.usdz import ZIP_LIMIT, write_usdz

msgpack = pytest.importorskip("msgpack", reason="the group usd is not installed")
Usd = pytest.importorskip("pxr.Usd", reason="the group usd is not installed")
from pxr import Gf, Sdf, UsdGeom, UsdValidation, UsdVol  # noqa: E402

HALF_EPS = 2.0**-11
DIRECTIONS = np.random.default_rng(7).standard_normal((16, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)

WORLD_FROM_SPLATS = {
    "y": lambda xyz: np.stack([xyz[..., 0], -xyz[..., 1], -xyz[..., 2]], -1),
    "z": lambda xyz: np.stack([-xyz[..., 0], -xyz[..., 2], -xyz[..., 1]], -1),
}
EVERY_EXPORT = [("a.usdc", False), ("a.usdz", False), ("a.usdz", True)]


def some_gaussians(count=50, sh_degree=1, center=(0.0, 0.0, 0.0)):
    rng = np.random.default_rng(0)

    def noise(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    return Gaussians(
        means=(5 * noise(count, 3) + center).astype(np.float32),
        quats=noise(count, 4),
        log_scales=noise(count, 3) - 3,
        logit_opacities=3 * noise(count),
        sh0=noise(count, 1, 3),
        shN=noise(count, (sh_degree + 1) ** 2 - 1, 3),
    )


def rotation_matrices(quats_wxyz):
    """Plain quaternion formula, (N, 4) -> (N, 3, 3)."""
    w, x, y, z = (quats_wxyz / np.linalg.norm(quats_wxyz, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def sh_basis(directions):
    """Real spherical harmonics to degree 3 as 3DGS orders and signs them, (D, 3) -> (D, 16)."""
    x, y, z = directions.T
    xx, yy, zz = x * x, y * y, z * z
    return np.stack(
        [
            np.full_like(x, 0.5 * np.sqrt(1 / np.pi)),
            -np.sqrt(3 / (4 * np.pi)) * y,
            np.sqrt(3 / (4 * np.pi)) * z,
            -np.sqrt(3 / (4 * np.pi)) * x,
            0.5 * np.sqrt(15 / np.pi) * x * y,
            -0.5 * np.sqrt(15 / np.pi) * y * z,
            0.25 * np.sqrt(5 / np.pi) * (2 * zz - xx - yy),
            -0.5 * np.sqrt(15 / np.pi) * x * z,
            0.25 * np.sqrt(15 / np.pi) * (xx - yy),
            -0.25 * np.sqrt(35 / (2 * np.pi)) * y * (3 * xx - yy),
            0.5 * np.sqrt(105 / np.pi) * x * y * z,
            -0.25 * np.sqrt(21 / (2 * np.pi)) * y * (4 * zz - xx - yy),
            0.25 * np.sqrt(7 / np.pi) * z * (2 * zz - 3 * xx - 3 * yy),
            -0.25 * np.sqrt(21 / (2 * np.pi)) * x * (4 * zz - xx - yy),
            0.25 * np.sqrt(105 / np.pi) * z * (xx - yy),
            -0.25 * np.sqrt(35 / (2 * np.pi)) * x * (xx - 3 * yy),
        ],
        axis=1,
    )


def in_the_world(local, linear, offset):
    """What a renderer sees of splats placed by a rotation: the frame itself drops out.

    Args:
        local: means, quats (w x y z), scales, opacities, sh.
        linear: (3, 3) world from local.
        offset: (3,) in the world.
    """
    axes = rotation_matrices(local.quats) * local.scales[:, None]
    axes = linear @ axes
    basis = sh_basis(DIRECTIONS @ linear)[:, : local.sh.shape[1]]
    return SimpleNamespace(
        means=local.means @ linear.T + offset,
        covariances=axes @ axes.transpose(0, 2, 1),
        opacities=local.opacities,
        colors=0.5 + np.einsum("db,nbc->ndc", basis, local.sh),
        color_weight=np.einsum("db,nbc->ndc", np.abs(basis), np.abs(local.sh)),
    )


def activated(gaussians):
    return SimpleNamespace(
        means=gaussians.means.astype(np.float64),
        quats=gaussians.quats.astype(np.float64),
        scales=np.exp(gaussians.log_scales.astype(np.float64)),
        opacities=1 / (1 + np.exp(-gaussians.logit_opacities.astype(np.float64))),
        sh=gaussians.sh.astype(np.float64),
    )


def expected_world(gaussians, up):
    return in_the_world(activated(gaussians), WORLD_FROM_SPLATS[up](np.eye(3)).T, np.zeros(3))


def world_transform(prim):
    matrix = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0))
    return matrix[:3, :3].T, matrix[3, :3]


def the_prim(path, type_name):
    stage = Usd.Stage.Open(str(path))
    (prim,) = [prim for prim in stage.Traverse() if prim.GetTypeName() == type_name]
    return stage, prim


def usd_world(path):
    stage, prim = the_prim(path, "ParticleField3DGaussianSplat")
    field = UsdVol.ParticleField3DGaussianSplat(prim)
    quats = [(q.real, *q.imaginary) for q in field.GetOrientationsAttr().Get()]
    coefficients = np.array(field.GetRadianceSphericalHarmonicsCoefficientsAttr().Get())
    bases = (field.GetRadianceSphericalHarmonicsDegreeAttr().Get() + 1) ** 2
    local = SimpleNamespace(
        means=np.array(field.GetPositionsAttr().Get(), np.float64),
        quats=np.array(quats),
        scales=np.array(field.GetScalesAttr().Get(), np.float64),
        opacities=np.array(field.GetOpacitiesAttr().Get()),
        sh=coefficients.reshape(-1, bases, 3),
    )
    return in_the_world(local, *world_transform(prim))


def nurec_document(path):
    with zipfile.ZipFile(path) as package:
        return msgpack.unpackb(gzip.decompress(package.read("gauss.nurec")))["nre_data"]


def nurec_tensors(path):
    state = nurec_document(path)["state_dict"]
    start = ".gaussians_nodes.gaussians."
    names = [key[len(start) : -6] for key in state if key.endswith(".shape")]
    return {
        name: np.frombuffer(
            state[start + name], np.int64 if name == "n_active_features" else np.float16
        ).reshape(state[f"{start}{name}.shape"])
        for name in names
    }


def nurec_world(path):
    stage, prim = the_prim(path, "Volume")
    tensors = {name: values.astype(np.float64) for name, values in nurec_tensors(path).items()}
    sh = np.concatenate([tensors["features_albedo"], tensors["features_specular"]], 1)
    local = SimpleNamespace(
        means=tensors["positions"],
        quats=tensors["rotations"],
        scales=np.exp(tensors["scales"]),
        opacities=1 / (1 + np.exp(-tensors["densities"][:, 0])),
        sh=sh.reshape(len(sh), -1, 3),
    )
    return in_the_world(local, *world_transform(prim))


def the_error_of(action):
    with pytest.raises(SplatError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


def validation_errors(path):
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    stage = Usd.Stage.Open(str(path))
    return {e.GetName() for e in UsdValidation.ValidationContext(validators).Validate(stage)}


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("sh_degree", range(4))
@pytest.mark.parametrize("name", ["a.usdc", "a.usdz"])
def test_splats_look_the_same_in_usd_to_float_rounding(tmp_path, name, sh_degree, up):
    gaussians = some_gaussians(sh_degree=sh_degree)
    export_splats_to_usd(gaussians, tmp_path / name, options=StageOptions(up))
    found, expected = usd_world(tmp_path / name), expected_world(gaussians, up)
    assert np.allclose(found.means, expected.means, rtol=1e-7, atol=1e-12)
    size = np.abs(expected.covariances).max(axis=(1, 2), keepdims=True)
    assert (np.abs(found.covariances - expected.covariances) <= 2e-6 * size).all()
    assert np.allclose(found.opacities, expected.opacities, atol=1e-7)
    assert (np.abs(found.colors - expected.colors) <= 1e-6 * expected.color_weight).all()


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("sh_degree", range(4))
def test_splats_look_the_same_in_nurec_to_half_rounding(tmp_path, sh_degree, up):
    gaussians = some_gaussians(sh_degree=sh_degree)
    path = export_splats_to_usdz(gaussians, tmp_path / "a.usdz", True, StageOptions(up))
    found, expected = nurec_world(path), expected_world(gaussians, up)
    reach = np.abs(gaussians.means - np.median(gaussians.means, axis=0))
    assert (np.abs(found.means - expected.means).max(1) <= HALF_EPS * reach.max(1) + 1e-6).all()
    size = np.abs(expected.covariances).max(axis=(1, 2), keepdims=True)
    rounding = HALF_EPS * (8 + 2 * np.abs(gaussians.log_scales).max(1))[:, None, None]
    assert (np.abs(found.covariances - expected.covariances) <= rounding * size).all()
    assert np.allclose(found.opacities, expected.opacities, atol=HALF_EPS * 12 / 4)
    assert (np.abs(found.colors - expected.colors) <= HALF_EPS * expected.color_weight).all()


@pytest.mark.parametrize("sh_degree", range(4))
def test_splats_turned_about_x_look_the_same_in_axes_turned_about_x(sh_degree):
    gaussians = some_gaussians(sh_degree=sh_degree)
    found = in_the_world(activated(turned_about_x(gaussians)), np.diag([1, -1, -1]), 0)
    expected = in_the_world(activated(gaussians), np.eye(3), 0)
    for name, values in vars(expected).items():
        assert np.allclose(getattr(found, name), values, rtol=1e-12), name


@pytest.mark.parametrize("sh_degree", range(4))
def test_splats_turned_into_any_axes_look_the_same_there(sh_degree):
    gaussians = some_gaussians(sh_degree=sh_degree)
    rotation = rotation_matrices(np.array([[0.4, -0.5, 0.7, 0.3]]))[0]
    in_new_axes = turned(gaussians, rotation)
    found = in_the_world(activated(in_new_axes), rotation.T, np.zeros(3))
    for name, values in vars(in_the_world(activated(gaussians), np.eye(3), np.zeros(3))).items():
        if name != "color_weight":  # a bound of rounding, which is of the axes
            assert np.allclose(getattr(found, name), values, rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("up", ["y", "z"])
def test_what_is_up_in_the_photos_is_up_in_the_stage(tmp_path, up):
    gaussians = replace(some_gaussians(1), means=np.array([[0, -1, 0]], np.float32))
    export_splats_to_usd(gaussians, tmp_path / "a.usdc", options=StageOptions(up))
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    assert UsdGeom.GetStageUpAxis(stage) == up.upper()
    assert np.array_equal(usd_world(tmp_path / "a.usdc").means, [np.eye(3)["xyz".index(up)]])


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
def test_the_frame_is_a_rotation_without_mirror(tmp_path, name, nurec):
    for up in ("y", "z"):
        path = tmp_path / f"{up}_{name}"
        export_splats_to_usd(some_gaussians(), path, nurec, StageOptions(up))
        type_name = "Volume" if nurec else "ParticleField3DGaussianSplat"
        stage, prim = the_prim(path, type_name)
        assert np.isclose(np.linalg.det(world_transform(prim)[0]), 1)


def test_the_schema_is_authored_in_full(tmp_path):
    gaussians = some_gaussians(sh_degree=2)
    path = export_splats_to_usdz(gaussians, tmp_path / "a.usdz", nurec=False)
    stage, prim = the_prim(path, "ParticleField3DGaussianSplat")
    field = UsdVol.ParticleField3DGaussianSplat(prim)
    coefficients = field.GetRadianceSphericalHarmonicsCoefficientsAttr()
    assert coefficients.GetMetadata("elementSize") == 9
    assert coefficients.GetMetadata("interpolation") == "vertex"
    assert np.array_equal(np.array(coefficients.Get())[::9], gaussians.sh0[:, 0])
    assert field.GetRadianceSphericalHarmonicsDegreeAttr().HasAuthoredValue()
    assert field.GetSortingModeHintAttr().HasAuthoredValue()
    assert field.GetProjectionModeHintAttr().HasAuthoredValue()
    assert Usd.ColorSpaceAPI(prim).GetColorSpaceNameAttr().Get() == Gf.ColorSpaceNames.SRGBRec709
    quats = np.array([(q.real, *q.imaginary) for q in field.GetOrientationsAttr().Get()])
    assert np.allclose(np.linalg.norm(quats, axis=1), 1)
    assert not UsdGeom.Xformable(prim).GetOrderedXformOps()
    assert stage.GetDefaultPrim().GetPath() == "/World"


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
def test_the_extent_holds_every_splat_to_three_sigma(tmp_path, name, nurec):
    gaussians = some_gaussians(center=(100, 200, 300))
    export_splats_to_usd(gaussians, tmp_path / name, nurec)
    type_name = "Volume" if nurec else "ParticleField3DGaussianSplat"
    stage, prim = the_prim(tmp_path / name, type_name)
    lower, upper = np.array(prim.GetAttribute("extent").Get(), np.float64)
    if nurec:
        tensors = {
            key: value.astype(float) for key, value in nurec_tensors(tmp_path / name).items()
        }
        means, reach = tensors["positions"], 3 * np.exp(tensors["scales"].max(1))
        assert np.array_equal(prim.GetAttribute("omni:nurec:crop:minBounds").Get(), lower)
        assert np.array_equal(prim.GetAttribute("omni:nurec:crop:maxBounds").Get(), upper)
    else:
        means, reach = gaussians.means, 3 * np.exp(gaussians.log_scales.max(1))
    assert np.allclose(lower, (means - reach[:, None]).min(0))
    assert np.allclose(upper, (means + reach[:, None]).max(0))


@pytest.mark.parametrize("sh_degree", range(4))
def test_nurec_tensors_are_shaped_as_its_readers_expect(tmp_path, sh_degree):
    path = export_splats_to_usdz(some_gaussians(50, sh_degree), tmp_path / "a.usdz", nurec=True)
    tensors = nurec_tensors(path)
    assert {name: values.shape for name, values in tensors.items()} == {
        "positions": (50, 3),
        "rotations": (50, 4),
        "scales": (50, 3),
        "densities": (50, 1),
        "extra_signal": (50, 0),
        "features_albedo": (50, 3),
        "features_specular": (50, 3 * (sh_degree + 1) ** 2 - 3),
        "n_active_features": (),
    }
    assert tensors["n_active_features"] == sh_degree
    config = nurec_document(path)["config"]["layers"]["gaussians"]["particle"]
    assert config["radiance_sph_degree"] == sh_degree


def test_nurec_keeps_details_of_a_scene_far_from_the_origin(tmp_path):
    gaussians = some_gaussians(center=(70_000, -1_000, 500_000))
    path = export_splats_to_usdz(gaussians, tmp_path / "a.usdz", True)
    error = np.abs(nurec_world(path).means - expected_world(gaussians, "z").means)
    assert error.max() < 0.01


def test_a_scene_too_wide_for_half_floats_is_refused_in_one_line(tmp_path):
    gaussians = some_gaussians()
    gaussians.means[3, 1] = 1e6
    path = tmp_path / "a.usdz"
    message = the_error_of(lambda: export_splats_to_usdz(gaussians, path, nurec=True))
    assert message.startswith(f"{path}: positions reach") and "65504" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("mean", "log_scale"), [(3e38, 88.0), (0.0, 89.0)])
def test_huge_coordinates_are_refused_in_one_line(tmp_path, mean, log_scale):
    gaussians = some_gaussians()
    gaussians.means[5] = mean
    gaussians.log_scales[5] = log_scale
    message = the_error_of(lambda: export_splats_to_usd(gaussians, tmp_path / "a.usdc"))
    assert "too large" in message


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
@pytest.mark.parametrize("metric", [False, True])
def test_validation_finds_only_what_is_meant(tmp_path, name, nurec, metric):
    export_splats_to_usd(some_gaussians(), tmp_path / name, nurec, StageOptions(metric=metric))
    meant = {"UnsupportedFileExtensionInPackage"} if nurec else set()
    assert validation_errors(tmp_path / name) == meant


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
@pytest.mark.parametrize("metric", [False, True])
def test_a_unit_is_a_metre_and_a_layer_says_where_that_is_assumed(tmp_path, name, nurec, metric):
    export_splats_to_usd(some_gaussians(), tmp_path / name, nurec, StageOptions(metric=metric))
    stage = Usd.Stage.Open(str(tmp_path / name))
    assert stage.GetMetadata("metersPerUnit") == 1 and stage.HasAuthoredMetadata("metersPerUnit")
    assert ("scale is unknown" in stage.GetRootLayer().comment) == (not metric and not nurec)


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("input_up", [*AXES.values(), (0.1, 0.5, 2.0), (0.0, -3.0, 1.0)])
def test_whatever_is_up_in_the_splats_is_up_in_the_stage(tmp_path, up, input_up):
    gaussians = replace(some_gaussians(1), means=np.array([input_up], np.float32))
    options = StageOptions(up, input_up=input_up)
    export_splats_to_usd(gaussians, tmp_path / "a.usdc", options=options)
    length = np.linalg.norm(input_up)
    expected = length * np.eye(3)["xyz".index(up)]
    assert np.allclose(usd_world(tmp_path / "a.usdc").means, [expected], atol=1e-6)


@pytest.mark.parametrize("up", ["y", "z"])
def test_splats_that_stand_upright_are_not_turned(up):
    assert np.array_equal(upright(AXES[up], up), np.eye(3))


def test_the_function_of_the_seed_writes_what_the_seed_wrote(tmp_path):
    path = export_splats_to_usdz(some_gaussians(), tmp_path / "a.usdz")
    with zipfile.ZipFile(path) as package:
        layers = [name for name in package.namelist() if name.endswith(".usda")]
        for name in layers:
            assert b"metersPerUnit = 1" in package.read(name)
            assert b'upAxis = "Z"' in package.read(name)
    assert layers == ["default.usda", "gauss.usda"]


def data_offsets(path):
    """Where each file of a package starts, from the local headers themselves."""
    content = path.read_bytes()
    with zipfile.ZipFile(path) as package:
        for entry in package.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.extract_version <= 20, "ZIP64"
            header = struct.unpack_from("<4s5H3L2H", content, entry.header_offset)
            name_length, extra_length = header[-2:]
            start = entry.header_offset + 30 + name_length + extra_length
            assert content[start : start + entry.file_size] == package.read(entry)
            yield start


@pytest.mark.parametrize("nurec", [False, True])
def test_every_file_of_a_package_starts_on_a_64_byte_line(tmp_path, nurec):
    for count in range(1, 20):
        path = export_splats_to_usdz(some_gaussians(count), tmp_path / "a.usdz", nurec)
        assert all(start % 64 == 0 for start in data_offsets(path))


def test_names_of_every_length_are_aligned(tmp_path):
    members = [tmp_path / f"{'n' * length}.bin" for length in range(1, 80)]
    for length, member in enumerate(members):
        member.write_bytes(bytes(length))
    write_usdz(members, tmp_path / "a.usdz", "a.usdz")
    assert [start % 64 for start in data_offsets(tmp_path / "a.usdz")] == [0] * 79


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
def test_two_runs_give_equal_bytes_whatever_name_and_time(tmp_path, monkeypatch, name, nurec):
    contents = set()
    for second in (1_600_000_000, 1_700_000_000):
        monkeypatch.setattr("time.time", lambda now=second: now)
        path = tmp_path / f"{second}_{name}"
        export_splats_to_usd(some_gaussians(5000, 3), path, nurec)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_a_package_opens_with_a_layer_whose_references_are_anchored(tmp_path):
    path = export_splats_to_usdz(some_gaussians(), tmp_path / "a.usdz", nurec=True)
    with zipfile.ZipFile(path) as package:
        assert package.namelist()[0] == "default.usda"
        assert b"@./gauss.usda@" in package.read("default.usda")
        assert b"@./gauss.nurec@" in package.read("gauss.usda")


def a_sparse_file(path, size):
    """A file of zeros that takes no space."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def skip_over(member, package):
    """Stands in for copying gigabytes: leaves a hole."""
    package.seek(member.stat().st_size, 1)
    return 0


def sparse_package(folder, sizes, monkeypatch):
    folder.mkdir()
    members = [a_sparse_file(folder / f"{n}.usdc", size) for n, size in enumerate(sizes)]
    monkeypatch.setattr("splats.usdz._copy", skip_over)
    write_usdz(members, folder / "a.usdz", "a.usdz")
    return folder / "a.usdz"


SIZES_GIB = [(1.93,), (1.96,), (2.5,), (3.9,), (0.5, 1.96, 0.5), (1.9, 1.9)]


@pytest.mark.parametrize("sizes_gib", SIZES_GIB)
def test_files_up_to_4_gib_are_plain_zip_on_64_byte_lines(tmp_path, monkeypatch, sizes_gib):
    sizes = [round(gib * 2**30) + 1 for gib in sizes_gib]
    path = sparse_package(tmp_path / "a", sizes, monkeypatch)
    with zipfile.ZipFile(path) as package:
        entries = package.infolist()
    assert [entry.file_size for entry in entries] == sizes
    assert all(entry.extract_version <= 20 for entry in entries)
    read_by_openusd = Sdf.ZipFile.Open(str(path))
    for entry in entries:
        found = read_by_openusd.GetFileInfo(entry.filename)
        assert found.size == entry.file_size and found.dataOffset % 64 == 0
    with path.open("rb") as package:
        package.seek(-100, 2)
        assert b"PK\6\6" not in package.read(), "ZIP64"


def test_a_package_reaches_to_the_last_byte_of_plain_zip(tmp_path, monkeypatch):
    overhead = sparse_package(tmp_path / "a", [0], monkeypatch).stat().st_size
    path = sparse_package(tmp_path / "b", [ZIP_LIMIT - overhead], monkeypatch)
    assert path.stat().st_size == ZIP_LIMIT
    one_more = [ZIP_LIMIT - overhead + 1]
    assert "4.0 GiB" in the_error_of(lambda: sparse_package(tmp_path / "c", one_more, monkeypatch))


def test_a_package_over_4_gib_is_refused_in_one_line(tmp_path):
    member = a_sparse_file(tmp_path / "huge.usdc", 2**32)
    message = the_error_of(lambda: write_usdz([member], tmp_path / "a.usdz", "a.usdz"))
    assert message.startswith("a.usdz: found 4.0 GiB")
    assert not (tmp_path / "a.usdz").exists()


@pytest.mark.parametrize("nurec", [False, True])
def test_too_many_splats_are_refused_before_anything_is_written(tmp_path, monkeypatch, nurec):
    monkeypatch.setattr("splats.usdz.ZIP_LIMIT", 1000)
    path = tmp_path / "a.usdz"
    assert "GiB" in the_error_of(lambda: export_splats_to_usdz(some_gaussians(), path, nurec))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "nurec"), EVERY_EXPORT)
def test_an_output_that_cannot_be_written_is_refused_in_one_line(tmp_path, name, nurec):
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / name
    message = the_error_of(lambda: export_splats_to_usd(some_gaussians(), path, nurec))
    assert message.startswith(f"{path}: cannot be written")


def test_openusds_own_failure_to_write_says_why_in_a_few_words(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    stage = Usd.Stage.CreateInMemory()
    with pytest.raises(OSError) as caught:
        save_layer(stage.GetRootLayer(), tmp_path / "file/a.usdc")
    assert "Could not create directory" in str(caught.value)
    assert "pxrInternal" not in str(caught.value)


@pytest.mark.parametrize(("name", "nurec"), [("a.usda", False), ("a.ply", False), ("a.usdc", True)])
def test_other_kinds_of_output_are_refused_in_one_line(tmp_path, name, nurec):
    path = tmp_path / name
    assert "writes .usd" in the_error_of(
        lambda: export_splats_to_usd(some_gaussians(), path, nurec)
    )


def test_usdz_is_added_to_the_whole_name(tmp_path):
    written = export_splats_to_usdz(some_gaussians(), str(tmp_path / "scene.v2"))
    assert written == tmp_path / "scene.v2.usdz"
    assert written.is_file()


@pytest.mark.parametrize(
    ("missing", "library", "nurec"),
    [
        ("pxr.Usd", "usd-core", False),
        ("pxr.UsdVol", "usd-core", True),
        ("msgpack", "msgpack", True),
    ],
)
def test_a_missing_library_is_named_in_one_line(tmp_path, monkeypatch, missing, library, nurec):
    monkeypatch.setitem(sys.modules, missing, None)
    path = tmp_path / "a.usdz"
    message = the_error_of(lambda: export_splats_to_usdz(some_gaussians(), path, nurec))
    assert f"needs {library}" in message and "uv sync --group usd" in message


def test_an_openusd_without_the_schema_is_named_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr.UsdVol", SimpleNamespace())
    path = tmp_path / "a.usdz"
    message = the_error_of(lambda: export_splats_to_usdz(some_gaussians(), path, nurec=False))
    assert "need 0.26.3" in message


def test_an_empty_model_is_refused_in_one_line(tmp_path):
    empty = some_gaussians(0)
    message = the_error_of(lambda: export_splats_to_usdz(empty, tmp_path / "a.usdz"))
    assert "no Gaussians" in message
