"""The command line that converts splats to USD."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from splats import Gaussians, read_splats, write_ply
from splats_to_usd import main

Usd = pytest.importorskip("pxr.Usd", reason="the group usd is not installed")
pytest.importorskip("msgpack", reason="the group usd is not installed")
from pxr import UsdGeom, UsdVol  # noqa: E402


def a_splat_ply(folder, sh_degree=1, count=10):
    rng = np.random.default_rng(0)

    def noise(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    gaussians = Gaussians(
        means=noise(count, 3),
        quats=noise(count, 4),
        log_scales=noise(count, 3),
        logit_opacities=noise(count),
        sh0=noise(count, 1, 3),
        shN=noise(count, (sh_degree + 1) ** 2 - 1, 3),
    )
    write_ply(gaussians, folder / "in.ply")
    return str(folder / "in.ply")


def the_field(path):
    stage = Usd.Stage.Open(str(path))
    return stage, UsdVol.ParticleField3DGaussianSplat.Get(stage, "/World/Splats/Gaussians")


@pytest.mark.parametrize("name", ["out.usdc", "out.usdz"])
def test_a_ply_becomes_openusds_own_splats(tmp_path, capsys, name):
    source, target = a_splat_ply(tmp_path), tmp_path / "new/folder" / name
    assert main([source, str(target)]) == 0
    stage, field = the_field(target)
    positions = np.array(field.GetPositionsAttr().Get())
    assert np.array_equal(positions, read_splats(Path(source)).means)
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert "10 Gaussians, SH degree 1" in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == [name]


def test_nurec_packs_a_volume(tmp_path):
    assert main([a_splat_ply(tmp_path), str(tmp_path / "out.usdz"), "--nurec"]) == 0
    with zipfile.ZipFile(tmp_path / "out.usdz") as package:
        assert package.namelist() == ["default.usda", "gauss.usda", "gauss.nurec"]


def test_up_and_metric_reach_the_stage(tmp_path):
    target = tmp_path / "out.usdc"
    assert main([a_splat_ply(tmp_path), str(target), "--up", "y", "--metric"]) == 0
    stage, _ = the_field(target)
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1


def up_in_the_stage(path, direction):
    _, field = the_field(path)
    world_from_local = UsdGeom.Xformable(field.GetPrim()).ComputeLocalToWorldTransform(0)
    return np.array(world_from_local.TransformDir(direction))


def test_up_comes_from_the_json_beside_the_splats_unless_it_is_given(tmp_path, capsys):
    source, target = a_splat_ply(tmp_path), tmp_path / "out.usdc"
    assert main([source, str(target)]) == 0
    assert np.allclose(up_in_the_stage(target, (0, -1, 0)), (0, 0, 1))
    assert "up was taken as -y; see --input-up" in capsys.readouterr().out
    record = {"up": {"direction": [0.0, 0.0, 1.0], "from": "cameras"}}
    (tmp_path / "in.json").write_text(json.dumps(record))
    assert main([source, str(target)]) == 0
    assert np.allclose(up_in_the_stage(target, (0, 0, 1)), (0, 0, 1))
    assert "up was z by the JSON beside them" in capsys.readouterr().out
    assert main([source, str(target), "--input-up", "x"]) == 0
    assert np.allclose(up_in_the_stage(target, (1, 0, 0)), (0, 0, 1))
    assert capsys.readouterr().out.endswith("up was x\n")


@pytest.mark.parametrize(
    "up",
    [
        "z",
        [0, 0],
        [0, 0, 0],
        [1, "a", 2],
        [1, float("nan"), 0],
        None,
        [10**400, 0, 0],
        [1e-300] * 3,
    ],
)
def test_a_json_with_no_direction_is_refused_in_one_line(tmp_path, capsys, up):
    source = a_splat_ply(tmp_path)
    (tmp_path / "in.json").write_text(json.dumps({"up": {"direction": up}}))
    assert main([source, str(tmp_path / "out.usdc")]) == 1
    assert "need three finite numbers" in capsys.readouterr().err


def test_an_spz_of_version_4_needs_nothing_but_the_group(tmp_path):
    gsply = pytest.importorskip("gsply", reason="gsply of the group usd is not installed")
    pytest.importorskip("zstandard", reason="gsply[spz] of the group usd is not installed")
    seen = read_splats(Path(a_splat_ply(tmp_path, sh_degree=0)))
    data = (seen.means, seen.log_scales, seen.unit_quats, seen.logit_opacities, seen.sh0[:, 0])
    arrays = gsply.GSData.from_arrays(*data, format="ply")
    gsply.write_spz(tmp_path / "in.spz", arrays, version=4)
    assert main([str(tmp_path / "in.spz"), str(tmp_path / "out.usdc")]) == 0


def test_pad_sh_raises_the_degree(tmp_path):
    target = tmp_path / "out.usdc"
    assert main([a_splat_ply(tmp_path), str(target), "--pad-sh", "3"]) == 0
    _, field = the_field(target)
    assert field.GetRadianceSphericalHarmonicsDegreeAttr().Get() == 3
    assert len(field.GetRadianceSphericalHarmonicsCoefficientsAttr().Get()) == 160


def test_an_spz_is_taken_as_y_up(tmp_path):
    gsply = pytest.importorskip("gsply", reason="gsply of the group usd is not installed")
    seen = read_splats(Path(a_splat_ply(tmp_path, sh_degree=0)))
    data = (seen.means, seen.log_scales, seen.unit_quats, seen.logit_opacities, seen.sh0[:, 0])
    gsply.write_spz(tmp_path / "in.spz", gsply.GSData.from_arrays(*data, format="ply"))
    assert main([str(tmp_path / "in.spz"), str(tmp_path / "out.usdc"), "--up", "y"]) == 0
    stage, field = the_field(tmp_path / "out.usdc")
    world_from_local = UsdGeom.Xformable(field.GetPrim()).ComputeLocalToWorldTransform(0)
    positions = [world_from_local.Transform(xyz) for xyz in field.GetPositionsAttr().Get()]
    assert np.allclose(positions, seen.means, atol=1e-3)


def test_quiet_prints_nothing(tmp_path, capsys):
    assert main([a_splat_ply(tmp_path), str(tmp_path / "out.usdc"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["none.ply", "out.usdc"], "no such file"),
        (["in.ply", "out.obj"], "writes .usdc or .usdz"),
        (["in.ply", "out.usdc", "--nurec"], "writes .usdz"),
        (["in.ply", "in.ply/out.usdz"], "cannot be written"),
        (["bad.ply", "out.usdz"], "no readable PLY"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capsys, monkeypatch, arguments, found):
    a_splat_ply(tmp_path)
    (tmp_path / "bad.ply").write_bytes(b"solid")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert found in error and error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("arguments", [[], ["a.ply"], ["a.ply", "b.usdc", "--up", "x"]])
def test_a_wrong_command_line_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
