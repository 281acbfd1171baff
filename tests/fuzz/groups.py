"""Kinds of input: how a sound one is made, and the commands that are given it once it is spoilt."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

import build_warp_dataset
import export_dataset
import modelscope
import render_views
import review_dataset
import splats_to_usd
from aerial_megadepth import (
    export_scene_info,
    export_wai,
    make_pairs,
    preprocess_ge,
    preprocess_megadepth,
)
from aerial_megadepth.download.archives import unpack
from aerial_megadepth.localization.report import read_report
from aerial_megadepth.megadepth.image_list import read_image_list
from aerial_megadepth.mesh.mesh_files import read_surface
from aerial_megadepth.pairs.pairs_file import ScenePairs, read_pairs, write_pairs
from aerial_megadepth.scenes.scene_steps import RunOptions, run_scenes
from splats import write_ply
from tests.aerial.aerial_builders import MegaPhoto, a_download, a_megadepth
from tests.aerial.aerial_steps import CopyStep
from tests.aerial.chain_builders import a_localized_scene
from tests.builders import TINY_VGGT, a_camera, a_photo, a_scene, a_tiny_vggt, read_transforms_file
from tests.builders import write_transforms as put_transforms
from tests.estimators.test_estimators import a_sky_model
from tests.fuzz.mutations import SPARSE_BYTES
from tests.pair_builders import two_scenes
from tests.recordings import format_builders
from tests.splats.test_splats import some_gaussians
from tests.video_builders import a_walk, write_video
from warpset.building.frames import FrameSampling
from warpset.building.sources.video_frames import keep_frames
from warpset.building.views.camera_files import cameras_json, keyframes_json
from warpset.core.errors import InputError
from warpset.files.depth_files import read_depth

FORMATS = ("polycam", "stray_scanner", "scannet", "scannetpp", "tum", "seven_scenes")


@dataclass(frozen=True)
class Group:
    """A kind of input.

    Attributes:
        make: Writes sound input into a folder.
        run: Gives the input below a folder, whose name it is told, to commands that write to
            `out` beside it; returns an exit code.
        spoilt: Which files may be spoilt, as globs.
        may_lose: Files, as globs, of which less is no fault to make less of without a word.
    """

    make: Callable[[Path], None]
    run: Callable[[], int]
    spoilt: Sequence[str] = ("**/*",)
    may_lose: Sequence[str] = ()


def build(*flags: str) -> int:
    return build_warp_dataset.main(
        ["--input-dir", "in", "--output-dir", "out", "--quiet", "--min-coverage", "0"]
        + ["--min-psnr", "0", "--device", "cpu", *flags]
    )


def recorded(*flags: str) -> int:
    return build("--geometry", "recorded", *flags)


def of_readers(*readers: Callable[[], object]) -> int:
    """Call readers; what they refuse is said in a line each, as steps do."""
    code = 0
    for read in readers:
        try:
            read()
        except InputError as error:
            logging.getLogger("fuzz").error(str(error))
            code = 1
    return code


# Photos, depth, recordings


def photos(folder: Path) -> None:
    room = a_scene(folder / "room", photos=6)
    content = read_transforms_file(room)
    suffixes = ("png", "jpg", "webp", "tif", "bmp", "jpg")
    for frame, suffix in zip(content["frames"], suffixes, strict=True):
        path = room / frame["file_path"]
        spoilt = path.with_suffix(f".{suffix}")
        with Image.open(path) as image:
            exif = image.getexif()
            exif[0x0112] = 1
            image.save(spoilt, exif=exif) if suffix in ("jpg", "webp") else image.save(spoilt)
        if spoilt != path:
            path.unlink()
        frame["file_path"] = f"images/{spoilt.name}"
    put_transforms(room, content)


def depth_files(folder: Path) -> None:
    room = a_scene(folder / "room", photos=6)
    content = read_transforms_file(room)
    metres = np.full((48, 64), 2, np.float32)
    kinds = ("png", "exr", "npy", "npz", "h5", "tif")
    for index, (frame, kind) in enumerate(zip(content["frames"], kinds, strict=True)):
        path = room / "depths" / f"{index + 1}.{kind}"
        frame["depth_file_path"] = f"depths/{path.name}"
        if kind == "exr":
            from warpset.files.pictures import depth_bytes

            path.write_bytes(depth_bytes(metres))
        elif kind == "npy":
            np.save(path, metres)
        elif kind == "npz":
            np.savez_compressed(path, depth=metres)
        elif kind == "h5":
            with h5py.File(path, "w") as file:
                file.create_dataset("depth", data=metres, compression="gzip")
        elif kind == "tif":
            cv2.imwrite(str(path), metres)
    put_transforms(room, content)


def masks(folder: Path) -> None:
    room = a_scene(folder / "room", photos=3)
    content = read_transforms_file(room)
    (room / "masks").mkdir()
    for index, frame in enumerate(content["frames"]):
        mask = np.full((48, 64), 255, np.uint8)
        mask[:10] = 0
        cv2.imwrite(str(room / "masks" / f"{index}.png"), mask)
        frame["mask_path"] = f"masks/{index}.png"
    put_transforms(room, content)


def recordings(folder: Path) -> None:
    for name in FORMATS:
        getattr(format_builders, name)(folder / name)
    a_scene(folder / "plain", photos=3, fields={"k1": 0.01, "camera_model": "OPENCV"})


def colmap(folder: Path) -> None:
    format_builders.colmap_workspace(folder / "room")


# Archives and videos


def archives(folder: Path) -> None:
    a_scene(folder / "loose" / "room", photos=2)
    with zipfile.ZipFile(folder / "room.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "loose").rglob("*")):
            archive.write(path, path.relative_to(folder / "loose"))
    with tarfile.open(folder / "room.tar.gz", "w:gz") as archive:
        archive.add(folder / "loose" / "room", "room")
    shutil.rmtree(folder / "loose")


def run_archives() -> int:
    unpacked = of_readers(
        lambda: unpack(Path("in/room.tar.gz"), Path("out/tar"), quiet=True),
        lambda: unpack(Path("in/room.zip"), Path("out/zip"), quiet=True),
    )
    return max(unpacked, recorded())


def videos(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_video(folder / "walk.mp4", a_walk(12))


def run_videos() -> int:
    video = Path("in/walk.mp4")
    if not video.exists():
        return 1
    return of_readers(lambda: keep_frames(video, Path("out"), FrameSampling(count=4)))


# Models


def weights(folder: Path) -> None:
    (folder / "room").mkdir(parents=True)
    for index in range(2):
        Image.fromarray(a_photo((80, 60), seed=index)).save(folder / "room" / f"{index}.png")
    models = folder.parent / "models"
    models.mkdir()
    state = a_tiny_vggt().state_dict()
    torch.save({"config": asdict(TINY_VGGT), "state_dict": state}, models / "tiny.pt")
    save_file(dict(state), models / "tiny.safetensors")
    (models / "config.json").write_text(json.dumps(asdict(TINY_VGGT)))


def run_weights() -> int:
    codes = [
        build("--model", f"models/{name}", "--output-dir", f"out/{name}", "--geometry", "vggt")
        for name in ("tiny.pt", "tiny.safetensors")
    ]
    return max(codes)


def onnx_models(folder: Path) -> None:
    a_scene(folder / "room", photos=2)
    (folder.parent / "models").mkdir()
    a_sky_model(folder.parent / "models" / "sky.onnx")


def run_onnx() -> int:
    sky = build("--filter-sky", "--sky-model", "models/sky.onnx", "--output-dir", "out/sky")
    return max(sky, build("--mask-model", "models/sky.onnx", "--output-dir", "out/mask"))


def cache(folder: Path) -> None:
    """Geometry and sky scores that an earlier run kept."""
    onnx_models(folder)
    shutil.rmtree(folder)
    weights_of = folder.parent / "weights"
    weights(weights_of / "in")
    (weights_of / "in").rename(folder)
    (weights_of / "models" / "tiny.pt").rename(folder.parent / "models" / "tiny.pt")
    shutil.rmtree(weights_of)
    here = Path.cwd()
    os.chdir(folder.parent)
    try:
        assert run_cache() == 0
    finally:
        os.chdir(here)
    shutil.rmtree(folder.parent / "out")


def run_cache() -> int:
    model = ("--model", "models/tiny.pt", "--geometry", "vggt")
    return build(*model, "--filter-sky", "--sky-model", "models/sky.onnx")


# Records and what is written ourselves


def records(folder: Path) -> None:
    two_scenes(folder)
    (folder / "accept.txt").write_text("garden/1\ngarden/2\nroom/1\nroom/2\n")
    (folder / "output" / "room" / "prompt.txt").write_text("A room.\n")


def run_records() -> int:
    pairs = ["--output-dir", "in/output", "--quiet"]
    accepted = [*pairs, "--accept-list", "in/accept.txt"]
    codes = [
        modelscope.main([*accepted, "--modelscope-dir", "out/modelscope"]),
        export_dataset.main([*pairs, "--format", "hf", "--dataset-dir", "out/hf"]),
    ]
    shutil.copytree("in/output", "out/output", symlinks=True, ignore=_pipes, copy_function=_copied)
    codes.append(review_dataset.main(["out/output", "--quiet"]))
    return max(codes)


def _pipes(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_fifo()]


def _copied(source: str, target: str) -> None:
    """Copy a file, but for the nothing that a sparse one is made of."""
    if (size := Path(source).stat().st_size) < SPARSE_BYTES:
        shutil.copy2(source, target)
    else:
        Path(target).touch()
        os.truncate(target, size)


def exports(folder: Path) -> None:
    """A finished export, to be validated and exported to again."""
    two_scenes(folder)
    places = ["--output-dir", str(folder / "output"), "--dataset-dir", str(folder / "set")]
    assert export_dataset.main(["--format", "hf", *places, "--quiet"]) == 0


def run_exports() -> int:
    shutil.copytree("in/set", "out/set", symlinks=True, ignore=_pipes, copy_function=_copied)
    flags = ["--format", "hf", "--output-dir", "in/output", "--dataset-dir", "out/set", "--quiet"]
    return max(export_dataset.main([*flags, "--validate"]), export_dataset.main(flags))


def own_pairs(folder: Path) -> None:
    """A build to go on with."""
    a_scene(folder / "room", photos=3)
    places = ("--input-dir", str(folder), "--output-dir", str(folder.parent / "out"))
    assert with_splats(*places) == 0


def with_splats(*flags: str) -> int:
    return recorded("--save-scene-splats", *flags)


def a_run(folder: Path) -> None:
    """A run that others may join, with all it leaves on what it did."""
    for name in ("hall", "room"):
        a_scene(folder / name, photos=2)
    places = ("--input-dir", str(folder), "--output-dir", str(folder.parent / "out"))
    assert recorded("--join", *places) == 0


def join_run() -> int:
    return recorded("--join")


def run_status() -> int:
    return build("--status")


def steps(folder: Path) -> None:
    """What a step has made once, to be made again where it is not whole."""
    folder.mkdir(parents=True)
    for scene in "ab":
        (folder / scene).write_text(scene)
    assert run_scenes(CopyStep(folder.parent), "ab", RunOptions(quiet=True)) == 0


def run_steps() -> int:
    return run_scenes(CopyStep(Path()), "ab", RunOptions(quiet=True))


# Splats


def splat_files(folder: Path) -> None:
    import gsply

    folder.mkdir(parents=True, exist_ok=True)
    gaussians = some_gaussians()
    write_ply(gaussians, folder / "plain.ply")
    data = gsply.plyread(str(folder / "plain.ply"))
    gsply.plywrite(str(folder / "packed.compressed.ply"), data, compressed=True)
    gsply.write_spz(str(folder / "packed.spz"), data)
    for path in list(folder.glob("packed*")):
        if path.name not in ("packed.spz", "packed.compressed.ply"):
            path.rename(folder / "packed.compressed.ply")
    (folder / "plain.json").write_text(json.dumps({"up": {"direction": [0, 0, 1]}}))
    a_photo_cloud(folder / "cloud.ply")


def a_photo_cloud(path: Path) -> None:
    from warpset.core.points import PointCloud
    from warpset.files.ply import ply_bytes

    xyz = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32) + [0, 0, 4]
    rgb = np.full((40, 3), 90, np.uint8)
    path.write_bytes(ply_bytes(PointCloud(xyz.astype(np.float32), rgb, None)))


def run_splats() -> int:
    names = ("plain.ply", "packed.compressed.ply", "packed.spz")
    codes = [splats_to_usd.main([f"in/{name}", f"out/{name}.usdc", "--quiet"]) for name in names]
    flags = ["--yaw", "3", "--device", "cpu", "--quiet", "--output-dir", "out/views"]
    return max(*codes, render_views.main(["--ply", "in/cloud.ply", *flags]))


def cameras(folder: Path) -> None:
    """Files of cameras of every kind, and pairs whose options count for views."""
    scene = a_scene(folder / "scenes" / "room", photos=3)
    places = ("--input-dir", str(scene.parent), "--output-dir", str(folder / "pairs"))
    assert recorded(*places) == 0
    shutil.copy(scene / "transforms.json", folder / "transforms.json")
    some = [a_camera(), a_camera()]
    (folder / "keyframes.json").write_bytes(keyframes_json(some))
    (folder / "cameras.json").write_bytes(cameras_json(some, {}))


def run_cameras() -> int:
    names = ("keyframes.json", "cameras.json", "transforms.json", "pairs/room/pairs.jsonl")
    flags = ["--scene", "in/scenes/room", "--like", "in/pairs/room", "--frames", "2", "--quiet"]
    return max(
        render_views.main(
            [*flags, "--device", "cpu", "--cameras", f"in/{name}", "--output-dir", f"out/{number}"]
        )
        for number, name in enumerate(names)
    )


# Aerial


def earth(folder: Path) -> None:
    a_download(folder, "0001", pictures=4, cameras=4)


def run_earth() -> int:
    Path("out").mkdir(exist_ok=True)
    Path("out/downloaded_data").symlink_to(Path("in/downloaded_data").resolve())
    return preprocess_ge.main(["--data_root", "out", "--quiet"])


def megadepth(folder: Path) -> None:
    names = ("a.jpg", "b.jpg")
    a_megadepth(folder, [MegaPhoto(name, (320, 213), (320, 213)) for name in names])


def run_megadepth() -> int:
    return preprocess_megadepth.main(["--megadepth_dir", "in", "--output_dir", "out", "--quiet"])


def localized(folder: Path) -> None:
    folder.mkdir(parents=True)
    a_localized_scene(folder / "data")


def run_localized() -> int:
    data = ["--megadepth_aerial_dir", "in/data", "--quiet", "--output_dir"]
    doors = {"wai": export_wai, "info": export_scene_info, "pairs": make_pairs}
    return max(door.main([*data, f"out/{name}"]) for name, door in doors.items())


def meshes(folder: Path) -> None:
    from tests.aerial.mesh_builders import a_block_mesh, a_tileset

    for suffix in ("obj", "gltf", "glb", "ply"):
        a_block_mesh(folder / suffix / f"mesh.{suffix}", z_up=False)
    a_tileset(folder / "tiles", np.eye(4))


def run_meshes() -> int:
    names = ("obj", "gltf", "glb", "ply", "tiles")
    return of_readers(*(partial(read_surface, Path("in") / name, None, 1.0) for name in names))


def lists(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = {"0001": {"0": ["a.jpg", "b.jpg"]}, "0002": {"0": ["c.jpg"]}}
    (folder / "images.json").write_text(json.dumps(names))
    listed = np.empty((), object)
    listed[()] = {("0001", "0"): ["a.jpg", "b.jpg"]}
    np.savez(folder / "images.npz", listed, allow_pickle=True)
    pairs = ScenePairs(["a.jpg", "b.jpg"], np.array([[0, 1]]), np.array([0.5], np.float32))
    write_pairs(folder / "pairs.npz", {"0001": pairs})
    report = {
        "aerial": ["a"],
        "aerial_given": 1,
        "photos": ["b"],
        "photos_given": 1,
        "photos_listed": 1,
        "drift_m": 0.1,
        "is_aligned": True,
        "reprojection_px": 0.5,
        "points": 3,
        "scales": [None],
    }
    (folder / "report.json").write_text(json.dumps(report))
    np.save(folder / "depth.npy", np.ones((4, 5), np.float32))


def run_lists() -> int:
    here = Path("in")
    return of_readers(
        lambda: read_image_list(here / "images.json"),
        lambda: read_image_list(here / "images.npz"),
        lambda: read_pairs(here / "pairs.npz"),
        lambda: read_report(here / "report.json"),
        lambda: read_depth(here / "depth.npy"),
    )


GROUPS = {
    "photos": Group(photos, recorded, ("room/images/*",)),
    "depths": Group(depth_files, recorded, ("room/depths/*",)),
    "masks": Group(masks, recorded, ("room/masks/*", "room/transforms.json")),
    "recordings": Group(recordings, recorded, ("**/*.json", "**/*.txt", "**/*.csv")),
    "transforms": Group(recordings, recorded, ("**/transforms*.json",)),
    "colmap": Group(colmap, recorded, ("**/*.bin",)),
    "archives": Group(archives, run_archives),
    "videos": Group(videos, run_videos, may_lose=("*",)),  # half a second at its end
    "weights": Group(weights, run_weights, ("../models/*",)),
    "onnx": Group(onnx_models, run_onnx, ("../models/*",)),
    "cache": Group(cache, run_cache, ("../.cache/**/*.npz",)),
    "records": Group(
        records,
        run_records,
        ("**/*.jsonl", "**/*.jsonl", "**/*.txt", "**/*.png"),
        may_lose=("accept.txt",),  # a list that asks for less
    ),
    "exports": Group(exports, run_exports, ("set/*.json", "set/.*.json", "set/*")),
    "own pairs": Group(own_pairs, with_splats, ("../out/room/*.json*", "../out/room/*")),
    "run": Group(a_run, join_run, ("../out/.run/**/*", "../out/*.*")),
    "status": Group(a_run, run_status, ("../out/.run/**/*", "../out/*.json")),
    "steps": Group(steps, run_steps, ("../out/*/.step.json", "../out/*/*", "*")),
    "splats": Group(splat_files, run_splats),
    "cameras": Group(
        cameras,
        run_cameras,
        ("*.json", "pairs/room/pairs.jsonl"),
        may_lose=("*.json", "*.jsonl"),  # fewer cameras are a shorter path
    ),
    "earth": Group(earth, run_earth, ("**/*.json", "**/*.mp4")),
    "megadepth": Group(
        megadepth,
        run_megadepth,
        ("**/*.txt", "**/*.h5", "**/*.jpg"),
        may_lose=("*.h5",),  # one negative value makes it ordinal, which is no depth
    ),
    "localized": Group(localized, run_localized),
    "meshes": Group(meshes, run_meshes),
    "lists": Group(lists, run_lists),
}
