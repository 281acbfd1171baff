"""The viewer's command line without a window: sources, options, pictures, bad input."""

import logging
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from build_warp_dataset import main as build
from estimators import cache_folder
from estimators.command_line import add_geometry_flags
from renderer.hole_filling import HoleFillingRenderer
from splats import Gaussians, write_ply
from tests.builders import (
    PLANE_DEPTH_M,
    TINY_VGGT,
    a_photo,
    a_scene,
    a_tiny_vggt,
    read_transforms_file,
    write_transforms,
)
from vggt_point_cloud_viewer import find_subject, main, source_of
from viewer.command_line import check, make_parser
from viewer.input_state import CONTROLS
from viewer.point_cloud_files import framing_camera
from viewer.showing import missing_display
from viewer.subject import SubjectOptions, subject_of_scene
from warpset.building.scene_files.gaussians import SCENE_GAUSSIANS_NAME
from warpset.core.cameras import project
from warpset.core.errors import InputError
from warpset.core.geometry import SceneGeometry
from warpset.core.points import PointCloud
from warpset.files.ply import ply_bytes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room")


@pytest.fixture
def shoot(tmp_path, monkeypatch):
    """Renders a command line's picture without a display; (h, w, 3)."""
    monkeypatch.delenv("DISPLAY", raising=False)

    def shoot(*flags) -> np.ndarray:
        output = tmp_path / "pictures" / "out.png"
        assert main([*map(str, flags), f"--output={output}"]) == 0
        return np.asarray(Image.open(output))

    return shoot


def subject_of(*flags):
    return find_subject(make_parser(add_geometry_flags).parse_args([*map(str, flags)]))


def photo(room, number=1):
    return np.asarray(Image.open(room / "images" / f"{number}.png"))


def test_a_scene_is_seen_through_its_first_photo(room, shoot):
    shown = shoot("--scene", room, "--auto-s0").astype(int)
    assert shown.shape == (48, 64, 3)
    assert np.abs(shown - photo(room)).mean() < 1


def test_the_points_of_all_photos_are_shown_together(room):
    subject = subject_of("--scene", room)
    assert [standpoint.name for standpoint in subject.standpoints] == ["1.png", "2.png", "3.png"]
    assert len(subject.cloud.xyz_world) == 3 * 64 * 48
    assert subject.reach == pytest.approx(PLANE_DEPTH_M)
    assert subject.s0 == pytest.approx(PLANE_DEPTH_M / 60 * np.sqrt(2))


def test_one_photo_finds_what_its_scene_recorded(room, shoot):
    shown = shoot(room / "images" / "2.png", "--auto-s0").astype(int)
    assert np.abs(shown - photo(room, 2)).mean() < 1


def test_photos_come_in_natural_order_and_once(room):
    photos = [room / "images" / f"{number}.png" for number in (3, 1, 3)]
    subject = subject_of(*photos)
    assert [standpoint.name for standpoint in subject.standpoints] == ["1.png", "3.png"]


