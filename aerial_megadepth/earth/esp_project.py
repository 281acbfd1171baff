"""Google Earth Studio's project file (`.esp`) of a flight; flights are made elsewhere.

The format is not documented. What is written here follows projects that people have published:
JSON of model version 18, where a value is its share of a range that stands beside it, and a
keyframe's time its share of the project's duration. Ranges are written out even where Studio would
assume them. No project of ours has been opened in Studio.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .flight_paths import Pose

MODEL_VERSION = 18
RANGES = {
    "longitude": (-180.0, 180.0),
    "latitude": (-90.0, 90.0),
    "altitude": (-500.0, 65_117_481.0),
    "rotationX": (0.0, 360.0),
    "rotationY": (0.0, 180.0),
}
"""Least and greatest value of a camera's attributes; rotationX is pan, rotationY tilt."""


@dataclass(frozen=True)
class Rendering:
    """How Studio shall render.

    Attributes:
        size_wh: Size of the pictures in pixels; Studio allows 4096x2304.
        frame_rate: Frames a second.
    """

    size_wh: tuple[int, int] = (1920, 1080)
    frame_rate: int = 30


def project_text(name: str, poses: Sequence[Pose], rendering: Rendering) -> str:
    """The project as JSON: a keyframe for every pose, the last at the project's end.

    Args:
        name: What Studio shows.
        poses: One a frame, and one more.
        rendering: Size and rate.
    """
    frames = len(poses) - 1
    project = {
        "modelVersion": MODEL_VERSION,
        "settings": {
            "name": name,
            "frameRate": rendering.frame_rate,
            "dimensions": {"width": rendering.size_wh[0], "height": rendering.size_wh[1]},
            "duration": frames,
            "timeFormat": "frames",
        },
        "scenes": [
            {
                "animationModel": {"roving": False, "logarithmic": False, "groupedPosition": True},
                "duration": frames,
                "attributes": [_camera_group(poses)],
                "cameraExport": {"logarithmic": False, "modelVersion": 2},
            }
        ],
        "playbackManager": {"range": {"start": 0, "end": frames}},
    }
    return json.dumps(project, indent=1) + "\n"


def _camera_group(poses: Sequence[Pose]) -> dict[str, Any]:
    position = [
        _attribute("longitude", [pose.longitude_deg for pose in poses]),
        _attribute("latitude", [pose.latitude_deg for pose in poses]),
        _attribute("altitude", [pose.altitude_m for pose in poses]),
    ]
    rotation = [
        _attribute("rotationX", [pose.pan_deg for pose in poses]),
        _attribute("rotationY", [pose.tilt_deg for pose in poses]),
        {"type": "rotationZ", "value": {"relative": 0}},
    ]
    return _group(
        "cameraGroup",
        [
            _group("cameraPositionGroup", [_group("position", position)]),
            _group("cameraRotationGroup", rotation),
        ],
    )


def _group(kind: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": kind, "inTimeline": True, "attributes": attributes}


def _attribute(kind: str, values: Sequence[float]) -> dict[str, Any]:
    least, greatest = RANGES[kind]
    shares = [(value - least) / (greatest - least) for value in values]
    bounds = {"minValueRange": least, "maxValueRange": greatest, "relative": shares[0]}
    if kind == "altitude":
        bounds["logarithmic"] = False
    straight = {"x": 0, "y": 0, "type": "linear"}
    keyframes = [
        {
            "time": index / (len(values) - 1),
            "value": share,
            "transitionIn": straight,
            "transitionOut": straight,
        }
        for index, share in enumerate(shares)
    ]
    return {"type": kind, "value": bounds, "keyframes": keyframes, "inTimeline": True}
