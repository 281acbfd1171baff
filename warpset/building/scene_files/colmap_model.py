"""A scene's cameras, photos and points as a COLMAP model, for programs elsewhere.

Photos are written free of lens distortion and upright, as radiance field trainers want them; each
camera is a pinhole. Points are samples of the frames' depth and have no tracks. COLMAP's axes and
pixel centres are ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.cameras import Camera
from ...core.geometry import PosedPhoto
from ...core.lens import colmap_library
from ...core.points import PointCloud
from ...files.pictures import picture_bytes
from ...files.pinhole_photos import read_pinhole
from ...files.writing import write_atomically
from ..pairs.plan import frame_names
from .record import SceneFileRecord

if TYPE_CHECKING:
    import pycolmap

COLMAP_FOLDER = "colmap"
MODEL_FOLDER = "sparse/0"
IMAGES_FOLDER = "images"
RECORD_NAME = "made_from.json"

MAX_POINTS = 200_000
"""Of all frames together; COLMAP's own models of a hundred photos have about as many. More are
slower to load and tell a trainer little more."""


class ColmapModelFolder:
    """The scene's COLMAP model on disk, and the record, written last, of what it was made from.

    Args:
        folder: The folder of the scene's pairs, which the model's folder lies in.
        made_from: Everything that decides the content, JSON-serialisable.
        picture_format: Of the photos, see `pictures.picture_bytes`.
    """

    def __init__(self, folder: Path, made_from: Mapping[str, Any], picture_format: str):
        self._folder, self._format = folder / COLMAP_FOLDER, picture_format
        self._record = SceneFileRecord(
            self._folder / RECORD_NAME, made_from, found=("files", "provenance")
        )

    def is_done(self) -> bool:
        """Whether all is there and was made from the same."""
        found = self._record.found()
        files = found["files"] if found else None
        return isinstance(files, list) and all((self._folder / str(n)).is_file() for n in files)

    def write(
        self,
        photos: Sequence[PosedPhoto],
        clouds: Sequence[PointCloud],
        provenance: Mapping[str, str],
        is_whole: bool,
    ) -> None:
        """Write photos and model, then the record; without one they are made again.

        Args:
            photos: The scene's photos with their cameras.
            clouds: Points of frames.
            provenance: See `SceneGeometry.provenance`.
            is_whole: Whether the points of every frame are in.

        Raises:
            InputError: A photo cannot be read, or pycolmap is not there.
        """
        pycolmap = colmap_library(str(self._folder))
        names = [f"{name}.{self._format}" for name in frame_names([p.path for p in photos])]
        (self._folder / MODEL_FOLDER).mkdir(parents=True, exist_ok=True)
        (self._folder / IMAGES_FOLDER).mkdir(exist_ok=True)
        self._record.forget()
        written = []
        for name, photo in zip(names, photos, strict=True):
            written.append(f"{IMAGES_FOLDER}/{name}")
            rgb = read_pinhole(photo, photo.camera)
            write_atomically(self._folder / written[-1], picture_bytes(rgb, self._format))
        model = pycolmap.Reconstruction()
        _add_images(pycolmap, model, names, [photo.camera for photo in photos])
        _add_points(pycolmap, model, clouds)
        with tempfile.TemporaryDirectory() as folder:
            model.write_binary(folder)
            for path in sorted(Path(folder).iterdir()):
                written.append(f"{MODEL_FOLDER}/{path.name}")
                write_atomically(self._folder / written[-1], path.read_bytes())
        if is_whole:
            self._record.keep(files=written, provenance=dict(provenance))


def sampled(cloud: PointCloud, most: int) -> PointCloud:
    """So many of a frame's points at most, evenly over its picture."""
    count = len(cloud.xyz_world)
    step = max(1, -(-count // most))
    return cloud.chosen(np.arange(0, count, step))


def _add_images(
    library: Any, model: pycolmap.Reconstruction, names: Sequence[str], cameras: Sequence[Camera]
) -> None:
    """Add images, and one camera for all that have the same intrinsics."""
    keys = [(*camera.K[[0, 1, 0, 1], [0, 1, 2, 2]].tolist(), *camera.size_wh) for camera in cameras]
    id_of = {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}
    for key, camera_id in id_of.items():
        *params, width, height = key
        model.add_camera_with_trivial_rig(
            library.Camera(
                camera_id=camera_id, model="PINHOLE", width=width, height=height, params=params
            )
        )
    for number, (name, key, camera) in enumerate(zip(names, keys, cameras, strict=True), start=1):
        image = library.Image(name=name, camera_id=id_of[key], image_id=number)
        pose = library.Rigid3d(camera.cam_from_world[:3])
        model.add_image_with_trivial_frame(image, pose)


def _add_points(library: Any, model: pycolmap.Reconstruction, clouds: Sequence[PointCloud]) -> None:
    for cloud in clouds:
        for xyz, rgb in zip(cloud.xyz_world, cloud.rgb, strict=True):
            model.add_point3D(xyz.astype(np.float64), library.Track(), rgb)
