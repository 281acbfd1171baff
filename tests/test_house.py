"""The house: which room may import which, and that both lists of requirements agree."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("vggt", "warpset", "splats", "aerial_megadepth", "viewer")
MAY_IMPORT = {
    "aerial_megadepth": {"warpset"},
    "viewer": {"warpset", "hole_filling_renderer"},
}

CORRIDOR = (
    "errors files summary stages cache cameras lens photos size_presets frames geometry "
    "geometry_cache depth_files recording transforms_json colmap_model recorded sparse "
    "features parallax pinhole_photos exif sfm reprojection semi_global plane_sweep filling "
    "consistency stereo colmap_stereo masks points ply scoring options pictures pairs prompts "
    "pair_selection export_folder export_pictures layout_documents aitoolkit_config shards "
    "layouts trainer_rows trainer_rules scenes stereo_estimator sky warping scene_splats "
    "scene_job pipeline fleet command_line export_command_line"
).split()


def imports_of(path: Path) -> set[str]:
    """Modules a file imports; relative ones start with a dot."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_do_not_import_each_other_nor_the_scripts(package):
    scripts = {path.stem for path in ROOT.glob("*.py")}
    forbidden = set(PACKAGES) | scripts | {"tests", "benchmarks", "examples"}
    forbidden -= MAY_IMPORT.get(package, set())
    for path in modules(package):
        absolute = {name.split(".")[0] for name in imports_of(path) if name[0] != "."}
        assert not absolute & forbidden, f"{path.name} imports {absolute & forbidden}"


def test_only_the_window_knows_pyglet():
    everywhere = [*ROOT.glob("*.py"), *(path for name in PACKAGES for path in modules(name))]
    knowing = {
        path.name
        for path in everywhere
        if "pyglet" in {name.split(".")[0] for name in imports_of(path)}
    }
    assert knowing == {"window.py"}


VIEWER_WITHOUT_WINDOW = "fly_camera input_state menu toasts session overlay theme clipboard"


@pytest.mark.parametrize("room", VIEWER_WITHOUT_WINDOW.split())
def test_the_viewers_state_knows_no_window_and_no_torch(room):
    imported = {name.split(".")[0] for name in imports_of(ROOT / "viewer" / f"{room}.py")}
    inside = imports_of(ROOT / "viewer" / f"{room}.py")
    assert not imported & {"torch", "pyglet", "hole_filling_renderer"}
    assert not inside & {".window", ".showing", ".live_renderer"}


def test_every_room_has_its_place_in_the_corridor():
    rooms = {path.stem for path in (ROOT / "warpset").glob("*.py")} - {"__init__"}
    assert rooms == set(CORRIDOR)


REVIEW_CORRIDOR = "thumbnails collect choices page dataset server".split()


def test_the_review_page_knows_pairs_and_no_networks():
    rooms = {path.stem for path in modules("review")} - {"__init__"}
    assert rooms == set(REVIEW_CORRIDOR)
    scripts = {path.stem for path in ROOT.glob("*.py")}
    forbidden = {"torch", "vggt", "splats", "tests", "benchmarks", "examples"} | scripts
    for place, name in enumerate(REVIEW_CORRIDOR):
        imported = {
            (module[0] == ".", module.lstrip(".").split(".")[0])
            for module in imports_of(ROOT / "review" / f"{name}.py")
        }
        assert {room for relative, room in imported if relative} <= set(REVIEW_CORRIDOR[:place])
        assert not {package for relative, package in imported if not relative} & forbidden


def test_nothing_but_its_script_knows_the_review_page():
    script = imports_of(ROOT / "review_dataset.py")
    assert not {name.split(".")[0] for name in script} & {"torch", "vggt", "splats"}
    others = [path for folder in PACKAGES for path in modules(folder)]
    others += [path for path in ROOT.glob("*.py") if path.name != "review_dataset.py"]
    for path in others:
        assert "review" not in {name.split(".")[0] for name in imports_of(path)}, path


def test_the_corridor_is_walked_one_way():
    place = {name: index for index, name in enumerate(CORRIDOR)}
    for name in place:
        for imported in imports_of(ROOT / "warpset" / f"{name}.py"):
            room = imported.lstrip(".").split(".")[0]
            if imported.startswith(".") and room in place:
                assert place[room] < place[name], f"{name} imports {room}"


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("cameras", {"torch", "pathlib"}),
        ("photos", {"torch"}),
        ("geometry", {"torch"}),
        ("pairs", {"torch", "numpy"}),
        ("scoring", {"pathlib", "torch"}),
        ("pipeline", {"argparse", "torch", "vggt", "ray"}),
        ("layouts", {"torch"}),
    ],
)
def test_rooms_do_not_know_what_the_design_keeps_from_them(module, forbidden):
    path = ROOT / "warpset" / f"{module}.py"
    assert not {name.split(".")[0] for name in imports_of(path)} & forbidden


def test_the_renderer_knows_no_scene():
    for path in (ROOT / "hole_filling_renderer.py", *ROOT.glob("*_kernels.py")):
        assert not {name.split(".")[0] for name in imports_of(path)} & set(PACKAGES)


def test_requirements_are_those_of_the_project():
    project = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.S | re.M)
    assert block is not None
    declared = re.findall(r'"([^"]+)"', block.group(1))
    assert (ROOT / "requirements.txt").read_text().split("\n")[:-1] == declared


def test_every_module_says_first_what_lives_there():
    for path in (file for folder in (*PACKAGES, "review") for file in modules(folder)):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
