"""Recorded pairs -> what the page tells of each; no pixels, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warpset.building.camera_motion import camera_motion
from warpset.building.pairs.camera_json import recorded_camera, recorded_size_wh
from warpset.building.scores import SCORES
from warpset.core.cameras import Camera
from warpset.files.cache import content_key
from warpset.trainers.pair_selection import RecordedPair, Report, find_recorded_pairs

from .thumbnails import Thumbnail

ASSUMED_SIZE_WH = (4, 3)
"""The aspect of pairs whose record does not say."""


def find_review_pairs(output_dir: Path, report: Report) -> list[RecordedPair]:
    """All pairs on record, those that were rejected too; what no list can name is reported.

    Raises:
        InputError: The folder is missing, or holds two scenes of one name.
    """
    pairs = []
    for pair in find_recorded_pairs(output_dir, report):
        if _can_be_listed(pair.key):
            pairs.append(pair)
        else:
            report(
                f"{output_dir}: the name {ascii(pair.key)} cannot stand in a list of one "
                "scene/pair a line; pair left out; rename the scene or the photo"
            )
    return pairs


def _can_be_listed(key: str) -> bool:
    is_one_line = key.splitlines() == [key] and key == key.strip() and not key.startswith("#")
    return is_one_line and key.encode(errors="replace").decode() == key


def describe_scores() -> list[dict[str, Any]]:
    """The scores that pairs have, as the page labels, charts and lists them."""
    return [
        {
            "name": score.name,
            "label": score.label[:1].upper() + score.label[1:],
            "unit": score.unit,
            "digits": score.digits,
            "short": score.short,
            "isCharted": score.is_charted,
        }
        for score in SCORES
    ]


def describe_pair(pair: RecordedPair, thumbnail: Thumbnail) -> dict[str, Any]:
    """A pair as the page's data, finite numbers and text alone.

    `id` names what the pair shows: a pair made anew from other photos or with other options has
    another one, so that a browser's earlier choice does not stick to it.
    """
    record = pair.record
    scores = {score.name: record.scores.get(score.name) for score in SCORES}
    cameras = _recorded_cameras(record.cameras)
    identity = (pair.key, record.sha256, record.cameras, record.geometry, record.options, scores)
    return {
        "scene": pair.scene,
        "name": record.name,
        "id": content_key(pair=identity)[:16],
        "photos": {"reference": record.reference, "target": record.target},
        "rejected": record.rejected or None,
        "problem": thumbnail.problem,
        "thumbnail": thumbnail.name,
        "files": dict(thumbnail.files),
        "size": recorded_size_wh(record.cameras) or ASSUMED_SIZE_WH,
        "measures": scores,
        "motion": _motion_words(cameras),
    }


def _recorded_cameras(cameras: Mapping[str, Any]) -> tuple[Camera, Camera] | None:
    """Reference's and target's camera; None where the record has not both."""
    try:
        return recorded_camera(cameras, "reference"), recorded_camera(cameras, "target")
    except ValueError:
        return None


def _motion_words(cameras: tuple[Camera, Camera] | None) -> str | None:
    """The motion as a prompt template would tell it; None where no cameras are recorded."""
    if cameras is None:
        return None
    fields = camera_motion(*cameras).fields()
    return f"{fields['azimuth']}, {fields['elevation']}, {fields['distance']}"
