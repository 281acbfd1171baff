"""What is worth knowing of a localization, as JSON beside it; no geometry beyond a similarity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pycolmap

from warpset.core.cameras import FloatArray
from warpset.core.errors import InputError
from warpset.files.json_files import as_record, read_text
from warpset.files.writing import write_atomically
from warpset.stereo.sfm import image_index

from .registration import PhotoGroup, Registration

MIN_PHOTOS_FOR_SCALE = 3


@dataclass(frozen=True)
class ModelScale:
    """How a MegaDepth model lies in the metric world, from the photos of it that were registered.

    Attributes:
        photos: How many.
        metres_per_unit: Metres a unit of the MegaDepth model.
        residual_m: Median distance between the two models' optical centres, brought together.
    """

    photos: int
    metres_per_unit: float
    residual_m: float


@dataclass(frozen=True)
class PhotoResidual:
    """How well a photo stands where it was registered.

    Attributes:
        name: Its image.
        kept: Whether it is in the scene; False where it disagreed with its MegaDepth model.
        reprojection_px: Mean reprojection error of its points; None where it has none.
        off_m: Metres from where its MegaDepth model puts it; None where too few photos tell.
        off_share: The same as a share of the distance to what it shows.
        off_deg: Degrees by which it is turned against its model.
    """

    name: str
    kept: bool
    reprojection_px: float | None
    off_m: float | None
    off_share: float | None
    off_deg: float | None


@dataclass(frozen=True)
class LocalizationReport:
    """A localization in numbers.

    Attributes:
        aerial: Names of the aerial frames with a camera in the model.
        aerial_given: How many frames there were.
        photos: Names of the photos that were registered.
        photos_given: How many photos there were to register.
        photos_listed: How many the image list names.
        drift_m: Greatest distance of an aerial camera from where it is known to be.
        is_aligned: Whether a similarity brought the model back.
        reprojection_px: Mean reprojection error of the points.
        points: How many points there are.
        scales: How each MegaDepth model lies in the world, where three photos or more tell.
        residuals: Of each photo that was registered, also of those that were dropped again.
    """

    aerial: list[str]
    aerial_given: int
    photos: list[str]
    photos_given: int
    photos_listed: int
    drift_m: float
    is_aligned: bool
    reprojection_px: float
    points: int
    scales: list[ModelScale | None]
    residuals: list[PhotoResidual] = field(default_factory=list)

    def summary(self) -> str:
        """The report as one line."""
        dropped = [residual.off_m or 0.0 for residual in self.residuals if not residual.kept]
        drops = ""
        if dropped:
            off = f"up to {max(dropped):.1f} m off their MegaDepth model"
            drops = f", {len(dropped)} dropped that stand {off}"
        return (
            f"{len(self.photos)} of {self.photos_given} photos registered with"
            f" {len(self.aerial)} of {self.aerial_given} aerial frames, reprojection"
            f" {self.reprojection_px:.2f} px, drift {1000 * self.drift_m:.3f} mm{drops}"
        )

    def write(self, path: Path) -> None:
        """Write the report."""
        write_atomically(path, (json.dumps(asdict(self), indent=1) + "\n").encode())


def read_report(path: Path) -> LocalizationReport:
    """Read a report.

    Raises:
        InputError: It is missing or no such JSON.
    """
    try:
        return as_record(read_text(path), LocalizationReport)
    except FileNotFoundError:
        raise InputError(f"{path}: found no report; run do_colmap_localization first") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a report ({error}); run do_colmap_localization again"
        ) from error


def report_on(
    registration: Registration, frames: int, groups: Sequence[PhotoGroup], photos_listed: int
) -> LocalizationReport:
    """Sum a registration up.

    Args:
        registration: Aerial frames first, then the photos, group by group.
        frames: How many aerial frames there were.
        groups: The photos.
        photos_listed: How many photos were asked for.
    """
    names = {index: photo.path.name for index, photo in registration.posed.items()}
    scales, first = [], frames
    for group in groups:
        scales.append(_scale_of(registration, group, first))
        first += len(group.photos)
    return LocalizationReport(
        aerial=[name for index, name in names.items() if index < frames],
        aerial_given=frames,
        photos=[name for index, name in names.items() if index >= frames],
        photos_given=first - frames,
        photos_listed=photos_listed,
        drift_m=registration.drift_m,
        is_aligned=registration.is_aligned,
        reprojection_px=float(registration.model.compute_mean_reprojection_error()),
        points=registration.model.num_points3D(),
        scales=scales,
        residuals=_residuals(registration, groups, frames),
    )


def _residuals(
    registration: Registration, groups: Sequence[PhotoGroup], first: int
) -> list[PhotoResidual]:
    """A residual for each photo that was registered, in the order of the photos."""
    images = {image_index(image.name): image for image in registration.model.images.values()}
    photos = enumerate((photo for group in groups for photo in group.photos), start=first)
    found = []
    for index, photo in photos:
        check, kept = registration.checks.get(index), index in registration.posed
        if kept or check is not None:
            error = _reprojection_px(images[index], registration.model) if kept else None
            off = (None, None, None) if check is None else check
            found.append(PhotoResidual(photo.path.name, kept, error, *off))
    return found


def _reprojection_px(image: pycolmap.Image, model: pycolmap.Reconstruction) -> float | None:
    """Mean distance between an image's points and where it sees them, in pixels of the model."""
    seen = image.get_observation_points2D()
    projected = [image.project_point(model.points3D[point.point3D_id].xyz) for point in seen]
    offs = [point.xy - uv for point, uv in zip(seen, projected, strict=True) if uv is not None]
    return float(np.mean(np.linalg.norm(offs, axis=1))) if offs else None


def _scale_of(registration: Registration, group: PhotoGroup, first: int) -> ModelScale | None:
    placed = [n for n in range(len(group.photos)) if first + n in registration.posed]
    if len(placed) < MIN_PHOTOS_FOR_SCALE:
        return None
    own: FloatArray = np.array([group.photos[n].camera.center_world for n in placed])
    metric = np.array([registration.posed[first + n].camera.center_world for n in placed])
    world_from_model = pycolmap.estimate_sim3d(own, metric)
    if world_from_model is None:
        return None
    moved = np.array([world_from_model * center for center in own])
    residual_m = float(np.median(np.linalg.norm(moved - metric, axis=1)))
    return ModelScale(len(placed), float(world_from_model.scale), residual_m)
