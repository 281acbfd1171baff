"""The pack on a real ComfyUI, where a checkout lies in `COMFYUI_DIR`; its Python runs the server.

`COMFYUI_PYTHON` names that Python where it is not this one. The front end is the server's, in a
Chromium where there is one.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splats import gaussians_from_points, read_splats, write_ply
from tests.comfy.comfy_builders import NODES, tiny_weights
from tests.comfy.comfy_stubs import ROOT, put_pack
from tests.review.browser import CHROMIUM, SOFTWARE_GRAPHICS, Browser

CHECKOUT = os.environ.get("COMFYUI_DIR", "")
PYTHON = os.environ.get("COMFYUI_PYTHON", sys.executable)
START_S, RUN_S, PAGE_S = 480, 240, 90

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKOUT, reason="COMFYUI_DIR names no checkout of ComfyUI"),
]


class Client:
    """What a browser asks of the server."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, content: dict) -> bytes:
        body = json.dumps(content).encode()
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def run(self, prompt: dict) -> dict:
        """Queue a prompt and wait for it; its entry in the history."""
        before = self.done()
        try:
            self.post("/prompt", {"prompt": prompt})
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        return self.finished(before)

    def done(self) -> set[str]:
        """The prompts that the history knows."""
        return set(self.get("/history"))

    def finished(self, before: set[str]) -> dict:
        """Wait for a prompt that was not done before; its entry in the history."""
        until = time.monotonic() + RUN_S
        while time.monotonic() < until:
            history = self.get("/history")
            if new := set(history) - before:
                return history[new.pop()]
            time.sleep(0.3)
        raise AssertionError("the server did not finish")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("comfyui")
    put_pack(base / "custom_nodes", "vggt-dataset-builder")
    for name in ("input", "output", "models"):
        (base / name).mkdir()
    for number in range(1, 6):
        photo = ROOT / f"examples/scenes/room/images/0{number}.jpg"
        shutil.copy(photo, base / "input" / f"vggt_room_{number}.jpg")
    tiny_weights(base / "models/vggt/tiny.pt")
    return base


@pytest.fixture(scope="module")
def client(base):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PYTHON, "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(port)]
    where = ["--base-directory", str(base), "--disable-auto-launch"]
    log = base / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen([*command, *where], cwd=CHECKOUT, stdout=output, stderr=output)
    client, until = Client(port), time.monotonic() + START_S
    try:
        while True:
            try:
                client.get("/system_stats")
                break
            except OSError:
                alive = server.poll() is None and time.monotonic() < until
                assert alive, log.read_text(errors="replace")[-2000:]
                time.sleep(1)
        yield client
    finally:
        server.terminate()
        server.wait(30)


def photo(number: int) -> dict:
    return {"class_type": "LoadImage", "inputs": {"image": f"vggt_room_{number}.jpg"}}


def inference(**inputs) -> dict:
    widgets = {"device": "auto", "depth_conf_threshold": 0.0, "image_1": ["1", 0]}
    return {"class_type": "VGGT_Model_Inference", "inputs": {**widgets, **inputs}}


def test_the_server_knows_every_node(client):
    known = client.get("/object_info")
    assert {key: known[key]["display_name"] for key in NODES} == NODES


def test_a_photo_becomes_a_path_of_views(client, base):
    path = {"points": ["2", 6], "cameras": ["2", 3], "path": "orbit", "frames": 3}
    render = {"points": ["2", 6], "cameras": ["3", 0], "view": -1, "width": 96, "height": 72}
    entry = client.run(
        {
            "1": photo(1),
            "2": inference(upsample_depth=False),
            "3": {"class_type": "VGGT_Camera_Path", "inputs": path},
            "4": {"class_type": "VGGT_Render_Warp", "inputs": render},
            "5": {
                "class_type": "SaveImage",
                "inputs": {"images": ["4", 0], "filename_prefix": "orbit"},
            },
        }
    )
    assert entry["status"]["status_str"] == "success", entry["status"]
    saved = [base / "output" / one["filename"] for one in entry["outputs"]["5"]["images"]]
    assert [np.asarray(Image.open(path)).shape for path in saved] == [(72, 96, 3)] * 3


def picture(base, entry: dict, node: str) -> np.ndarray:
    """The first picture that a node saved."""
    shown = entry["outputs"][node]["images"][0]
    return np.asarray(Image.open(base / shown["type"] / shown["subfolder"] / shown["filename"]))


def preview(node: str, output: int = 0) -> dict:
    return {"class_type": "PreviewImage", "inputs": {"images": [node, output]}}


