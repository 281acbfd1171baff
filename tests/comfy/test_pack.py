"""The ComfyUI pack: how it loads, what its nodes declare, what the front end gets."""

import ast
import inspect
import json
import runpy
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.builders import tree
from tests.comfy.comfy_builders import NODES, OUTPUTS, a_node, an_image, infer, run, tiny_weights
from tests.comfy.comfy_stubs import ROOT, load_pack, put_pack

pytest_plugins = ["tests.comfy.comfy_fixtures"]


# How ComfyUI finds the pack


@pytest.mark.parametrize("name", ["vggt-dataset-builder", "vggt_dataset_builder", "v1.2 (copy)"])
def test_the_pack_loads_from_a_folder_of_any_name(server, tmp_path, name):
    pack = load_pack(put_pack(tmp_path / "custom_nodes", name))
    assert set(pack.NODE_CLASS_MAPPINGS) == set(NODES)
    assert pack.NODE_DISPLAY_NAME_MAPPINGS == NODES
    web = tmp_path / "custom_nodes" / name / pack.WEB_DIRECTORY
    assert [path.name for path in sorted(web.rglob("*.js"))] == ["image_inputs.js", "vggt.js"]


def test_outside_comfyui_the_root_is_no_package():
    assert "NODE_CLASS_MAPPINGS" not in runpy.run_path(str(ROOT / "__init__.py"))


CHILD = """
    import sys, types
    from pathlib import Path
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != Path({root!r})]
    {body}
"""


def in_a_process_of_its_own(body: str, cwd: Path) -> str:
    """Run Python that cannot find the project but through the pack; answer what it printed."""
    code = textwrap.dedent(CHILD).format(root=str(ROOT), body=textwrap.dedent(body))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_loading_imports_no_library_besides_comfyui(pack_folder, tmp_path):
    loaded = in_a_process_of_its_own(
        f"""
        paths = types.ModuleType("folder_paths")
        paths.models_dir = "models"
        paths.add_model_folder_path = lambda *_: None
        paths.get_input_directory = lambda: "input"
        sys.modules["folder_paths"] = paths
        import importlib.util
        name = {str(pack_folder)!r}
        spec = importlib.util.spec_from_file_location(name, name + "/__init__.py")
        pack = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(pack)
        print(*(name for name in sys.modules if "." not in name))
        """,
        tmp_path,
    )
    heavy = {"numpy", "torch", "warp", "cv2", "PIL", "plyfile", "huggingface_hub", "pxr"}
    assert not heavy & set(loaded.split())


RENDERER = (
    "renderer",
    "renderer.raster_kernels",
    "renderer.splat_kernels",
    "renderer.surface_kernels",
    "renderer.fill_kernels",
    "warpset",
    "vggt",
)
"""Names of the pack's own modules, which in the server may be another pack's."""


def test_a_process_renders_where_another_pack_has_taken_all_names(pack_folder, tmp_path):
    stubs = str(ROOT / "tests/comfy/comfy_stubs.py")
    printed = in_a_process_of_its_own(
        f"""
        others = dict.fromkeys({RENDERER}, types.ModuleType("another_pack"))
        sys.modules.update(others)
        import importlib.util
        spec = importlib.util.spec_from_file_location("stubs", {stubs!r})
        stubs = sys.modules["stubs"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(stubs)
        import pytest
        stubs.Server(Path({str(tmp_path)!r})).install(pytest.MonkeyPatch())
        pack = stubs.load_pack(Path({str(pack_folder)!r}), stubs.INSTALLED)
        import importlib, numpy as np
        inside = lambda room: importlib.import_module(".warpset." + room, pack.__name__)
        K = inside("core.cameras").intrinsics(20.0, 20.0, 8.0, 8.0)
        camera = inside("core.cameras").Camera(K, np.eye(4), (16, 16))
        xyz = inside("core.cameras").unproject(camera, np.full((16, 16), 2.0)).reshape(-1, 3)
        points = inside("core.points").PointCloud(xyz, np.full((256, 3), 51, np.uint8), None)
        node = pack.NODE_CLASS_MAPPINGS["VGGT_Render_Warp"]()
        image, hole = node.render(points, [camera])
        assert {{name: sys.modules[name] for name in {RENDERER} if name in sys.modules}} == others
        print(tuple(image.shape), float(image.min()), float(image.max()), float(hole.sum()))
        """,
        tmp_path,
    )
    assert printed.split("\n")[-2] == "(1, 16, 16, 3) 0.20000000298023224 0.20000000298023224 0.0"


