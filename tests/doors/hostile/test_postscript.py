"""PostScript under the name of a picture: whatever door reads it says so, and Ghostscript rests."""

import json
import os
import stat
from functools import partial
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image

import aitoolkit
import export_dataset
import index_dataset
import modelscope
import render_views
import review_dataset
import vggt_point_cloud_viewer
from aerial_megadepth import (
    do_colmap_localization,
    preprocess_aerialmegadepth,
    qc,
    render_mesh,
)
from tests.aerial.chain_builders import a_wall_to_localize
from tests.builders import a_scene
from tests.files.test_image_files import POSTSCRIPT
from tests.fuzz.groups import (
    build,
    localized,
    masks,
    megadepth,
    recorded,
    run_megadepth,
    run_weights,
    weights,
)
from tests.pair_builders import two_scenes
from warpset.trainers.registry import TRAINERS

PAIRS = ["--output-dir", "in/output"]
OWN_DOORS = {"modelscope": modelscope, "aitoolkit": aitoolkit}
CPU = ["--device", "cpu", "--quiet"]


def a_room(folder: Path) -> None:
    a_scene(folder / "room", photos=3)


def a_mesh(suffix: str, folder: Path) -> None:
    """A mesh whose pictures are files of their own."""
    pytest.importorskip("trimesh")
    from tests.aerial.mesh_builders import a_block_mesh

    path = a_block_mesh(folder / f"mesh.{suffix}", z_up=False)
    if suffix == "gltf":
        content = json.loads(path.read_text())
        content["images"] = [{"uri": "texture.png"} for _ in content["images"]]
        (folder / "texture.png").touch()
        path.write_text(json.dumps(content))


def export(trainer: str) -> int:
    if trainer == "webdataset":
        pytest.importorskip("webdataset")
    if trainer in OWN_DOORS:
        return OWN_DOORS[trainer].main([*PAIRS, f"--{trainer}-dir", "set", "--quiet"])
    return export_dataset.main([*PAIRS, "--format", trainer, "--dataset-dir", "set", "--quiet"])


def index() -> int:
    pytest.importorskip("pyarrow")
    return index_dataset.main([*PAIRS, "--index", "i.parquet", "--duplicates", "d", "--quiet"])


def views() -> int:
    return render_views.main(["--scene", "in/room", "--output-dir", "views", "--yaw", "5", *CPU])


def viewer() -> int:
    room = ["--scene", "in/room", "--headless", "--output", "seen.png"]
    return vggt_point_cloud_viewer.main([*room, *CPU])


def localize() -> int:
    given = ["--root_dir", "in/data", "--megadepth_dir", "in/processed"]
    listed = ["--megadepth_image_list", "in/list.json", "--depth_side", "240", "--quiet"]
    return do_colmap_localization.main([*given, *listed])


def rendered(suffix: str) -> int:
    flags = ["--mesh", f"in/mesh.{suffix}", "--data_root", "data", "--scene", "0001", "--quiet"]
    return render_mesh.main(flags)


LOCALIZED = ("--megadepth_aerial_dir", "in/data", "--output_dir", "out", "--quiet")
READERS = {
    "photos": (a_room, "room/images/2.png", recorded),
    "depth": (a_room, "room/depths/2.png", recorded),
    "masks": (masks, "room/masks/1.png", recorded),
    "network": (weights, "room/*.png", run_weights),
    "stereo": (a_room, "room/images/*.png", partial(build, "--geometry", "stereo")),
    "views": (a_room, "room/images/*.png", views),
    "viewer": (a_room, "room/images/*.png", viewer),
    "review": (two_scenes, "output/garden/*.png", lambda: review_dataset.main(["in/output"])),
    "index": (two_scenes, "output/garden/*.png", index),
    **{name: (two_scenes, "output/garden/*.png", partial(export, name)) for name in TRAINERS},
    "obj": (partial(a_mesh, "obj"), "*.png", partial(rendered, "obj")),
    "gltf": (partial(a_mesh, "gltf"), "*.png", partial(rendered, "gltf")),
}
STEPS = {
    "megadepth": (megadepth, "**/imgs/a.jpg", run_megadepth),
    "localization": (a_wall_to_localize, "processed/**/*.jpg", localize),
    "pairs": (localized, "data/**/0.jpg", lambda: preprocess_aerialmegadepth.main(LOCALIZED)),
    "qc": (localized, "data/**/*.jpg", lambda: qc.main(LOCALIZED)),
}


@pytest.fixture
def mark(tmp_path, monkeypatch) -> Path:
    """What a fake Ghostscript leaves, the only one that is found."""
    mark, fake = tmp_path / "started", tmp_path / "bin" / "gs"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ntouch {mark}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once a process
    monkeypatch.chdir(tmp_path)
    return mark


def put_postscript(pictures: str) -> None:
    """Let pictures hold PostScript and keep their names."""
    paths = list(Path("in").glob(pictures))
    assert paths
    for path in paths:
        path.write_bytes(POSTSCRIPT)


@pytest.mark.skipif(os.name == "nt", reason="the fake interpreter is a shell script")
@pytest.mark.parametrize(
    "reader", [*READERS, *(pytest.param(step, marks=pytest.mark.slow) for step in STEPS)]
)
def test_postscript_as_a_picture_starts_no_ghostscript(mark, reader, capsys):
    make, pictures, run = (READERS | STEPS)[reader]
    make(Path("in"))
    put_postscript(pictures)
    assert run() == 1
    assert "cannot be read" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.skipif(os.name == "nt", reason="the fake interpreter is a shell script")
def test_the_fake_ghostscript_would_have_been_started(mark):
    Path("a.jpg").write_bytes(POSTSCRIPT)
    with Image.open("a.jpg") as image, pytest.raises(OSError):
        image.load()
    assert mark.exists()
