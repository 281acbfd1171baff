"""The house: what each folder and script may import; what the table does not list is a fault."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]

Sources = Mapping[PurePosixPath, str]
"""Source text by path from the root."""

CORE, FILES, FLEET, RECORDINGS = (
    f"warpset/{name}" for name in "core files fleet recordings".split()
)
STEREO, BUILDING, TRAINERS = (f"warpset/{name}" for name in "stereo building trainers".split())
WARPSET = {"warpset", CORE, FILES, FLEET, RECORDINGS, STEREO, BUILDING, TRAINERS}
CORRIDOR = WARPSET - {STEREO}
EXPORTING = {CORE, FILES, FLEET, BUILDING, TRAINERS}

MAY_IMPORT: dict[str, set[str]] = {
    # What lives beside what, each folder with the folders in it that have no row of their own.
    "renderer": set(),
    "vggt": set(),
    "splats": set(),
    "estimators": WARPSET | {"vggt"},
    CORE: set(),
    FILES: {CORE},
    FLEET: {CORE, FILES},
    RECORDINGS: {CORE, FILES},
    STEREO: {CORE, FILES, RECORDINGS},
    BUILDING: {CORE, FILES, FLEET, RECORDINGS},
    TRAINERS: {CORE, FILES, FLEET, BUILDING},
    "warpset": WARPSET,
    "viewer": WARPSET,
    "review": CORRIDOR,
    "comfy_nodes": WARPSET | {"vggt", "splats", "renderer"},
    "aerial_megadepth": WARPSET | {"renderer"},
    # Doors: what each needs, and never one another.
    "build_warp_dataset.py": CORRIDOR | {"estimators", "renderer", "splats"},
    "modelscope.py": EXPORTING,
    "aitoolkit.py": EXPORTING,
    "export_dataset.py": EXPORTING,
    "index_dataset.py": EXPORTING,
    "review_dataset.py": EXPORTING | {"review"},
    "splats_to_usd.py": {"splats"},
    "vggt_point_cloud_viewer.py": WARPSET | {"estimators", "renderer", "splats", "viewer"},
    "render_views.py": WARPSET | {"estimators", "renderer", "splats", "viewer"},
    "hole_filling_renderer.py": {"renderer"},
    "__init__.py": {"comfy_nodes"},
}
ANYTHING = {"tests", "benchmarks", "examples"}
"""Folders that may import what they like, and that nothing else imports."""

LIBRARIES_KEPT_OUT = {
    "warpset/core/cameras.py": {"torch", "pathlib"},
    "warpset/core/geometry.py": {"torch"},
    "warpset/files": {"torch"},
    "warpset/building": {"torch", "ray"},
    "warpset/building/pairs": {"torch", "cv2"},
    "warpset/building/pipeline.py": {"argparse"},
    "warpset/trainers": {"torch"},
    "review": {"torch"},
}
"""What a file or folder does without, so that it starts at once or can be read alone."""

MAX_FILES_IN_A_FOLDER = 16
MAX_LINES_OF_A_MODULE = 400
MAX_LINES_OF_A_FUNCTION = 45
SHORT_FUNCTION_LINES, SHARE_OF_SHORT_FUNCTIONS = 25, 0.95
NETWORKLESS = ["modelscope", "aitoolkit", "export_dataset", "index_dataset"]
HEAVY = {"torch", "warp", "cv2", "OpenEXR", "pillow_heif", "pycolmap"}


def project_sources() -> Sources:
    """Every Python file of the project by its path from the root."""
    rows = {row.split("/")[0] for row in MAY_IMPORT if not row.endswith(".py")}
    listed = {ROOT / name for name in rows | ANYTHING}
    unlisted = {path.parent for path in ROOT.glob("*/*.py") if path.parent.name[0] != "."}
    inside = [path for folder in listed | unlisted for path in folder.rglob("*.py")]
    return {
        PurePosixPath(path.relative_to(ROOT).as_posix()): path.read_text(encoding="utf-8")
        for path in [*ROOT.glob("*.py"), *inside]
    }


def row_of(file: PurePosixPath) -> str:
    """The row of the table that a file belongs to; its own name where there is none."""
    if len(file.parts) == 1:
        return file.name
    inner = "/".join(file.parts[:2])
    return inner if inner in MAY_IMPORT else file.parts[0]


@cache
def imported_names(file: PurePosixPath, source: str) -> frozenset[str]:
    """Absolute dotted names of all that a file imports, in functions and `import_module`, too."""
    return frozenset(
        name for node in ast.walk(ast.parse(source)) for name in names_in(node, file.parts[:-1])
    )


def names_in(node: ast.AST, package: Sequence[str]) -> list[str]:
    """What one statement or call imports, seen from a package."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = ".".join([*above, *([node.module] if node.module else [])])
        return [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
        names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        return [str(name) for name in names if not str(name).startswith(".")]
    return []


def file_of(name: str, files: Collection[PurePosixPath]) -> PurePosixPath | None:
    """The project's file behind a dotted name; None for what is not the project's."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = PurePosixPath(*parts[:length])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate in files:
                return candidate
    return None


def import_graph(sources: Sources) -> dict[PurePosixPath, set[PurePosixPath]]:
    """Which of the project's files each file imports."""
    graph = {}
    for file, source in sources.items():
        found = {file_of(name, sources.keys()) for name in imported_names(file, source)}
        graph[file] = {imported for imported in found if imported} - {file}
    return graph


def faults(sources: Sources) -> list[str]:
    """Every import that the table does not list, a line each."""
    found = []
    for file, imported in sorted(import_graph(sources).items()):
        row = row_of(file)
        if row in ANYTHING:
            continue
        if row not in MAY_IMPORT:
            found.append(f"{file}: not in the table")
            continue
        allowed = MAY_IMPORT[row] | {row}
        found += [f"{file} imports {o}" for o in sorted(imported) if row_of(o) not in allowed]
    return found


@pytest.fixture(scope="module")
def sources() -> Sources:
    return project_sources()


def test_nothing_is_imported_that_the_table_does_not_list(sources):
    assert faults(sources) == []


def test_every_row_of_the_table_is_there():
    assert [row for row in MAY_IMPORT if not (ROOT / row).exists()] == []


def test_the_table_has_no_way_round():
    arrows = {row: allowed - {row} for row, allowed in MAY_IMPORT.items() if row != "warpset"}
    TopologicalSorter(arrows).prepare()


def test_no_file_imports_itself_through_others(sources):
    everything = import_graph(sources)
    graph = {file: found for file, found in everything.items() if row_of(file) not in ANYTHING}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(map(str, error.args[1])))


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("warpset/trainers/__init__.py", "from ..stereo import sfm"),
        ("warpset/trainers/__init__.py", "from warpset.stereo.plane_sweep import sweep"),
        ("comfy_nodes/views.py", "from ..viewer import session"),
        ("comfy_nodes/views.py", "def late():\n    import viewer.session"),
        ("splats_to_usd.py", "from warpset.building.pipeline import build_scene"),
        ("warpset/core/cameras.py", "from ..files import photos"),
        ("build_warp_dataset.py", "import importlib\nimportlib.import_module('modelscope')"),
        ("warpset/building/warping.py", "from tests import builders"),
        ("attic/__init__.py", "ROOMS = ()"),
        ("another_door.py", "import splats"),
    ],
)
def test_a_planted_fault_is_found(sources, file, line):
    path = PurePosixPath(file)
    planted = {**sources, path: sources.get(path, "") + f"\n{line}\n"}
    assert [fault for fault in faults(planted) if fault.startswith(file)]


