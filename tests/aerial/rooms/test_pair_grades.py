"""Grades of pairs: pitch and scale of known cameras, levels by their edges, kept in a file."""

import numpy as np
import pytest

from aerial_megadepth.pairs.pair_grades import (
    OUTSIDE,
    PairGrades,
    grade_pairs,
    level_name,
    levels_of,
    pitch_deg,
)
from aerial_megadepth.pairs.pairs_file import ScenePairs, read_pairs, write_pairs
from tests.aerial.aerial_builders import look_at
from warpset.core.cameras import Camera, intrinsics
from warpset.core.geometry import DepthMap


def over_the_ground(center, target=(0.0, 0.0, 0.0), focal=100.0, size_wh=(80, 60)) -> DepthMap:
    """A view of the plane z = 0."""
    pose = look_at(center, target)
    camera = Camera(intrinsics(focal, focal, size_wh[0] / 2, size_wh[1] / 2), pose, size_wh)
    rows, columns = np.mgrid[0 : size_wh[1], 0 : size_wh[0]] + 0.5
    rays = np.stack([(columns - 40) / focal, (rows - 30) / focal, np.ones_like(rows)], -1)
    down = (rays @ pose[:3, :3])[..., 2]
    depth = np.where(down < -1e-3, -center[2] / np.minimum(down, -1e-3), 0)
    return DepthMap(depth.astype(np.float32), None, camera)


def test_pitch_and_scale_are_those_of_the_cameras():
    steep, flat = over_the_ground((0.0, -1e-3, 100.0)), over_the_ground((0.0, -50.0, 20.0))
    twice = over_the_ground((0.0, -1e-3, 100.0), focal=200.0)
    assert pitch_deg(steep.camera) == pytest.approx(-90, abs=0.01)
    assert pitch_deg(flat.camera) == pytest.approx(-np.degrees(np.arctan2(20, 50)), abs=0.01)
    pairs, scores = np.array([[0, 1], [0, 2], [0, 0]]), np.array([0.3, 0.3, 1.0], np.float32)
    found = grade_pairs([steep, flat, twice], pairs, scores)
    assert found.pitch_deg == pytest.approx([90 - 21.80, 0, 0], abs=0.01)
    assert found.scale[1:] == pytest.approx([2, 1], rel=1e-3)
    assert 1.5 < found.scale[0] < 2.2
    assert found.level.tolist() == [1 + (2 * 4 + 3) * 2 + int(found.scale[0] > 2), OUTSIDE, OUTSIDE]


def test_levels_run_from_1_to_32_over_every_grade_once():
    overlap, pitch, scale = np.meshgrid(
        [0.7, 0.5, 0.3, 0.1], [52, 57, 62, 67], [1.5, 3.0], indexing="ij"
    )
    asked = (part.ravel().astype(np.float32) for part in (pitch, scale, overlap))
    assert levels_of(*asked).tolist() == list(range(1, 33))
    assert len({level_name(level) for level in range(1, 33)}) == 32
    assert level_name(1) == "overlap 60% to 100%, pitch 50 to 55 degrees, scale 1 to 2"
    assert level_name(32) == "overlap 0% to 20%, pitch 65 to 70 degrees, scale over 2"


@pytest.mark.parametrize(("pitch", "graded"), [(49.9, 0), (50.0, 1), (69.9, 1), (70.0, 0), (90, 0)])
def test_other_pitches_have_no_level(pitch, graded):
    one = np.ones(1, np.float32)
    assert bool(levels_of(pitch * one, one, one / 2)[0] != OUTSIDE) == bool(graded)


def test_a_file_of_pairs_keeps_grades_where_all_scenes_have_them(tmp_path):
    pairs, scores = np.array([[0, 1]]), np.array([0.5], np.float32)
    grades = PairGrades(scores, scores + 1, np.array([7], np.int32))
    graded = ScenePairs(["a", "b"], pairs, scores, grades)
    write_pairs(tmp_path / "all.npz", {"0001": graded, "0002": graded})
    found = read_pairs(tmp_path / "all.npz")["0002"].grades
    assert found is not None
    assert [part.tolist() for part in found] == [part.tolist() for part in grades]
    assert graded.among(["b", "a"]).grades is not None
    write_pairs(tmp_path / "some.npz", {"0001": graded, "0002": graded._replace(grades=None)})
    assert read_pairs(tmp_path / "some.npz")["0001"].grades is None
