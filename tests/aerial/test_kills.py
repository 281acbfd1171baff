"""Every step, killed at random moments and run again, ends with the same bytes.

`KILLS=20 uv run pytest -m slow --junitxml kills.xml tests/aerial/test_kills.py` kills each more
often; the file says how many kills each got.
"""

import os
import random
import shutil
import signal
import sys
import time
import types
import zipfile
from pathlib import Path

import pytest

from aerial_megadepth import (
    convert_image_list,
    do_colmap_localization,
    download_data,
    export_scene_info,
    export_wai,
    make_esp,
    make_pairs,
    preprocess_aerialmegadepth,
    preprocess_ge,
    preprocess_megadepth,
    qc,
    render_mesh,
)
from aerial_megadepth.megadepth.image_list import write_image_list
from tests.aerial.aerial_builders import MegaPhoto, a_download, a_megadepth
from tests.aerial.chain_builders import a_localized_scene, a_wall_to_localize
from tests.builders import tree

KILLS = int(os.environ.get("KILLS", "10"))
FEWEST_KILLS = 3  # a step of some milliseconds is mostly through before it can be killed
LINK = "https://drive.google.com/open?id=0123456789012345678901234"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a copy of this process"),
]


def localized_scenes(root):
    for scene in ("0001", "0002"):
        a_localized_scene(root / "data", scene)
    return ["--megadepth_aerial_dir", str(root / "data")]


def videos(root):
    for scene in ("0001", "0002"):
        a_download(root, scene)
    return ["--data_root", str(root)]


def photos(root):
    for scene in ("0001", "0002"):
        a_megadepth(root, [MegaPhoto("a.jpg", (640, 480), (640, 480))], scene)
    return ["--megadepth_dir", str(root)]


def frames_and_photos(root):
    a_wall_to_localize(root)
    folders = ["--root_dir", str(root / "data"), "--megadepth_dir", str(root / "processed")]
    listed = ["--megadepth_image_list", str(root / "list.json"), "--depth_side", "240"]
    return [*folders, *listed]


def a_place(root):
    place = ["--latitude", "41.8", "--longitude", "12.25", "--altitude", "400"]
    return ["--scene", "0001", *place]


def an_image_list(root):
    write_image_list(root / "list.json", {(f"{n:04d}", "0"): ["a.jpg"] * 500 for n in range(50)})
    return [str(root / "list.json")]


def a_served_zip(root):
    """Gdown as it is, but from this disk."""
    with zipfile.ZipFile(root / "served.zip", "w") as archive:
        for n in range(40):
            archive.writestr(zipfile.ZipInfo(f"0001/{n}.bin"), bytes([n]) * 200_000)

    def download(_link, output, quiet, resume):
        assert quiet and resume
        Path(output, "0001.zip").write_bytes((root / "served.zip").read_bytes())

    module = types.ModuleType("gdown")
    module.__dict__.update(download=download)
    sys.modules["gdown"] = module
    return ["--gdrive_link", LINK, "--unzip", "--remove_zip"]


def a_mesh(root):
    pytest.importorskip("trimesh")
    from tests.aerial.mesh_builders import a_block_mesh

    a_block_mesh(root / "mesh" / "block.glb", z_up=False)
    small = ["--width", "200", "--height", "150", "--frames", "8", "--ground_views", "3"]
    return ["--mesh", "mesh/block.glb", "--scene", "0001", *small]


STEPS = {
    convert_image_list: (an_image_list, None),
    do_colmap_localization: (frames_and_photos, None),
    download_data: (a_served_zip, "--output_path"),
    export_scene_info: (localized_scenes, "--output_dir"),
    export_wai: (localized_scenes, "--output_dir"),
    make_esp: (a_place, "--data_root"),
    make_pairs: (localized_scenes, "--output_dir"),
    preprocess_aerialmegadepth: (localized_scenes, "--output_dir"),
    preprocess_ge: (videos, None),
    preprocess_megadepth: (photos, "--output_dir"),
    qc: (localized_scenes, "--output_dir"),
    render_mesh: (a_mesh, "--data_root"),
}


def start(step, flags) -> int:
    """The step in a copy of this process; its id."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = step.main(flags)
        finally:
            os._exit(code)
    return pid


def run(step, flags) -> float:
    """The whole step; how long it took in seconds."""
    begun = time.monotonic()
    _, status = os.waitpid(start(step, flags), 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return time.monotonic() - begun


def prepared(step, root, monkeypatch) -> list[str]:
    """Its inputs in a folder that becomes the working one; the flags that read and write there."""
    root.mkdir()
    monkeypatch.chdir(root)
    prepare, flag = STEPS[step]
    flags = prepare(Path())
    if flag is not None:
        return [*flags, flag, "out", "--quiet"]
    return [*flags, "out.json"] if step is convert_image_list else [*flags, "--quiet"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__.rsplit(".")[-1])
def test_a_step_killed_at_random_moments_ends_with_the_same_bytes(
    step, tmp_path, monkeypatch, record_testsuite_property
):
    flags = prepared(step, tmp_path / "whole", monkeypatch)
    seconds = run(step, flags)
    expected = tree(tmp_path / "whole")
    moments, killed = random.Random(0), 0
    flags = prepared(step, tmp_path / "killed", monkeypatch)
    for _ in range(6 * KILLS):
        pid = start(step, flags)
        time.sleep(moments.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        if killed == KILLS:
            break
        if tree(tmp_path / "killed") == expected:  # it was through: once more from the start
            monkeypatch.chdir(tmp_path)
            shutil.rmtree(tmp_path / "killed")
            flags = prepared(step, tmp_path / "killed", monkeypatch)
            seconds *= 0.8
    assert killed >= FEWEST_KILLS
    record_testsuite_property(f"kills of {step.__name__.rpartition('.')[2]}", killed)
    run(step, flags)
    assert tree(tmp_path / "killed") == expected
