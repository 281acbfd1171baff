"""What is looked at: points of a scene or a file, and cameras to see them from; no windows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from warpset.building.options import BuildOptions, PointFilter
from warpset.building.warping import ResampledFrames
from warpset.core.cameras import Camera, project
from warpset.core.errors import InputError
from warpset.core.geometry import SceneGeometry
from warpset.core.points import PointCloud, joined, thinned
from warpset.core.sizes import SizeRule

log = logging.getLogger(__name__)


class Standpoint(NamedTuple):
    """A camera that the scene was seen from, and what it is called."""

    name: str
    camera: Camera


@dataclass(frozen=True, eq=False)
class Subject:
    """A cloud and where to look at it from.

    Attributes:
        name: For the window's title.
        cloud: The points.
        s0: Diameter of a splat, in world units, that fits how densely the points were seen.
        standpoints: At least one; the first is where looking begins.
        problems: A line for each photo that had to be left out.
    """

    name: str
    cloud: PointCloud
    s0: float
    standpoints: tuple[Standpoint, ...]
    problems: tuple[str, ...] = ()

    @property
    def reach(self) -> float:
        """Median depth in world units of what the first standpoint sees; 1 where nothing."""
        every = max(1, len(self.cloud.xyz_world) // 100_000)
        _, depth = project(self.standpoints[0].camera, self.cloud.xyz_world[::every])
        seen = depth[depth > 0]
        return float(np.median(seen)) if seen.size else 1.0


@dataclass(frozen=True)
class SubjectOptions:
    """Which points are shown.

    Attributes:
        size_rule: Size of the photos that become points.
        point_filter: Which of their pixels do.
        max_points: No more points than this; None for no bound.
        quiet: No progress bar.
    """

    size_rule: SizeRule = SizeRule()
    point_filter: PointFilter = PointFilter()
    max_points: int | None = 8_000_000
    quiet: bool = False


class _Lifted(NamedTuple):
    """What one frame gives: its camera, the points that are shown of those found, and s0."""

    standpoint: Standpoint
    cloud: PointCloud
    s0: float
    found: int


def subject_of_scene(name: str, geometry: SceneGeometry, options: SubjectOptions) -> Subject:
    """Lift the frames of a scene into one cloud; a frame that cannot be read is left out.

    Raises:
        InputError: No frame is left, or no point passes the filter.
    """
    problems = list(geometry.left_out)
    frames = list(_lift_frames(geometry, options, problems))
    count = sum(frame.found for frame in frames)
    if count == 0:
        reason = f"; {problems[0]}" if problems else "; lower --conf-threshold"
        raise InputError(f"{name}: found no points, need at least one{reason}")
    cloud = joined([frame.cloud for frame in frames])
    say_thinned(name, count, cloud)
    s0 = float(np.median([frame.s0 for frame in frames]))
    standpoints = tuple(frame.standpoint for frame in frames)
    return Subject(name, cloud, s0, standpoints, tuple(problems))


def _lift_frames(
    geometry: SceneGeometry, options: SubjectOptions, problems: list[str]
) -> Iterator[_Lifted]:
    """The frames that can be read, one after the other; a line for each that cannot."""
    resampled = ResampledFrames(
        geometry,
        BuildOptions(size_rule=options.size_rule, point_filter=options.point_filter),
    )
    maximum = options.max_points and max(1, options.max_points // max(1, len(geometry.frames)))
    for index, frame in enumerate(tqdm(geometry.frames, "points", disable=options.quiet)):
        size_wh = options.size_rule.size_of(frame.photo.camera.size_wh)
        try:
            cloud, s0, _ = resampled.points(index, size_wh)
        except InputError as error:
            problems.append(str(error))
            continue
        standpoint = Standpoint(frame.name, resampled.camera(index, size_wh))
        yield _Lifted(standpoint, thinned(cloud, maximum), s0, len(cloud.xyz_world))


def kept_points(cloud: PointCloud, point_filter: PointFilter) -> PointCloud:
    """The points of a cloud whose confidence passes the filter."""
    if cloud.confidence is None:
        return cloud
    known = np.ones(len(cloud.confidence), bool)
    return cloud.chosen(np.flatnonzero(point_filter.confidence.passed(cloud.confidence, known)))


def say_thinned(name: str, count: int, cloud: PointCloud) -> None:
    """Tell that of so many points fewer are shown."""
    if len(cloud.xyz_world) < count:
        shown = len(cloud.xyz_world)
        log.info(f"{name}: shows {shown:,} of {count:,} points; see --max-points")