def test_the_pack_finds_its_own_modules_wherever_it_lies():
    own = {path.stem for path in ROOT.glob("*.py")}
    own |= {path.parent.name for path in ROOT.glob("*/__init__.py")}
    for path in [ROOT / "__init__.py", *ROOT.glob("comfy_nodes/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & own, path
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).split(".")[0] not in own, path


def test_nothing_is_written_into_the_packs_folder(pack, pack_folder):
    before = tree(pack_folder)
    out = infer(pack, image_1=an_image())
    run(pack, "VGGT_Load_PLY", ply_path=out["ply_path"])
    assert not written_since(before, pack_folder)


def test_usd_is_not_written_into_the_packs_folder(pack, pack_folder):
    pytest.importorskip("pxr.Usd", reason="the group usd is not installed")
    out = infer(pack, image_1=an_image())
    before = tree(pack_folder)
    run(pack, "VGGT_Splats_To_USD", ply_path=out["ply_path"])
    assert not written_since(before, pack_folder)


def written_since(before, folder: Path) -> set[str]:
    return {name for name in set(tree(folder)) - set(before) if "__pycache__" not in name}


def test_a_library_that_is_missing_takes_down_its_node_alone(pack, monkeypatch):
    monkeypatch.setitem(sys.modules, "plyfile", None)
    monkeypatch.delitem(sys.modules, f"{pack.__name__}.warpset.files.ply", raising=False)
    with pytest.raises(RuntimeError, match="no Python library plyfile.*pip install -r"):
        run(pack, "VGGT_Load_PLY", ply_path="points.ply")
    assert a_node(pack, "VGGT_Render_Warp").INPUT_TYPES()["required"]


# What every node declares

LINKS = {"IMAGE", "MASK", "VGGT_POINTS", "VGGT_CAMERAS", "VGGT_MODEL", "LOAD3D_CAMERA"}
LINKS |= {"FILE_3D_PLY", "FILE_3D_SPLAT_ANY", "FILE_3D_POINT_CLOUD_ANY", "FILE_3D"}


@pytest.mark.parametrize("key", NODES)
def test_a_node_declares_what_comfyui_needs(pack, key):
    node = pack.NODE_CLASS_MAPPINGS[key]
    sockets = node.INPUT_TYPES()
    assert set(sockets) <= {"required", "optional"} and sockets["required"]
    for name, (kind, options) in {**sockets["required"], **sockets.get("optional", {})}.items():
        default = options.get("default")
        if isinstance(kind, list):
            assert default in kind, name
        elif kind in ("INT", "FLOAT"):
            assert options["min"] <= default <= options["max"] and options["step"] > 0, name
            assert isinstance(default, int) == (kind == "INT"), name
        elif kind == "BOOLEAN":
            assert isinstance(default, bool), name
        else:
            assert kind == "STRING" or set(kind.split(",")) <= LINKS, name
    assert node.CATEGORY == "VGGT"
    assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
    assert len(getattr(node, "OUTPUT_TOOLTIPS", node.RETURN_NAMES)) == len(node.RETURN_NAMES)
    assert callable(getattr(node, node.FUNCTION))
    json.dumps(sockets)


def test_the_inference_node_is_the_one_that_workflows_know(pack):
    node = pack.NODE_CLASS_MAPPINGS["VGGT_Model_Inference"]
    sockets = node.INPUT_TYPES()
    images = [f"image_{number}" for number in range(1, 21)]
    widgets = {
        "depth_conf_threshold": 50.0,
        "gaussian_scale_multiplier": 0.1,
        "preprocess_mode": "crop",
        "mask_black_bg": False,
        "mask_white_bg": False,
        "mask_sky": False,
        "boundary_threshold": 0,
        "max_depth": -1.0,
        "upsample_depth": True,
    }
    later = ["weights", "model", "masks", "filename_prefix"]
    assert sockets["required"]["device"] == (
        ["auto", "cuda", "cpu"],
        sockets["required"]["device"][1],
    )
    assert list(sockets["optional"]) == [*images, *widgets, *later]
    defaults = {name: sockets["optional"][name][1]["default"] for name in widgets}
    assert defaults == widgets
    assert sockets["optional"]["preprocess_mode"][0] == ["crop", "pad_white", "pad_black", "tile"]
    assert node.RETURN_NAMES[:3] == ("ply_path", "extrinsics", "intrinsics")
    assert node.RETURN_TYPES[:3] == ("STRING", "EXTRINSICS", "INTRINSICS")
    assert node.RETURN_NAMES == tuple(OUTPUTS)


def test_no_node_replaces_comfyuis_own_check_of_its_widgets(pack):
    for node in pack.NODE_CLASS_MAPPINGS.values():
        assert not hasattr(node, "VALIDATE_INPUTS")


@pytest.mark.parametrize("key", NODES)
def test_is_changed_answers_whatever_it_is_given_and_never_the_same_for_a_link_to_a_file(pack, key):
    node = pack.NODE_CLASS_MAPPINGS[key]
    if not hasattr(node, "IS_CHANGED"):
        made_from_links = key in ("VGGT_Render_Warp", "VGGT_Camera_Path")
        assert made_from_links, "reads a file, so has to look whether it changed"
        return
    sockets = node.INPUT_TYPES()
    names = [*sockets["required"], *sockets.get("optional", {})]
    accepted = inspect.signature(node.IS_CHANGED).parameters
    takes_all = any(one.kind is one.VAR_KEYWORD for one in accepted.values())
    not_linked_yet = {name: None for name in names if takes_all or name in accepted}
    answer = node.IS_CHANGED(**not_linked_yet)
    reads_a_file = bool({"ply_path", "cameras_file"} & set(names))
    assert (answer != answer) if reads_a_file else isinstance(answer, str)


def test_other_weights_make_the_node_run_again(pack, server):
    is_changed = pack.NODE_CLASS_MAPPINGS["VGGT_Model_Inference"].IS_CHANGED
    before = is_changed(device="cpu")
    assert before == is_changed(device="cpu")
    path = server.root / "models/vggt/tiny.pt"
    path.unlink()
    tiny_weights(path, seed=1)
    assert is_changed(device="cpu") != before


def test_another_file_makes_the_loader_run_again(pack, server):
    is_changed = pack.NODE_CLASS_MAPPINGS["VGGT_Load_PLY"].IS_CHANGED
    missing = is_changed("points.ply")
    path = server.root / "output" / "points.ply"
    path.write_bytes(b"one")
    there = is_changed("points.ply")
    path.write_bytes(b"other")
    assert len({missing, there, is_changed("points.ply")}) == 3


def test_an_output_that_was_removed_is_made_again_once(pack, server):
    out = infer(pack, image_1=an_image())
    for key, inputs in (
        ("VGGT_Model_Inference", {"device": "cpu"}),
        ("VGGT_Splats_To_USD", {"ply_path": "gone.ply"}),
    ):
        is_changed = pack.NODE_CLASS_MAPPINGS[key].IS_CHANGED
        there = is_changed(**inputs)
        content = Path(out["ply_path"]).read_bytes()
        Path(out["ply_path"]).unlink()
        gone = is_changed(**inputs)
        assert gone != there
        Path(infer(pack, image_1=an_image())["ply_path"]).write_bytes(content)
        assert is_changed(**inputs) == gone


def test_the_photos_of_the_workflows_are_brought_once(server, tmp_path):
    folder = put_pack(tmp_path / "custom_nodes", "pack")
    room = folder / "examples/scenes/room/images"
    shutil.copytree(ROOT / "examples/scenes/room/images", room)
    load_pack(folder)
    photos = [tmp_path / "input" / f"vggt_room_{number}.jpg" for number in (1, 2)]
    assert photos[0].read_bytes() == (room / "01.jpg").read_bytes()
    photos[1].write_bytes(b"mine")
    load_pack(folder)
    assert photos[1].read_bytes() == b"mine"


# What ComfyUI's front end gets


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_web_extension_grows_and_prunes_image_inputs(tmp_path):
    shutil.copytree(ROOT / "web" / "js", tmp_path / "extensions" / "pack" / "js")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "scripts").mkdir()
    for name, place in (("comfy_app.js", "scripts/app.js"), ("web_extension.js", "test.js")):
        shutil.copy(ROOT / "tests" / "web" / name, tmp_path / place)
    done = subprocess.run(
        ["node", "--test", "test.js"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_web_extension_loads_nothing_from_outside():
    for path in (ROOT / "web").rglob("*"):
        assert path.is_dir() or "://" not in path.read_text(encoding="utf-8"), path


LIBRARIES_OF_NODES = {"VGGT_Splats_To_USD": ("usd-core", "msgpack")}
"""What a node needs besides requirements.txt, where it does."""

MUTED, BYPASSED = 2, 4

CORE_NODES = {
    "LoadImage": ((), ("IMAGE", "MASK")),
    "PreviewImage": (("IMAGE",), ()),
    "MaskToImage": (("MASK",), ("IMAGE",)),
    "SaveImage": (("IMAGE",), ()),
    "UNETLoader": ((), ("MODEL",)),
    "LoraLoaderModelOnly": (("MODEL",), ("MODEL",)),
    "CLIPLoader": ((), ("CLIP",)),
    "VAELoader": ((), ("VAE",)),
    "TextEncodeQwenImageEditPlus": (("CLIP", "VAE", "IMAGE"), ("CONDITIONING",)),
    "VAEEncode": (("IMAGE", "VAE"), ("LATENT",)),
    "KSampler": (("MODEL", "CONDITIONING", "LATENT"), ("LATENT",)),
    "VAEDecode": (("LATENT", "VAE"), ("IMAGE",)),
    "Preview3D": (("STRING", "LOAD3D_CAMERA", "IMAGE"), ()),
}
WORKFLOWS = sorted((ROOT / "example_workflows").glob("*.json"))


def test_there_are_three_example_workflows():
    assert len(WORKFLOWS) == 3


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_example_workflow_fits_the_nodes(pack, path):
    workflow = json.loads(path.read_text(encoding="utf-8"))
    nodes = {node["id"]: node for node in workflow["nodes"]}
    assert any(node["type"] in NODES for node in nodes.values())
    for _, origin, origin_slot, target, target_slot, kind in workflow["links"]:
        source, sink = nodes[origin], nodes[target]
        assert source["outputs"][origin_slot]["type"] == kind
        assert sink["inputs"][target_slot]["type"] == kind
    for node in nodes.values():
        if node["type"] in NODES:
            _check_against_definition(pack.NODE_CLASS_MAPPINGS[node["type"]], node)
        else:
            inputs, outputs = CORE_NODES[node["type"]]
            assert {slot["type"] for slot in node["inputs"]} <= set(inputs)
            assert tuple(slot["type"] for slot in node["outputs"]) == outputs


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_example_workflow_runs_after_the_documented_install(path):
    installed = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
        if node["mode"] == BYPASSED:
            assert node["type"] in CORE_NODES, "waits for a model that the user brings"
            continue
        libraries = LIBRARIES_OF_NODES.get(node["type"], ())
        missing = [library for library in libraries if library not in installed]
        assert node["mode"] == (MUTED if missing else 0), node["type"]
        assert all(library in node["title"] for library in missing), node["type"]


NOT_OF_THE_NODES = ("pycolmap", "pyglet", "h5py", "OpenEXR", "av", "viser")
"""Modules of other parts of the project, which its requirements.txt does not bring."""

RUN_NODES = """
import sys
from pathlib import Path
import pytest
sys.path.insert(0, {root!r})
sys.modules.update(dict.fromkeys({blocked!r}))
from tests.comfy.comfy_builders import an_image, infer, run, tiny_weights
from tests.comfy.comfy_stubs import INSTALLED, Server, load_pack
place = Path({place!r})
Server(place).install(pytest.MonkeyPatch())
tiny_weights(place / "models" / "vggt" / "tiny.pt")
pack = load_pack(Path({pack!r}), INSTALLED)
out = infer(pack, image_1=an_image())
points = dict(points=out["points"], cameras=out["cameras"])
run(pack, "VGGT_Warp_Pair", reference=an_image(), target=an_image(seed=1), device="cpu")
cameras = run(pack, "VGGT_Camera_Path", **points, frames=2)[0]
run(pack, "VGGT_Render_Warp", points=out["points"], cameras=cameras, view=-1)
run(pack, "VGGT_Load_PLY", ply_path=out["ply_path"])
"""


def test_the_nodes_run_with_what_requirements_txt_brings(pack_folder, tmp_path):
    script = RUN_NODES.format(
        root=str(ROOT), blocked=NOT_OF_THE_NODES, place=str(tmp_path), pack=str(pack_folder)
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").lower()
    assert not [name for name in NOT_OF_THE_NODES if f"\n{name.lower()}>" in listed]


def _check_against_definition(definition: Any, node: dict[str, Any]) -> None:
    sockets = definition.INPUT_TYPES()
    sockets = {**sockets["required"], **sockets.get("optional", {})}
    widgets = [
        name
        for name, (kind, _) in sockets.items()
        if isinstance(kind, list) or not set(kind.split(",")) <= LINKS
    ]
    assert len(node["widgets_values"]) == len(widgets)
    for name, value in zip(widgets, node["widgets_values"], strict=True):
        kind, options = sockets[name]
        assert (
            value in kind if isinstance(kind, list) else isinstance(value, type(options["default"]))
        )
    for slot in node["inputs"]:
        assert sockets[slot["name"]][0] == slot["type"]
    assert tuple(slot["type"] for slot in node["outputs"]) == definition.RETURN_TYPES
    assert tuple(slot["name"] for slot in node["outputs"]) == definition.RETURN_NAMES
