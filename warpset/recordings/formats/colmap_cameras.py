"""Which camera model of a COLMAP model pycolmap does not know, since its error names none."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

CAMERA = struct.Struct("<IiQQ")  # id, model, width, height; then its parameters as doubles


def unknown_camera_model(model: Path, pycolmap: ModuleType) -> str | None:
    """What to say of the first camera whose model is unknown; None where all are known.

    Args:
        model: Folder with `cameras.bin` or `cameras.txt`.
        pycolmap: The library.
    """
    known = {name: one for name, one in pycolmap.CameraModelId.__members__.items() if int(one) >= 0}
    try:
        if (path := model / "cameras.bin").is_file():
            counts = {
                int(one): len(pycolmap.Camera.create_from_model_id(0, one, 1.0, 1, 1).params)
                for one in known.values()
            }
            models = _numbers(path.read_bytes(), counts)
            unknown = next((str(number) for number in models if number not in counts), None)
        else:
            lines = (model / "cameras.txt").read_text(encoding="utf-8").splitlines()
            names = (line.split()[1] for line in lines if len(line.split()) > 4 and line[0] != "#")
            unknown = next((name[:40] for name in names if name not in known), None)
    except (OSError, ValueError, struct.error):
        return None
    return unknown and f"its camera model is {unknown!r}, need one of {' '.join(known)}"


def _numbers(content: bytes, counts: dict[int, int]) -> Iterator[int]:
    """The models' numbers up to the first unknown one, of which nobody knows the length."""
    (cameras,), position = struct.unpack_from("<Q", content), 8
    for _ in range(cameras):
        _, number, _, _ = CAMERA.unpack_from(content, position)
        yield number
        position += CAMERA.size + 8 * counts.get(number, 0)
