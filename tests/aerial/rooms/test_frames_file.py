"""The frames file: what is written comes back, and nothing else is taken for a camera."""

import json

import numpy as np
import pytest

from aerial_megadepth.earth.frames_file import AerialFrame, read_frames, read_meta, write_frames
from tests.aerial.aerial_builders import an_orbit
from warpset.core.errors import InputError


def a_frames_file(path, **changes):
    """Write two frames, then change the first one's JSON."""
    frames = [AerialFrame(f"s_{i:03d}.jpeg", c, i / 30) for i, c in enumerate(an_orbit(2))]
    write_frames(path, frames, {"earth": "sphere"})
    content = json.loads(path.read_text())
    content["frames"][0] |= changes
    path.write_text(json.dumps(content))
    return frames


def test_frames_come_back_as_they_were(tmp_path):
    written = a_frames_file(tmp_path / "s.json")
    read = read_frames(tmp_path / "s.json")
    assert [(f.name, f.time_s) for f in read] == [(f.name, f.time_s) for f in written]
    for one, other in zip(read, written, strict=True):
        assert one.camera.size_wh == other.camera.size_wh
        np.testing.assert_array_equal(one.camera.K, other.camera.K)
        np.testing.assert_array_equal(one.camera.cam_from_world, other.camera.cam_from_world)
    assert read_meta(tmp_path / "s.json")["earth"] == "sphere"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../a.jpeg"},
        {"name": None},
        {"size_wh": [0, 48]},
        {"size_wh": [10**9, 48]},
        {"size_wh": "64"},
        {"K": [[0, 0, 0], [0, 1, 0], [0, 0, 1]]},
        {"K": [[1, 2], [3, 4]]},
        {"K": [[float("nan"), 0, 0], [0, 1, 0], [0, 0, 1]]},
        {"cam_from_world": np.diag([2.0, 2, 2, 1]).tolist()},
        {"cam_from_world": np.diag([-1.0, 1, 1, 1]).tolist()},
        {"cam_from_world": [[1]]},
        {"cam_from_world": None},
    ],
)
def test_what_is_no_camera_is_refused_in_a_line(tmp_path, changes):
    a_frames_file(tmp_path / "s.json", **changes)
    with pytest.raises(InputError, match="run preprocess_ge again") as error:
        read_frames(tmp_path / "s.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"frames": 3}'])
def test_another_file_is_refused_in_a_line(tmp_path, content):
    if content is not None:
        (tmp_path / "s.json").write_text(content)
    with pytest.raises(InputError):
        read_frames(tmp_path / "s.json")