def test_folders_stay_small_enough_to_be_seen_at_once(sources):
    count = Counter(file.parent for file in sources if file.parts[0] not in {"examples", "docs"})
    assert {str(folder): n for folder, n in count.items() if n > MAX_FILES_IN_A_FOLDER} == {}


@pytest.mark.parametrize("script", NETWORKLESS)
def test_export_scripts_load_no_heavy_library(script):
    code = f"import {script}, sys; print(*sorted({HEAVY} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (loaded.stdout.split(), loaded.stderr) == ([], "")


@pytest.mark.parametrize("place", LIBRARIES_KEPT_OUT)
def test_libraries_stay_out_of_rooms_that_do_without(sources, place):
    here = [file for file in sources if str(file) == place or str(file).startswith(f"{place}/")]
    assert here
    for file in here:
        libraries = {name.split(".")[0] for name in imported_names(file, sources[file])}
        assert not libraries & LIBRARIES_KEPT_OUT[place], file


def test_only_the_window_knows_pyglet(sources):
    knowing = {
        str(file)
        for file, source in sources.items()
        if file.parts[0] not in ANYTHING
        and "pyglet" in {name.split(".")[0] for name in imported_names(file, source)}
    }
    assert knowing == {"viewer/desktop/window.py"}


def test_every_module_says_first_what_lives_there(sources):
    for file, source in sources.items():
        assert file.parts[0] in ANYTHING or ast.get_docstring(ast.parse(source)), file


def test_modules_and_functions_are_short(sources):
    ours = {file: source for file, source in sources.items() if file.parts[0] != "tests"}
    long = {
        str(file): n
        for file, text in ours.items()
        if (n := len(text.splitlines())) > MAX_LINES_OF_A_MODULE
    }
    assert long == {}
    lengths = {
        f"{file}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file, source in ours.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }
    assert {at: n for at, n in lengths.items() if n > MAX_LINES_OF_A_FUNCTION} == {}
    short = sum(n <= SHORT_FUNCTION_LINES for n in lengths.values())
    assert short / len(lengths) >= SHARE_OF_SHORT_FUNCTIONS


def test_requirements_of_the_nodes_are_some_of_the_projects():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.S | re.M)
    assert block is not None
    declared = re.findall(r'"([^"]+)"', block.group(1))
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = [line for line in listed if not line.startswith("#")]
    assert needed and needed == [line for line in declared if line in needed]
