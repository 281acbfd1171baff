"""The kinds of file that a pair has: a row each, so a new kind is one line and its encoder.

Encoders import what they need when they are called: whoever reads records only loads no picture
library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..core.points import PointCloud
    from .pairs.warp import Warp

GaussianPly = Callable[["PointCloud"], bytes]
"""A cloud as the bytes of a Gaussian splat PLY."""


class Encoding(NamedTuple):
    """What encoders go by besides the pictures.

    Attributes:
        picture_format: Extension of the triplet's pictures.
        with_confidence: Whether confidence is saved; a point cloud then holds it, too.
        gaussian_ply: Writes gaussians.
    """

    picture_format: str
    with_confidence: bool
    gaussian_ply: GaussianPly


@dataclass(frozen=True)
class OutputKind:
    """One kind of file.

    Attributes:
        name: As records name it.
        suffix: How file names end; `{extension}` is that of the triplet's pictures.
        encode: A warp as the file's bytes.
        flag: Asks for it on the command line; empty for pictures that hang on the pair alone.
        help: What the flag does.
    """

    name: str
    suffix: str
    encode: Callable[[Warp, Encoding], bytes]
    flag: str = ""
    help: str = ""


def _picture(role: str) -> OutputKind:
    def encode(warp: Warp, encoding: Encoding) -> bytes:
        from ..files.pictures import picture_bytes

        return picture_bytes(getattr(warp, role), encoding.picture_format)

    return OutputKind(role, f"_{role}.{{extension}}", encode)


def _confidence(warp: Warp, _: Encoding) -> bytes:
    from ..files.pictures import confidence_bytes

    return confidence_bytes(warp.confidence, warp.hole)


def _mask(warp: Warp, _: Encoding) -> bytes:
    from ..files.pictures import mask_bytes

    return mask_bytes(warp.hole & warp.counted)


def _motion(warp: Warp, _: Encoding) -> bytes:
    from ..files.pictures import mask_bytes

    assert warp.moved is not None, "files are written of warps that were compared"
    return mask_bytes(warp.moved)


def _depth(warp: Warp, _: Encoding) -> bytes:
    from ..files.pictures import depth_bytes

    return depth_bytes(warp.depth)


def _point_cloud(warp: Warp, encoding: Encoding) -> bytes:
    from ..files.ply import ply_bytes

    cloud = warp.cloud if encoding.with_confidence else warp.cloud._replace(confidence=None)
    return ply_bytes(cloud)


def _gaussians(warp: Warp, encoding: Encoding) -> bytes:
    return encoding.gaussian_ply(warp.cloud)


MAX_REFERENCES = 4
"""Photos that are fused in one view at most. Models for editing take three pictures in all
(Qwen-Image-Edit) to ten (FLUX.2); raised, each photo costs two more renderings and adds less."""


def _further_reference(number: int) -> OutputKind:
    def encode(warp: Warp, encoding: Encoding) -> bytes:
        from ..files.pictures import picture_bytes

        return picture_bytes(warp.others[number - 2], encoding.picture_format)

    return OutputKind(f"reference{number}", f"_reference{number}.{{extension}}", encode)


_TRIPLET = (_picture("splats"), _picture("target"), _picture("reference"))
_FURTHER = tuple(map(_further_reference, range(2, MAX_REFERENCES + 1)))

OUTPUTS = (
    *_TRIPLET,
    *_FURTHER,
    OutputKind(
        "confidence",
        "_confidence.png",
        _confidence,
        "--save-confidence",
        "write the reference's confidence seen from the target",
    ),
    OutputKind("mask", "_mask.png", _mask, "--save-mask", "write the holes: 255 = hole"),
    OutputKind(
        "motion",
        "_motion.png",
        _motion,
        "--save-motion",
        "write what moved between the photos: 255 = moved",
    ),
    OutputKind(
        "depth",
        "_depth.exr",
        _depth,
        "--save-depth",
        "write the points' depth in the target's view (EXR)",
    ),
    OutputKind(
        "ply",
        "_reference.ply",
        _point_cloud,
        "--save-ply",
        "write the reference's point cloud",
    ),
    OutputKind(
        "gaussians",
        "_reference_gaussians.ply",
        _gaussians,
        "--save-splats",
        "write the reference's points as Gaussian splats (3DGS PLY)",
    ),
)
"""In the order in which records name a pair's files."""

OUTPUT_NAMED = {kind.name: kind for kind in OUTPUTS}

TRIPLET = tuple(kind.name for kind in _TRIPLET)
"""The kinds of file that every pair has."""

FURTHER_REFERENCES = tuple(kind.name for kind in _FURTHER)
"""The kinds of file that pairs of more references have, one for each further reference."""

ON_REQUEST = tuple(kind for kind in OUTPUTS if kind.flag)
"""The kinds that are made where they are asked for."""