def test_plain_photos_go_through_the_network(tmp_path, shoot, monkeypatch):
    monkeypatch.setattr(cache_folder, "CACHE", tmp_path / ".cache")
    weights = tmp_path / "tiny.pt"
    torch.save({"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}, weights)
    for name in ("1.png", "2.png"):
        Image.fromarray(a_photo((80, 60))).save(tmp_path / name)
    flags = ("--model", weights, "--auto-s0", "--device", "cpu", "--quiet")
    for photos in (["1.png"], ["1.png", "2.png"]):
        shown = shoot(*(tmp_path / name for name in photos), *flags)
        assert shown.shape == (60, 80, 3) and len(np.unique(shown)) > 50


def test_a_scene_without_any_geometry_left_is_said_in_one_line():
    nothing = SceneGeometry((), "stereo", "1", left_out=("1.png: shares too little; left out",))
    with pytest.raises(InputError, match="room: found no points.*1.png: shares too little"):
        subject_of_scene("room", nothing, SubjectOptions(quiet=True))


def test_a_scene_of_one_photo_can_be_looked_at(tmp_path, shoot):
    scene = a_scene(tmp_path / "in" / "one", photos=1)
    assert shoot("--scene", scene).shape == (48, 64, 3)


def test_headless_means_no_display_and_no_pyglet(room, tmp_path):
    script = (
        "import sys; sys.modules['pyglet'] = None\n"
        "from vggt_point_cloud_viewer import main\n"
        f"sys.exit(main(['--scene', {str(room)!r}, '--output', {str(tmp_path / 'a.png')!r}]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "no window (DISPLAY is not set); rendering one picture" in run.stderr
    assert "saved" in run.stderr and (tmp_path / "a.png").is_file()


def test_where_pyglet_is_missing_a_picture_is_made(room, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delitem(sys.modules, "viewer.desktop.window", raising=False)
    monkeypatch.setitem(sys.modules, "pyglet", None)
    output = tmp_path / "a.jpg"
    assert main(["--scene", str(room), f"--output={output}"]) == 0
    assert "no window (pyglet is not installed" in capsys.readouterr().err
    assert Image.open(output).format == "JPEG"


def test_headless_tries_no_window(room, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "viewer.desktop.window", None)
    assert main(["--scene", str(room), f"--output={tmp_path / 'a.png'}", "--headless"]) == 0
    assert "no window" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "environ", "tries"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_window_is_tried_where_there_may_be_a_display(platform, environ, tries):
    assert (missing_display(environ, platform) is None) == tries


def test_the_viewport_gives_the_pictures_size_not_its_points(room, shoot):
    flags = ("--scene", room, "--viewport-width", 128, "--viewport-height", 48)
    assert shoot(*flags).shape == (48, 128, 3)
    assert len(subject_of(*flags).cloud.xyz_world) == 3 * 64 * 48


def test_resized_photos_make_fewer_points(room, shoot):
    flags = ("--scene", room, "--resize-width", 32, "--resize-height", 24)
    assert shoot(*flags).shape == (24, 32, 3)
    assert len(subject_of(*flags).cloud.xyz_world) == 3 * 32 * 24


def test_too_many_points_are_thinned_and_said(room, caplog):
    with caplog.at_level(logging.INFO):
        subject = subject_of("--scene", room, "--max-points", 3000)
    assert len(subject.cloud.xyz_world) == 3000
    assert "room: shows 3,000 of 9,216 points; see --max-points" in caplog.text
    assert len(subject_of("--scene", room, "--max-points", 0).cloud.xyz_world) == 3 * 64 * 48


@pytest.mark.parametrize(("flag", "value"), [("--sigma", 1), ("--s0", 0.3)])
def test_rendering_options_change_the_picture(room, shoot, flag, value):
    subject = ("--scene", room, "--viewport-width", 320, "--viewport-height", 120)
    assert not np.array_equal(shoot(*subject), shoot(*subject, flag, value))


def splat_size(room, monkeypatch, *flags) -> float:
    """The splat size that a scene is rendered with."""
    renderer = HoleFillingRenderer(64, 48, device="cpu")
    monkeypatch.setattr("vggt_point_cloud_viewer.make_renderer", lambda *_: renderer)
    parser = make_parser(add_geometry_flags)
    args = parser.parse_args(["--scene", str(room), *flags])
    check(parser, args)
    subject = find_subject(args)
    source_of(args, subject, "cpu").view(subject.standpoints[0].camera)
    return renderer.s0


def test_a_splat_size_of_0_is_as_if_none_was_given(room, monkeypatch):
    for others in ([], ["--auto-s0"]):
        without = splat_size(room, monkeypatch, *others)
        assert splat_size(room, monkeypatch, *others, "--s0", "0") == without > 0
    assert splat_size(room, monkeypatch, "--s0", "0.3") == 0.3


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ([], {}),
        (["--coarse-level", "2"], {"coarse_level": 2}),
        (["--occlusion-threshold", "0"], {"occlusion_threshold": 0}),
    ],
)
def test_the_renderer_keeps_its_own_settings_but_for_those_given(
    room, monkeypatch, flags, settings
):
    asked = []

    def make_renderer(*size_sigma_device, **given):
        asked.append(given)
        return HoleFillingRenderer(*size_sigma_device[0], device="cpu")

    monkeypatch.setattr("vggt_point_cloud_viewer.make_renderer", make_renderer)
    args = make_parser(add_geometry_flags).parse_args(["--scene", str(room), *flags])
    subject = find_subject(args)
    source_of(args, subject, "cpu").view(subject.standpoints[0].camera)
    assert asked == [settings]


def a_point_ply(path, confidence=None, count=400) -> Path:
    rng = np.random.default_rng(0)
    xyz = rng.uniform(-1, 1, (count, 3)).astype(np.float32) + np.float32(5)
    cloud = PointCloud(xyz, rng.integers(0, 256, (count, 3), np.uint8), confidence)
    path.write_bytes(ply_bytes(cloud))
    return path


def test_a_point_cloud_without_a_record_is_framed(tmp_path, shoot):
    path = a_point_ply(tmp_path / "a.ply")
    subject = subject_of("--ply", path)
    camera = subject.standpoints[0].camera
    uv, depth = project(camera, subject.cloud.xyz_world)
    inside = (depth > 0) & (uv > 0).all(axis=1) & (uv < camera.size_wh).all(axis=1)
    assert inside.mean() > 0.9
    assert shoot("--ply", path, "--auto-s0").any()


def test_a_single_point_can_be_framed():
    cloud = PointCloud(np.ones((1, 3), np.float32), np.zeros((1, 3), np.uint8), None)
    _, depth = project(framing_camera(cloud), cloud.xyz_world)
    assert depth[0] > 0


@pytest.mark.parametrize("name", ["2_reference.ply", "2_reference_gaussians.ply"])
def test_a_ply_of_a_pair_is_seen_from_its_reference_then_its_target(room, tmp_path, shoot, name):
    flags = ("--save-ply", "--save-splats", "--limit", "2", "--quiet")
    assert build([f"--input-dir={room.parent}", f"--output-dir={tmp_path / 'out'}", *flags]) == 0
    path = tmp_path / "out" / "room" / name
    subject = subject_of("--ply", path)
    assert [standpoint.name for standpoint in subject.standpoints] == ["1.png", "2.png"]
    shown = shoot("--ply", path, "--auto-s0").astype(int)
    assert np.abs(shown - photo(room)).mean() < 1.5


def test_the_splats_of_a_whole_scene_are_seen_from_all_its_photos(room, tmp_path, shoot):
    output = tmp_path / "out"
    flags = [f"--input-dir={room.parent}", f"--output-dir={output}", "--save-scene-splats"]
    assert build([*flags, "--quiet"]) == 0
    path = output / "room" / SCENE_GAUSSIANS_NAME
    subject = subject_of("--ply", path)
    assert [standpoint.name for standpoint in subject.standpoints] == ["1.png", "2.png", "3.png"]
    shown = shoot("--ply", path, "--auto-s0").astype(int)
    assert np.abs(shown - photo(room)).mean() < 3


def test_a_record_without_cameras_is_said_and_passed_over(room, tmp_path, capsys):
    output = tmp_path / "out"
    build([f"--input-dir={room.parent}", f"--output-dir={output}", "--save-ply", "--quiet"])
    records = output / "room" / "pairs.jsonl"
    records.write_text(records.read_text().replace('"K"', '"k"'))
    subject = subject_of("--ply", output / "room" / "2_reference.ply")
    assert subject.standpoints[0].name == "front"
    assert "2_reference.ply: the record beside it has no cameras" in capsys.readouterr().err


def test_the_threshold_drops_points_that_a_file_does_not_trust(tmp_path):
    confidence = np.linspace(1, 2, 400, dtype=np.float32)
    path = a_point_ply(tmp_path / "a.ply", confidence)
    assert len(subject_of("--ply", path, "--conf-threshold", 1.5).cloud.xyz_world) == 200
    assert len(subject_of("--ply", path, "--conf-threshold", "p25").cloud.xyz_world) == 300


def test_faint_gaussians_are_dropped_like_points_without_confidence(tmp_path):
    count = 10
    zeros = np.zeros((count, 3), np.float32)
    opacity = np.linspace(0.05, 0.95, count)
    splats = Gaussians(
        means=zeros,
        quats=np.ones((count, 4), np.float32),
        log_scales=zeros,
        logit_opacities=np.log(opacity / (1 - opacity)).astype(np.float32),
        sh0=zeros[:, None],
        shN=np.zeros((count, 0, 3), np.float32),
    )
    write_ply(splats, tmp_path / "a.ply")
    kept = subject_of("--ply", tmp_path / "a.ply", "--conf-threshold", 2).cloud
    assert len(kept.xyz_world) == 5 and (kept.rgb == 128).all()


def test_a_broken_record_beside_a_file_is_said_and_passed_over(tmp_path, caplog):
    (tmp_path / "pairs.jsonl").write_text("[]\n")
    subject = subject_of("--ply", a_point_ply(tmp_path / "a.ply"))
    assert subject.standpoints[0].name == "front"
    assert "pairs.jsonl: line 1 cannot be read" in caplog.text


def a_mesh_ply(*fields) -> bytes:
    properties = "".join(f"property float {name}\n" for name in fields)
    return f"ply\nformat ascii 1.0\nelement vertex 1\n{properties}end_header\n".encode() + (
        b" ".join([b"0"] * len(fields)) + b"\n"
    )


def bad_inputs(folder: Path) -> dict[str, tuple[list[str], str]]:
    """Command lines that cannot be done, and what is said."""
    (folder / "empty").mkdir()
    (folder / "plain").mkdir()
    for name in ("1.png", "2.png"):
        Image.fromarray(a_photo()).save(folder / "plain" / name)
    scene = str(a_scene(folder / "room"))
    bare = a_scene(folder / "bare")
    fields = read_transforms_file(bare)
    for frame in fields["frames"]:
        del frame["depth_file_path"]
    write_transforms(bare, fields)
    (folder / "text.png").write_text("no picture")
    (folder / "text.ply").write_text("no points")
    (folder / "grey.ply").write_bytes(a_mesh_ply("x", "y", "z"))
    (folder / "splat.ply").write_bytes(a_mesh_ply("x", "y", "z", "f_dc_0"))
    point = a_mesh_ply(*"xyz", "red", "green", "blue")
    (folder / "none.ply").write_bytes(point.replace(b"vertex 1", b"vertex 0"))
    (folder / "huge.ply").write_bytes(point.replace(b"vertex 1", b"vertex 9" + b"9" * 15))
    plain, photo = str(folder / "plain"), str(folder / "plain" / "1.png")
    vggt = ["--geometry=vggt", f"--model={folder / 'none.pt'}", "--nocache"]
    return {
        "no such photo": ([str(folder / "9.png")], "9.png: cannot be read as a photo"),
        "no photo": ([str(folder / "text.png")], "not an image"),
        "a folder as photo": ([plain], "plain: found a folder, need photos; give it as a scene"),
        "no such scene": (["--scene", str(folder / "nowhere")], "nowhere: found no such folder"),
        "no photos": (["--scene", str(folder / "empty")], "found 0 readable photos"),
        "no depth": (["--scene", str(bare), "--geometry=recorded"], "found cameras but no depth"),
        "no geometry": (["--scene", plain, "--geometry=recorded"], "neither cameras nor depth"),
        "no weights": ([photo, *vggt], "found neither cameras nor depth, need depth; "),
        "no file": (["--ply", str(folder / "9.ply")], "9.ply: no such file"),
        "no ply": (["--ply", str(folder / "text.ply")], "text.ply: no PLY with x y z"),
        "no colours": (["--ply", str(folder / "grey.ply")], "no PLY with x y z red green blue"),
        "half a splat": (["--ply", str(folder / "splat.ply")], "found no f_dc_1"),
        "no points": (["--ply", str(folder / "none.ply")], "none.ply: found no points"),
        "a lie": (["--ply", str(folder / "huge.ply")], "huge.ply: no PLY with x y z"),
        "a strange name": (["--scene", scene, "--output=a.gif"], "a.gif: found no ending of a"),
        "no folder": (["--scene", scene, f"--output={photo}/a.png"], "a.png: cannot be written"),
        "a folder": (["--scene", scene, f"--output={folder / 'dir.png'}"], "it is a folder"),
        "no trust": (
            ["--ply", str(a_point_ply(folder / "a.ply", np.ones(400, np.float32)))],
            "found no points to show",
        ),
    }


BAD = (
    "no such photo,no photo,a folder as photo,no such scene,no photos,no depth,no geometry,"
    "no weights,no file,no ply,no colours,half a splat,no points,a lie,a strange name,"
    "no folder,a folder,no trust"
).split(",")


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_shown_is_said_in_one_line(tmp_path, capsys, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir.png").mkdir()
    arguments, said = bad_inputs(tmp_path)[case]
    assert main([f"--output={tmp_path / 'out.png'}", *arguments, "--headless"]) == 1
    *before, error = capsys.readouterr().err.splitlines()
    assert said in error
    assert all(line.startswith("computing on") for line in before)
    assert not (tmp_path / "out.png").exists()


def test_a_photo_left_out_is_said_and_the_others_are_shown(room, tmp_path, capsys):
    (room / "images" / "2.png").write_text("no picture")
    output = tmp_path / "out.png"
    assert main(["--scene", str(room), f"--output={output}", "--headless", "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "2.png: cannot be read as a photo" in error and error.count("\n") == 1
    assert output.is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.png", "--scene", "b"],
        ["--scene", "a", "--ply", "b.ply"],
        ["a.png", "--viewport-width", "640"],
        ["a.png", "--resize-height", "480"],
        ["a.png", "--s0", "1", "--auto-s0"],
        ["a.png", "--conf-threshold", "x"],
        ["a.png", "--theme", "blue"],
        ["a.png", "--geometry", "stereo", "--window", "4"],
        ["a.png", "--stereo-engine", "colmap"],
        ["a.png", "--serve", "--headless"],
        ["a.png", "--serve", "--more-scenes", "b"],
        ["a.png", "--host", "0.0.0.0"],
        ["--scene", "a", "--more-scenes", "b"],
        ["--scene", "a", "--serve", "--viewport-width", "64", "--viewport-height", "48"],
        ["--scene", "a", "--serve", "--port", "70000"],
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_viser_serving_says_what_to_install(room, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("viewer.browser")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "viser", None)
    assert main(["--scene", str(room), "--serve", f"--output={tmp_path / 'a.png'}"]) == 1
    assert "viser: not installed, need it for browsers; run with" in capsys.readouterr().err


def test_the_device_is_named_first(room, tmp_path, capsys):
    assert main(["--scene", str(room), "--headless", f"--output={tmp_path / 'a.png'}"]) == 0
    assert capsys.readouterr().err.startswith("computing on cpu")


def test_the_page_names_every_control():
    page = (ROOT / "docs" / "viewer.md").read_text(encoding="utf-8")
    for keys, does in CONTROLS:
        assert re.search(rf"^\| {re.escape(keys)} \| {re.escape(does)}", page, re.M), keys
