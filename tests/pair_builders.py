"""Builders of recorded pairs: small pictures whose colours tell scene, frame and kind."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from warpset.building.pairs.plan import name_pairs, neighbours
from warpset.building.pairs.record import RECORDS_NAME, PairRecord

SIZE_WH = (96, 64)


def a_frame_picture(scene: str, frame: int, size_wh=SIZE_WH) -> np.ndarray:
    """What frame number `frame` of a scene shows: a colour of its own, a gradient to the right."""
    width, height = size_wh
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = (15 * frame + 10) % 256
    picture[..., 1] = sum(scene.encode()) % 200
    picture[..., 2] = np.arange(width) * 255 // width
    return picture


def a_splats_picture(scene: str, reference: int, target: int, size_wh=SIZE_WH) -> np.ndarray:
    """The target's picture, darkened by the reference's number."""
    return a_frame_picture(scene, target, size_wh) // (reference + 2)


def a_further_reference(scene: str, reference: int, number: int, size_wh=SIZE_WH) -> np.ndarray:
    """The second, third, ... reference beside one."""
    return a_frame_picture(scene, reference, size_wh) // 2 + 20 * number


def a_camera(azimuth_deg: float = 0.0) -> dict:
    """A camera on a circle of radius 4 around the origin, as records keep it."""
    angle = np.radians(azimuth_deg)
    center = 4 * np.array([np.sin(angle), 0.0, -np.cos(angle)])
    ahead = -center / 4
    right = np.array([np.cos(angle), 0.0, np.sin(angle)])
    rotation = np.stack([right, np.array([0.0, 1.0, 0.0]), ahead])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ center
    return {"K": np.eye(3).tolist(), "cam_from_world": matrix.tolist(), "size_wh": list(SIZE_WH)}


def a_scene(
    output: Path,
    name: str = "garden",
    photos: int = 5,
    with_masks: bool = True,
    size_wh: tuple[int, int] = SIZE_WH,
    references: int = 1,
    **overrides,
) -> Path:
    """Write the pairs of a scene in both directions, as the main script would."""
    folder = output / name
    folder.mkdir(parents=True)
    frames = [Path(f"{frame}.png") for frame in range(photos)]
    lines = []
    for pair in name_pairs(frames, neighbours(len(frames), bidirectional=True)):
        pictures = {
            "splats": a_splats_picture(name, pair.reference, pair.target, size_wh),
            "target": a_frame_picture(name, pair.target, size_wh),
            "reference": a_frame_picture(name, pair.reference, size_wh),
        }
        for number in range(2, references + 1):
            further = a_further_reference(name, pair.reference, number, size_wh)
            pictures[f"reference{number}"] = further
        if with_masks:
            pictures["mask"] = pictures["splats"][..., 2] % 2 * 255
        files = {kind: pair.file_name(kind, "png") for kind in pictures}
        for kind, picture in pictures.items():
            Image.fromarray(picture).save(folder / files[kind])
        lines.append(a_record(pair, frames, files, **overrides).to_line())
    (folder / RECORDS_NAME).write_text("".join(lines))
    return folder


def a_record(pair, frames, files, **overrides) -> PairRecord:
    """A record whose coverage falls with the target's number; the camera turns by 12 degrees."""
    fields = {
        "name": pair.name,
        "reference": frames[pair.reference].name,
        "target": frames[pair.target].name,
        "is_reverse": pair.is_reverse,
        "files": files,
        "sha256": {"reference": "0", "target": "1"},
        "cameras": {
            "reference": a_camera(12.0 * pair.reference),
            "target": a_camera(12.0 * pair.target),
        },
        "geometry": {"source": "recorded", "revision": "transforms.json"},
        "options": {},
        "scores": {
            "coverage": 0.9 - 0.1 * pair.target,
            "hole_share": 0.1 + 0.1 * pair.target,
            "psnr": 20.0 + pair.target,
            "ssim": None,
            "turn": 12.0,
        },
    }
    return PairRecord(**(fields | overrides))


def two_scenes(tmp_path: Path, size_wh: tuple[int, int] = SIZE_WH, references: int = 1) -> Path:
    """Sixteen pairs: two scenes of five photos, both directions."""
    for name in ("garden", "room"):
        a_scene(tmp_path / "output", name, size_wh=size_wh, references=references)
    return tmp_path / "output"


def rewrite_records(folder: Path, change) -> None:
    """Change each record of a scene: `change` takes and returns a record."""
    path = folder / RECORDS_NAME
    records = [PairRecord.from_line(line) for line in path.read_text().splitlines()]
    path.write_text("".join(change(record).to_line() for record in records))


def pixels(source: Path | bytes) -> np.ndarray:
    """The pixels of a file or its bytes."""
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return np.asarray(image)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
