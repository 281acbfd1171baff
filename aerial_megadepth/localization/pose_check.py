"""Whether photos stand to each other as in their own model; how they were registered it ignores.

MegaDepth's model says where its photos stand and look, up to a similarity. Registered photos have
to agree with it: a pose out of wrong matches fits its own matches well, but not the other photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera, FloatArray

MAX_OFF_SHARE = 0.1
"""How far a photo may stand from where its model puts it, as a share of the distance to what it
shows. False poses were off by half of it and more, true ones by less than a hundredth; raised,
false ones pass."""

MAX_OFF_DEG = 10.0
"""How far a photo may be turned from what its model says, in degrees."""

MIN_AGREEING = 3
"""So few photos at least have to agree on a similarity; any two agree on one of their own."""

MAX_PAIRS = 3000
"""So many pairs of photos at most are asked for a similarity, evenly spread over all of them."""


class PoseCheck(NamedTuple):
    """How a photo's pose agrees with its model.

    Attributes:
        off_m: Metres between where it was registered and where its model puts it.
        off_share: The same as a share of the distance to what it shows.
        off_deg: Degrees by which it is turned against its model.
    """

    off_m: float
    off_share: float
    off_deg: float

    @property
    def agrees(self) -> bool:
        """Whether the photo may be where it was registered."""
        return self.off_share <= MAX_OFF_SHARE and self.off_deg <= MAX_OFF_DEG

    @property
    def cost(self) -> float:
        """What it counts against a similarity: 0 if it agrees wholly, 1 if it does not at all.

        Were only those counted that agree, a similarity that shrinks all photos to one spot between
        them could win.
        """
        return min(1.0, max(self.off_share / MAX_OFF_SHARE, self.off_deg / MAX_OFF_DEG))


class _Similarity(NamedTuple):
    """World from model: x_world = scale * rotation @ x_model + shift."""

    scale: float
    rotation: FloatArray
    shift: FloatArray


def check_poses(
    registered: Sequence[Camera], model: Sequence[Camera], distances_m: Sequence[float]
) -> list[PoseCheck] | None:
    """Check photos against the similarity that most of them agree on.

    Args:
        registered: Cameras of the photos in metres.
        model: Their cameras in the model's world.
        distances_m: Metres from each photo to what it shows.

    Returns:
        A check a photo; None where too few of them agree on any similarity, which leaves open
        who is wrong.
    """
    best, least = None, np.inf
    for pair in _pairs(len(registered)):
        if (similarity := _similarity(registered, model, pair)) is None:
            continue
        checks = _checks(similarity, registered, model, distances_m)
        agreeing = [n for n, check in enumerate(checks) if check.agrees]
        cost = sum(check.cost for check in checks)
        if len(agreeing) >= MIN_AGREEING and cost < least:
            best, least = agreeing, cost
    refined = None if best is None else _similarity(registered, model, best)
    return None if refined is None else _checks(refined, registered, model, distances_m)


def _pairs(count: int) -> list[tuple[int, int]]:
    pairs = list(combinations(range(count), 2))
    return pairs[:: max(1, -(-len(pairs) // MAX_PAIRS))]


def _similarity(
    registered: Sequence[Camera], model: Sequence[Camera], chosen: Sequence[int]
) -> _Similarity | None:
    """The similarity of some photos by their rotations' chordal mean and their centres' spread."""
    turns = sum(
        registered[n].cam_from_world[:3, :3].T @ model[n].cam_from_world[:3, :3] for n in chosen
    )
    left, _, right = np.linalg.svd(turns)
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    world = np.array([registered[n].center_world for n in chosen])
    own = np.array([model[n].center_world for n in chosen]) @ rotation.T
    world_mean, own_mean = world.mean(0), own.mean(0)
    spread = float(np.sum((own - own_mean) ** 2))
    if spread == 0.0:
        return None
    scale = float(np.sum((own - own_mean) * (world - world_mean))) / spread
    return _Similarity(scale, rotation, world_mean - scale * own_mean) if scale > 0 else None


def _checks(
    similarity: _Similarity,
    registered: Sequence[Camera],
    model: Sequence[Camera],
    distances_m: Sequence[float],
) -> list[PoseCheck]:
    own = np.array([camera.center_world for camera in model])
    expected = similarity.scale * own @ similarity.rotation.T + similarity.shift
    off_m = np.linalg.norm(expected - [camera.center_world for camera in registered], axis=1)
    turns = [
        one.cam_from_world[:3, :3] @ similarity.rotation @ other.cam_from_world[:3, :3].T
        for one, other in zip(registered, model, strict=True)
    ]
    off_deg = [_angle_deg(turn) for turn in turns]
    shares = off_m / np.asarray(distances_m)
    return [PoseCheck(*map(float, found)) for found in zip(off_m, shares, off_deg, strict=True)]


def _angle_deg(rotation: NDArray[np.floating]) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0))))