def test_cores_splat_nodes_show_our_splats_and_give_them_back(client, base):
    if "RenderSplat" not in client.get("/object_info"):
        pytest.skip("this server has no nodes for splats")
    size = {"width": 128, "height": 96}
    render = {"splat": ["3", 0], "camera_info": ["2", 9], "frames": 1, "splat_scale": 1.0}
    render |= {"sharpen": 2.0, "headlight_shading": 0.0, "opacity_threshold": 0.0, **size}
    render |= {"render_style": "color", "background": "#000000"}
    views = {"points": ["6", 0], "cameras": ["2", 3], **size}
    entry = client.run(
        {
            "1": photo(1),
            "2": inference(upsample_depth=False),
            "3": {"class_type": "File3DToSplat", "inputs": {"model_3d": ["2", 7]}},
            "4": {"class_type": "RenderSplat", "inputs": render},
            "5": {"class_type": "SplatToFile3D", "inputs": {"splat": ["3", 0], "format": "ply"}},
            "6": {"class_type": "VGGT_Load_PLY", "inputs": {"ply_path": "", "model_3d": ["5", 0]}},
            "7": {"class_type": "VGGT_Render_Warp", "inputs": views},
            "8": preview("4"),
            "9": preview("7"),
        }
    )
    assert entry["status"]["status_str"] == "success", entry["status"]
    theirs, ours = (picture(base, entry, node) for node in ("8", "9"))
    alike = np.corrcoef(theirs[..., 1].ravel(), ours[..., 1].ravel())[0, 1]
    assert alike > 0.5  # the same view, whatever each makes of the gaps that random depth leaves


def test_photos_are_warped_together_and_leave_fewer_holes(client, base):
    holes = []
    for count in (1, 2, 4):
        further = {f"reference_{number}": [str(number + 1), 0] for number in range(2, count + 1)}
        pair = {"reference": ["1", 0], "target": ["2", 0], "device": "auto", **further}
        entry = client.run(
            {
                **{str(number): photo(number) for number in range(1, 6)},
                "6": {"class_type": "VGGT_Warp_Pair", "inputs": pair},
                "7": {"class_type": "MaskToImage", "inputs": {"mask": ["6", 3]}},
                "8": preview("7"),
            }
        )
        assert entry["status"]["status_str"] == "success", entry["status"]
        holes.append(np.count_nonzero(picture(base, entry, "8")))
    assert holes[0] > holes[1] > holes[2]


def executed(entry: dict) -> set[str]:
    """Which nodes ran, and were not answered from the server's cache."""
    messages = dict(map(tuple, entry["status"]["messages"]))
    return set(entry["prompt"][2]) - set(messages["execution_cached"]["nodes"])


def test_a_network_is_read_once_and_freed_by_the_server(client):
    def prompt(number):
        load = {"class_type": "VGGT_Load_Model", "inputs": {"weights": "auto", "device": "auto"}}
        network = inference(model=["9", 0], masks=["1", 1], upsample_depth=False)
        return {"1": photo(number), "2": network, "9": load}

    first, second = client.run(prompt(1)), client.run(prompt(2))
    for entry in (first, second):
        assert entry["status"]["status_str"] == "success", entry["status"]
    assert "9" in executed(first) and executed(second) == {"1", "2"}
    client.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(3)
    again = client.run(prompt(2))
    assert again["status"]["status_str"] == "success" and "9" in executed(again)


def test_a_linked_file_that_changed_is_read_again(client, base):
    prompt = {
        "0": {"class_type": "PrimitiveString", "inputs": {"value": "a.ply"}},
        "1": {"class_type": "VGGT_Load_PLY", "inputs": {"ply_path": ["0", 0]}},
        "2": {"class_type": "VGGT_Camera_From_Viewer", "inputs": {"cameras_file": "one.json"}},
        "3": {
            "class_type": "VGGT_Render_Warp",
            "inputs": {"points": ["1", 0], "cameras": ["2", 0], "width": 16, "height": 16},
        },
        "4": preview("3"),
    }
    camera = {
        "K": [[8, 0, 8], [0, 8, 8], [0, 0, 1]],
        "cam_from_world": np.eye(4).tolist(),
        "size_wh": [16, 16],
    }
    (base / "input" / "one.json").write_text(json.dumps({"cameras": [camera]}))
    for red in (50, 200):
        write_points(base / "output" / "a.ply", red)
        shown = picture(base, client.run(prompt), "4")
        assert shown[8, 8].tolist() == [red, 0, 0]


def write_points(path: Path, red: int) -> None:
    from warpset.core.points import PointCloud
    from warpset.files.ply import ply_bytes

    x, y = np.meshgrid(np.linspace(-3, 3, 100), np.linspace(-3, 3, 100))
    xyz = np.stack([x, y, np.full_like(x, 2.0)], -1).reshape(-1, 3).astype(np.float32)
    rgb = np.tile(np.array([red, 0, 0], np.uint8), (len(xyz), 1))
    path.write_bytes(ply_bytes(PointCloud(xyz, rgb, None)))


