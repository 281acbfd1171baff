"""Depth that other views contradict: what is bad goes, what is good stays, whatever else fails."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pairs.depth_agreement import checked, corrupted, dropped, scene_of, true_depths
from tests.builders import a_wall
from warpset.building.depth.agreement import agreeing
from warpset.building.options import PointFilter
from warpset.core.errors import InputError
from warpset.core.geometry import FrameGeometry, PosedPhoto, SceneGeometry
from warpset.recordings.registry import read_recording, recorded_geometry

ROOM = Path(__file__).parents[3] / "examples" / "scenes" / "room"
FILTER = PointFilter().settled("stereo")


def a_scene(*depth_maps) -> SceneGeometry:
    frames = (
        FrameGeometry(PosedPhoto(Path(f"{index}.png"), each.camera), lambda each=each: each)
        for index, each in enumerate(depth_maps)
    )
    return SceneGeometry(tuple(frames), "vggt", "")


def test_contradicted_depth_is_dropped_and_its_share_is_known():
    views = [a_wall(at, size_wh=(80, 60)) for at in (-0.3, 0.0, 0.3)]
    views[1].depth[20:40, 30:50] *= 1.05
    left, wrong, right = (f.load_depth() for f in agreeing(a_scene(*views), 0.02, FILTER).frames)
    dropped = wrong.depth == 0
    assert dropped[20:40, 30:50].mean() >= 0.95
    assert not dropped[:20].any() and not dropped[:, :30].any()
    assert wrong.contradicted == pytest.approx(dropped.mean())
    assert (left.contradicted, right.contradicted) == (0, 0)
    assert np.array_equal(left.depth, views[0].depth)


def test_a_frame_whose_depth_cannot_be_read_takes_no_other_down():
    def fail():
        raise InputError("2.png: depth is gone")

    scene = a_scene(*(a_wall(at) for at in (-0.3, 0.0, 0.3)))
    broken = replace(scene.frames[1], load_depth=fail)
    frames = agreeing(
        replace(scene, frames=(scene.frames[0], broken, scene.frames[2])), 0.02, FILTER
    ).frames
    assert frames[0].load_depth().depth.all() and frames[2].load_depth().depth.all()
    with pytest.raises(InputError, match="depth is gone"):
        frames[1].load_depth()


def test_what_is_not_trusted_has_no_say():
    wrong = a_wall(0.3, depth=1.5)
    doubted = wrong._replace(confidence=np.full((30, 40), 1.0, np.float32))
    good = a_wall(0.0)
    assert agreeing(a_scene(good, wrong), 0.02, FILTER).frames[0].load_depth().contradicted > 0.5
    assert agreeing(a_scene(good, doubted), 0.02, FILTER).frames[0].load_depth().contradicted == 0


def test_of_the_rooms_corrupted_depth_the_bad_pixels_go_and_the_good_ones_stay():
    recording = read_recording(ROOM)
    assert recording is not None
    room = recorded_geometry(recording, recording.frames)
    true = true_depths(room, 320)
    wrong = [corrupted(each, number) for number, each in enumerate(true)]
    found = dropped(true, wrong, checked(scene_of(room, wrong), 0.02))
    assert found.bad >= 0.95
    assert found.good <= 0.02
