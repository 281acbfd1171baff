"""What EXIF says of the camera that took a photo; no pixels, no geometry."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags

from .image_files import open_image

DIAGONAL_35MM = math.hypot(36.0, 24.0)


class ExifCamera(NamedTuple):
    """A camera and its zoom, as far as EXIF names them.

    Attributes:
        make: Manufacturer.
        model: Name of the model.
        focal_mm: Focal length in mm.
        focal_35mm: Focal length in mm that shows as much on 35 mm film.
    """

    make: str | None
    model: str | None
    focal_mm: float | None
    focal_35mm: float | None

    def focal_px(self, size_wh: tuple[int, int]) -> float | None:
        """Focal length of a photo of the given size, or None; 35 mm film goes by its diagonal."""
        if not self.focal_35mm:
            return None
        return self.focal_35mm / DIAGONAL_35MM * math.hypot(*size_wh)


def read_exif_camera(path: Path) -> ExifCamera | None:
    """The camera of a photo; None where EXIF is missing, broken, or silent about the zoom."""
    try:
        with open_image(path) as image:
            exif = image.getexif()
            details = exif.get_ifd(ExifTags.IFD.Exif)
            camera = ExifCamera(
                exif.get(ExifTags.Base.Make),
                exif.get(ExifTags.Base.Model),
                _positive(details.get(ExifTags.Base.FocalLength)),
                _positive(details.get(ExifTags.Base.FocalLengthIn35mmFilm)),
            )
    except Exception:  # broken EXIF says nothing about the camera
        return None
    return camera if camera.focal_mm or camera.focal_35mm else None


def _positive(value: object) -> float | None:
    number = float(value) if value is not None else 0.0  # type: ignore[arg-type]
    return number if 0.0 < number < math.inf else None
