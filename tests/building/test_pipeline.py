"""The walk through one scene with estimators that answer a known plane."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import gaussian_ply
from renderer.making import make_renderer
from tests.builders import PLANE_DEPTH_M, a_camera, a_photo, a_scene, tree
from warpset.building.options import BuildOptions
from warpset.building.pairs.record import read_records
from warpset.building.pipeline import Backends, build_scene
from warpset.building.summary import SceneSummary
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry


class PlaneEstimator:
    """Answers a plane before every photo but some, and counts how often it was asked."""

    may_leave_out = True
    takes_recorded_cameras = False
    revision = "plane"

    def __init__(self, *unplaced: str):
        self.unplaced, self.asked = unplaced, 0

    def estimate(self, scene) -> SceneGeometry:
        self.asked += 1
        placed = [path for path in scene.photos if path.name not in self.unplaced]
        lines = tuple(f"{name}: no place found; left out" for name in self.unplaced)
        frames = tuple(self._frame(path, index) for index, path in enumerate(placed))
        return SceneGeometry(frames, "stereo", self.revision, left_out=lines)

    @staticmethod
    def _frame(path, index) -> FrameGeometry:
        camera = a_camera(at=(0.1 * index, 0, 0))
        depth = np.full(camera.shape_hw, PLANE_DEPTH_M, np.float32)
        return FrameGeometry(PosedPhoto(path, camera), lambda: DepthMap(depth, None, camera))


@pytest.fixture
def place(tmp_path):
    """Four photos and nothing else."""
    scene = tmp_path / "in" / "place"
    scene.mkdir(parents=True)
    for index in range(1, 5):
        Image.fromarray(a_photo(seed=index)).save(scene / f"{index}.png")
    return scene


def walk(scene, output, estimator, **asked) -> SceneSummary:
    summary, options = SceneSummary(), BuildOptions(geometry="stereo", quiet=True, **asked)
    renderer = partial(make_renderer, device="cpu")
    backends = Backends({"stereo": lambda: estimator}, renderer, _no_segmenter, gaussian_ply)
    build_scene(scene, output, options, backends, summary)
    return summary


def test_pairs_do_not_depend_on_how_many_are_made_at_once(tmp_path, place):
    walk(place, tmp_path / "one", PlaneEstimator(), bidirectional=True, workers=1)
    walk(place, tmp_path / "many", PlaneEstimator(), bidirectional=True, workers=5)
    assert tree(tmp_path / "one") == tree(tmp_path / "many")


def _no_segmenter():
    raise AssertionError("no sky was to be found")


@pytest.mark.parametrize("unplaced", ["1.png", "2.png", "4.png"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_photo_without_geometry_is_left_out_again_by_the_same_command(
    tmp_path, place, unplaced, bidirectional
):
    estimator = PlaneEstimator(unplaced)
    first = walk(place, tmp_path / "out", estimator, bidirectional=bidirectional)
    before = tree(tmp_path / "out")
    again = walk(place, tmp_path / "out", estimator, bidirectional=bidirectional)
    pairs = 4 if bidirectional else 2
    assert (first.written, again.written, again.kept) == (pairs, 0, pairs)
    left_out, doubt = first.problems  # the plane is none of the photos'
    assert left_out == f"{unplaced}: no place found; left out" and "hardly be of use" in doubt
    assert again.problems == first.problems
    assert tree(tmp_path / "out") == before


def test_what_a_kill_left_beside_a_photo_without_geometry_is_made_up_for(tmp_path, place):
    walk(place, tmp_path / "whole", PlaneEstimator("2.png"))
    walk(place, tmp_path / "out", PlaneEstimator("2.png"))
    records = tmp_path / "out" / "pairs.jsonl"
    records.write_text(records.read_text().splitlines(keepends=True)[0])
    walk(place, tmp_path / "out", PlaneEstimator("2.png"))
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_pair_made_from_another_reference_is_noticed_once_the_frames_are_final(tmp_path, place):
    walk(place, tmp_path / "out", PlaneEstimator("2.png"))
    before = tree(tmp_path / "out")
    with pytest.raises(InputError, match="3 was made with reference = 1.png"):
        walk(place, tmp_path / "out", PlaneEstimator())
    assert tree(tmp_path / "out") == before


def test_other_options_are_noticed_before_anything_is_estimated(tmp_path, place):
    walk(place, tmp_path / "out", PlaneEstimator())
    unasked = PlaneEstimator()
    with pytest.raises(InputError, match="sigma = 20.0, this run asks for sigma = 3.0"):
        walk(place, tmp_path / "out", unasked, sigma_px=3.0)
    assert unasked.asked == 0


def test_pairs_never_lie_among_the_photos_they_are_made_of(tmp_path, place):
    before = tree(tmp_path)
    for output in (place, place / "pairs"):
        with pytest.raises(InputError, match="among its photos; choose another output folder"):
            walk(place, output, PlaneEstimator())
    assert tree(tmp_path) == before


def test_pairs_of_other_options_that_stay_are_told_of(tmp_path, place, caplog):
    walk(place, tmp_path / "out", PlaneEstimator(), bidirectional=True)
    walk(place, tmp_path / "out", PlaneEstimator(), force=True, sigma_px=3.0)
    assert (
        "3 pairs of earlier runs with other options stay (1, 2_reverse, 3_reverse)" in caplog.text
    )
    assert {record.options["sigma"] for record in read_records(tmp_path / "out")} == {3.0, 20.0}


def test_photos_that_the_recording_does_not_list_are_told_of(tmp_path, caplog):
    room = a_scene(tmp_path / "in" / "room")
    Image.fromarray(a_photo()).save(room / "images" / "9.png")
    caplog.set_level("INFO")
    summary = SceneSummary()
    backends = Backends({}, partial(make_renderer, device="cpu"), _no_segmenter, gaussian_ply)
    build_scene(room, tmp_path / "out", BuildOptions(quiet=True), backends, summary)
    assert "1 photos are not in transforms.json (9.png first); left out" in caplog.text
    assert (summary.written, summary.problems) == (2, [])