def written_file(base, entry: dict, node: str) -> Path:
    """The 3D file that a node wrote."""
    shown = entry["outputs"][node]["3d"][0]
    return base / shown["type"] / shown["subfolder"] / shown["filename"]


def to_usd(**inputs) -> dict:
    return {"class_type": "VGGT_Splats_To_USD", "inputs": inputs}


def splat_positions(path: Path) -> np.ndarray:
    """(N, 3) of a stage of OpenUSD's own splats, in its world."""
    Usd, UsdGeom = pytest.importorskip("pxr.Usd"), pytest.importorskip("pxr.UsdGeom")
    stage = Usd.Stage.Open(str(path))
    kind = "ParticleField3DGaussianSplat"
    (prim,) = [prim for prim in stage.Traverse() if prim.GetTypeName() == kind]
    to_world = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0))
    local = np.array(prim.GetAttribute("positions").Get(), np.float64)
    return local @ to_world[:3, :3] + to_world[3, :3]


def test_splats_become_usd_that_opens(client, base):
    entry = client.run(
        {
            "1": photo(1),
            "2": inference(upsample_depth=False),
            "3": to_usd(ply_path="", model_3d=["2", 7]),
            "4": to_usd(ply_path=["2", 0], format="usdc", up="y"),
            "5": to_usd(ply_path=["2", 0], format="nurec"),
        }
    )
    assert entry["status"]["status_str"] == "success", entry["status"]
    means = read_splats(written_file(base, entry, "2")).means
    z_up, y_up = (splat_positions(written_file(base, entry, node)) for node in ("3", "4"))
    assert np.allclose(z_up, -means[:, [0, 2, 1]], atol=1e-5)
    assert np.allclose(y_up, means * [1, -1, -1], atol=1e-5)
    stage = pytest.importorskip("pxr.Usd").Stage.Open(str(written_file(base, entry, "5")))
    assert "Volume" in {prim.GetTypeName() for prim in stage.Traverse()}


def write_splats(path: Path, count: int) -> None:
    rgb = np.zeros((count, 3), np.uint8)
    write_ply(gaussians_from_points(np.ones((count, 3)), rgb, np.ones(count)), path)


def test_usd_is_made_again_where_its_splats_changed_or_it_was_removed(client, base):
    prompt = {"1": to_usd(ply_path="typed.ply", filename_prefix="typed")}
    write_splats(base / "output" / "typed.ply", 3)
    first = client.run(prompt)
    assert len(splat_positions(written_file(base, first, "1"))) == 3
    assert not executed(client.run(prompt))
    write_splats(base / "output" / "typed.ply", 4)
    changed = written_file(base, client.run(prompt), "1")
    assert len(splat_positions(changed)) == 4
    assert not executed(client.run(prompt))
    changed.unlink()
    assert len(splat_positions(written_file(base, client.run(prompt), "1"))) == 4
    assert not executed(client.run(prompt))


def test_usd_of_a_linked_path_is_made_again_where_its_splats_changed(client, base):
    link = {"class_type": "PrimitiveString", "inputs": {"value": "linked.ply"}}
    for count in (3, 4):
        write_splats(base / "output" / "linked.ply", count)
        entry = client.run({"0": link, "1": to_usd(ply_path=["0", 0])})
        assert len(splat_positions(written_file(base, entry, "1"))) == count


def test_what_is_wrong_is_said_in_the_nodes_words(client):
    entry = client.run({"1": photo(1), "2": inference(device="cuda")})
    assert entry["status"]["status_str"] == "error"
    said = [body for kind, body in entry["status"]["messages"] if kind == "execution_error"]
    assert "device: found no graphics device" in said[0]["exception_message"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to drive")
def test_the_front_end_draws_every_workflow_and_runs_it(client, tmp_path):
    with Browser(tmp_path / "profile", SOFTWARE_GRAPHICS) as browser:
        browser.show_as(1800, 1100)
        browser.open(client.url)
        ours = "window.LiteGraph?.registered_node_types?.VGGT_Warp_Pair"
        browser.wait_for(f"!!(window.app?.graph && window.app.canvas && {ours})", PAGE_S)
        for workflow in sorted((ROOT / "example_workflows").glob("*.json")):
            before = client.done()
            browser.evaluate(f"window.app.loadGraphData({workflow.read_text()})")
            unknown = "n => !window.LiteGraph.registered_node_types[n.type]"
            assert browser.evaluate(f"window.app.graph._nodes.filter({unknown}).length") == 0
            browser.evaluate("window.app.queuePrompt(0)")  # what it answers differs by version
            assert browser.evaluate("Object.keys(window.app.lastNodeErrors ?? {}).join()") == ""
            entry = client.finished(before)
            assert entry["status"]["status_str"] == "success", entry["status"]
            browser.screenshot(tmp_path / f"{workflow.stem}.png")
