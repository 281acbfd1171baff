"""What a build is asked for, with every default; it knows no command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..core.masks import ConfidenceThreshold
from ..core.sizes import SizeRule
from ..recordings.registry import RECORDED
from .clips.plan import ClipRule
from .frames import FrameSampling, FrameSelection
from .pairing import Pairing
from .scores import MIN_USE_COVERAGE, Quality

NOT_EMPTY = Quality((("min-coverage", MIN_USE_COVERAGE),))
"""What every pair has to show."""

ESTIMATED_EDGE_THRESHOLD = 0.02
"""What `auto` takes for depth that was estimated, see `benchmarks/pairs/depth_agreement.py`."""

MAX_MODEL_BYTES = 2**31
"""Of an ONNX file: what its format, protobuf, can hold."""

PICTURE_FORMATS = ("jpg", "jpeg", "png")


@dataclass(frozen=True)
class PointFilter:
    """Which pixels of the reference become points.

    Attributes:
        confidence: The least confidence; recorded depth without one passes always.
        edge_threshold: Relative depth step between which pixels count as flying; None keeps all,
            `auto` goes by who gave the depth.
        sky: Drop pixels that a segmentation model takes for sky.
        black_background: Drop pixels whose R + G + B is below 16.
        white_background: Drop pixels whose R, G and B are all above 240.
        sky_model: SHA-256 of the file that finds the sky; None for the published one.
    """

    confidence: ConfidenceThreshold = ConfidenceThreshold()
    edge_threshold: float | Literal["auto"] | None = "auto"
    sky: bool = False
    black_background: bool = False
    white_background: bool = False
    sky_model: str | None = None

    def settled(self, source: str) -> PointFilter:
        """The same for depth of one source: recorded edges are sharp, estimated ones are not."""
        if self.edge_threshold != "auto":
            return self
        threshold = None if source == RECORDED else ESTIMATED_EDGE_THRESHOLD
        return replace(self, edge_threshold=threshold)


@dataclass(frozen=True)
class MaskRule:
    """What a model of the user's leaves out of photos.

    Attributes:
        model: The ONNX file.
        sha256: Its hash; None where it is not there.
        grow_px: Pixels of the photo by which what it leaves out grows.
    """

    model: Path
    sha256: str | None
    grow_px: int


@dataclass(frozen=True)
class BuildOptions:
    """Everything that decides which pairs are made and what they look like.

    Attributes:
        geometry: `auto`, or the source of depth and cameras to insist on.
        output_format: Extension of the triplet's pictures.
        size_rule: Size of the pictures.
        upsample_depth: Bring depth to the output size before lifting it.
        point_filter: Which pixels become points.
        mask_rule: What a model leaves out of photos; None for none.
        depth_agreement: Ratio by which other views' depth may differ before a pixel is dropped;
            None asks no other views.
        hole_shares: Wanted shares of holes of pairs that are made of one photo; empty for pairs of
            two photos.
        hole_fill: What holes of the splats are filled with, one of `pairs.warp.HOLE_FILLS`.
        augment_depth: Give depth errors of a network's kind, see `depth.augmenting`.
        depth_scale: Units that recorded depth files store per unit of the scene; None where the
            recording says it.
        sigma_px: Distance in pixels over which filled holes fade.
        auto_s0: Estimate the splat size per frame from depth and intrinsics.
        selection: Which photos become frames.
        pairing: Which frames are paired.
        references: How many photos are warped into each target's view together, at most.
        sampling: Which frames of a video become photos.
        clips: Make clips of so many frames instead of pairs; None for pairs.
        bidirectional: Warp every later neighbour into the earlier view as well.
        quality: Which pairs are good enough.
        match_exposure: Make splats and reference as bright as the target.
        extras: Kinds of file wanted beside the triplet, see `outputs`.
        scene_gaussians: Write all frames' points as one file of splats, see `scene_files`.
        colmap_model: Write cameras, photos and points as a COLMAP model, see `scene_files`.
        force: Make again what is there already.
        dry_run: Only say what would be made.
        plan: Only find geometry and say how hard the pairs that would be made will be.
        quiet: No progress bars.
        workers: How many pairs, or frames of a clip, are made at once; None for as many as cores.
    """

    geometry: str = "auto"
    output_format: str = "jpg"
    size_rule: SizeRule = SizeRule()
    upsample_depth: bool = False
    point_filter: PointFilter = PointFilter()
    mask_rule: MaskRule | None = None
    depth_agreement: float | None = None
    augment_depth: bool = False
    hole_shares: tuple[float, ...] = ()
    hole_fill: str = "fade"
    depth_scale: float | None = None
    sigma_px: float = 20.0
    auto_s0: bool = False
    selection: FrameSelection = FrameSelection()
    pairing: Pairing = Pairing()
    references: int = 1
    sampling: FrameSampling = FrameSampling()
    clips: ClipRule | None = None
    bidirectional: bool = False
    quality: Quality = NOT_EMPTY
    match_exposure: bool = False
    extras: frozenset[str] = field(default_factory=frozenset)
    scene_gaussians: bool = False
    colmap_model: bool = False
    force: bool = False
    dry_run: bool = False
    plan: bool = False
    quiet: bool = False
    workers: int | None = None

    def settled(self, source: str) -> BuildOptions:
        """The same for geometry of one source, see `PointFilter.settled`."""
        return replace(self, point_filter=self.point_filter.settled(source))

    @property
    def writes(self) -> bool:
        """Whether pairs are made, not only spoken of."""
        return not (self.dry_run or self.plan)

    def as_recorded(self) -> dict[str, Any]:
        """The options that decide what a pair looks like, by the name of their flag."""
        width, height = self.size_rule.resize_wh or (None, None)
        return {
            "output-format": self.output_format,
            "max-megapixels": self.size_rule.max_megapixels,
            "resize-width": width,
            "resize-height": height,
            "size-preset": self.size_rule.preset,
            "upsample-depth": self.upsample_depth,
            "depth-conf-threshold": str(self.point_filter.confidence),
            "depth-edge-threshold": self.point_filter.edge_threshold,
            "filter-sky": self.point_filter.sky,
            "sky-model": self.point_filter.sky_model,
            "filter-black-bg": self.point_filter.black_background,
            "filter-white-bg": self.point_filter.white_background,
            "sigma": self.sigma_px,
            "auto-s0": self.auto_s0,
            "match-exposure": self.match_exposure,
            **self.quality.as_recorded(),
            **self._as_recorded_where_set(),
        }

    def _as_recorded_where_set(self) -> dict[str, Any]:
        recorded: dict[str, Any] = {}
        if self.mask_rule:
            recorded |= {"mask-model": self.mask_rule.sha256, "mask-grow": self.mask_rule.grow_px}
        if self.clips:
            recorded |= {"clips": self.clips.frames, "clip-crf": self.clips.crf}
        set_only = {
            "depth-scale": self.depth_scale,
            "depth-agreement": self.depth_agreement,
            "augment-depth": self.augment_depth,
            "hole-fill": self.hole_fill if self.hole_fill != "fade" else None,
            "references": self.references if self.references > 1 else None,
        }
        return recorded | {name: value for name, value in set_only.items() if value}
