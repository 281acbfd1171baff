"""What is asked of one scene, what of it is there, and what is written or refused."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_camera, a_photo, tree
from tests.building.test_scores import a_warp
from warpset.building.options import BuildOptions
from warpset.building.pairing import Pairing
from warpset.building.pairs.camera_json import camera_from_json
from warpset.building.pairs.folder import PairFolder
from warpset.building.pairs.plan import neighbours
from warpset.building.pairs.record import PairRecord
from warpset.building.scene_job import GeometrySource, SceneJob
from warpset.building.scores import Quality
from warpset.core.errors import InputError, Remedy

NO_HOLE = np.zeros((48, 64), bool)
WHOLE = a_warp(NO_HOLE)
RECORDED = GeometrySource("recorded", "transforms.json", {}, {})
STEREO = GeometrySource("stereo", "plane", {}, {}, may_leave_out=True)


class Place:
    """Four photos, and the folder where their pairs go."""

    def __init__(self, folder):
        self.output, self.photos = folder / "out", [folder / f"{i}.png" for i in range(1, 5)]
        for index, photo in enumerate(self.photos):
            Image.fromarray(a_photo(seed=index)).save(photo)

    def job(self, source=RECORDED, **asked) -> SceneJob:
        return SceneJob(self.photos, PairFolder(self.output), BuildOptions(**asked), source)

    def write(self, job: SceneJob, *names: str) -> dict[str, PairRecord]:
        """Write the files and the record of some of its pairs, or of all that are to do."""
        records = {}
        for pair in job.todo():
            if pair.name in names or not names:
                records[pair.name] = job.write_files(pair, WHOLE, lambda cloud: b"gaussians")
                job.folder.replace_record(records[pair.name])
        return records


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def names(pairs) -> list[str]:
    return [pair.name for pair in pairs]


def test_neighbours_are_asked_for_and_both_ways_on_request(place):
    assert names(place.job().pairs) == ["2", "3", "4"]
    both = names(place.job(bidirectional=True).pairs)
    assert sorted(both) == ["1", "2", "2_reverse", "3", "3_reverse", "4"]


def test_which_pairs_are_covisible_is_known_once_depth_is(place):
    job = place.job(pairing=Pairing("covisible"))
    assert (job.is_planned, job.pairs) == (False, [])
    job.narrow_to(place.photos, [(0, 2)], {})
    assert names(job.pairs) == ["3_from_1"]
    assert place.job(pairing=Pairing("all")).is_planned


def test_a_pair_is_done_when_its_record_and_all_its_files_are_there(place):
    job = place.job(extras=frozenset({"mask"}))
    place.write(job, "2", "3")
    (place.output / "3_mask.png").unlink()
    job = place.job(extras=frozenset({"mask"}))
    assert names(job.todo()) == ["3", "4"]
    assert job.missing(job.pairs[1]) == {"mask"}
    assert job.missing(job.pairs[2]) == {"splats", "target", "reference", "mask"}


def test_files_without_their_record_are_not_done(place):
    job = place.job()
    job.write_files(job.pairs[0], WHOLE, lambda cloud: b"")
    assert len(tree(place.output)) == 3
    assert "2" in names(place.job().todo())


def test_an_extra_asked_for_later_is_all_that_is_missing_and_all_that_is_written(place):
    place.write(place.job())
    before = tree(place.output)
    job = place.job(extras=frozenset({"mask"}))
    assert [job.missing(pair) for pair in job.pairs] == [{"mask"}] * 3
    record = place.write(job, "2")["2"]
    added = tree(place.output).keys() - before.keys()
    assert added == {"2_mask.png"}
    assert list(record.files) == ["splats", "target", "reference", "mask"]


def test_a_record_keeps_the_files_of_former_runs_unless_the_pair_is_made_again(place):
    place.write(place.job(extras=frozenset({"mask"})))
    again = place.job(extras=frozenset({"depth"}))
    assert {"mask", "depth"} <= place.write(again, "2")["2"].files.keys()
    forced = place.job(extras=frozenset({"depth"}), force=True)
    assert "mask" not in place.write(forced, "3")["3"].files


def test_confidence_asked_for_later_is_missing_in_the_point_cloud_as_well(place):
    place.write(place.job(extras=frozenset({"ply"})))
    both = place.job(extras=frozenset({"ply", "confidence"}))
    assert both.missing(both.pairs[0]) == {"confidence", "ply"}
    alone = place.job(extras=frozenset({"confidence"}))
    assert alone.missing(alone.pairs[0]) == {"confidence"}


def test_force_makes_everything_again_whatever_it_was_made_with(place):
    place.write(place.job(sigma_px=3.0))
    job = place.job(force=True)
    assert job.todo() == job.pairs
    assert job.missing(job.pairs[0]) == {"splats", "target", "reference"}


def test_other_options_are_refused_with_both_values_and_a_way_on(place):
    place.write(place.job(sigma_px=3.0))
    with pytest.raises(InputError) as refused:
        place.job().todo()
    assert str(refused.value) == (
        f"{place.output}: 2 was made with sigma = 3.0, this run asks for sigma = 20.0"
    )
    assert refused.value.remedy is Remedy.MAKE_AGAIN


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (RECORDED._replace(name="vggt"), "geometry = {'source': 'recorded'"),
        (RECORDED._replace(revision="cameras.txt"), "'revision': 'transforms.json'"),
    ],
)
def test_another_source_of_geometry_is_refused(place, source, named):
    place.write(place.job())
    with pytest.raises(InputError, match=named):
        place.job(source).todo()


@pytest.mark.parametrize("changed", ["reference", "target"])
def test_another_photo_under_the_same_name_is_refused(place, changed):
    place.write(place.job(), "2")
    photo = place.photos[0 if changed == "reference" else 1]
    Image.fromarray(a_photo(seed=9)).save(photo)
    with pytest.raises(InputError, match=f"2 was made with {changed} sha256 = "):
        place.job().missing(place.job().pairs[0])


def test_a_pair_is_known_by_all_files_that_it_is_made_from(place):
    depth, mask = place.output.with_name("depth.npy"), place.output.with_name("mask.png")
    depth.write_bytes(b"depth")
    mask.write_bytes(b"mask")
    one, two = place.photos[:2]
    cameras = dict.fromkeys(place.photos, "camera")
    source = RECORDED._replace(
        depth_files={one: depth}, mask_files={two: mask}, camera_keys=cameras
    )
    job = place.job(source)
    found = job.sha256(job.pairs[0])
    assert found.pop("cameras") != job.sha256(job.pairs[0])["depth"]
    contents = {"reference": one, "target": two, "depth": depth, "target_mask": mask}
    assert found == {
        role: hashlib.sha256(path.read_bytes()).hexdigest() for role, path in contents.items()
    }
    moved = place.job(source._replace(camera_keys=cameras | {two: "another camera"}))
    assert moved.sha256(moved.pairs[0])["cameras"] != job.sha256(job.pairs[0])["cameras"]


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(place):
    job = place.job()
    place.photos[0].unlink()
    with pytest.raises(InputError, match=r"1\.png: cannot be read"):
        job.sha256(job.pairs[0])


def test_a_pair_over_a_photo_without_geometry_counts_as_missing_until_the_frames_are_final(place):
    estimated = place.job(STEREO)
    without_2 = [place.photos[0], *place.photos[2:]]
    estimated.narrow_to(without_2, neighbours(3, bidirectional=False), {"plan": "whole"})
    records = place.write(estimated)
    assert {name: record.reference for name, record in records.items()} == {
        "3": "1.png",
        "4": "3.png",
    }
    assert records["3"].geometry == {"source": "stereo", "revision": "plane", "plan": "whole"}
    again = place.job(STEREO)
    assert names(again.todo()) == ["2", "3"]
    with pytest.raises(InputError, match=r"3 was made with reference = 1\.png"):
        again.narrow_to(place.photos, neighbours(4, bidirectional=False), {})
        again.todo()


def test_pairs_of_earlier_runs_are_told_of_where_they_look_different(place):
    place.write(place.job(bidirectional=True))
    assert place.job().other_pairs() == []
    (line,) = place.job(sigma_px=3.0).other_pairs()
    assert "3 pairs of earlier runs with other options stay (1, 2_reverse, 3_reverse)" in line


def test_a_record_says_what_was_asked_and_what_was_found(place):
    job = place.job(STEREO, sigma_px=3.0)
    job.narrow_to(place.photos, neighbours(4, bidirectional=False), {"licence": "CC BY-NC"})
    record = place.write(job)["3"]
    assert (record.reference, record.target, record.is_reverse) == ("2.png", "3.png", False)
    assert record.geometry == {"source": "stereo", "revision": "plane", "licence": "CC BY-NC"}
    assert record.options == job.options.as_recorded()
    assert (record.scores["coverage"], record.rejected) == (1.0, None)
    camera = camera_from_json(record.cameras["target"])
    assert np.array_equal(camera.K, a_camera().K)


def test_a_rejected_pair_has_a_record_and_no_files_and_is_done(place):
    quality = Quality((("min-psnr", 200.0),))
    record = place.write(place.job(quality=quality), "2")["2"]
    assert record.rejected == "PSNR 100.0 is below 200.0" and record.files == {}
    assert list(tree(place.output)) == ["pairs.jsonl"]
    assert names(place.job(quality=quality).todo()) == ["3", "4"]


def test_exposure_is_matched_in_what_is_written_on_request_only(place):
    darker = replace(WHOLE, splats=WHOLE.splats // 2, reference=WHOLE.reference // 2)
    written = {}
    for matched in (False, True):
        job = place.job(match_exposure=matched, output_format="png", force=True)
        record = job.write_files(job.pairs[0], darker, lambda cloud: b"")
        written[matched] = np.asarray(Image.open(place.output / record.files["splats"]), int)
    assert np.array_equal(written[False], darker.splats)
    off = {matched: np.abs(rgb - WHOLE.target).mean() for matched, rgb in written.items()}
    assert off[True] < 0.1 * off[False]


def test_the_scenes_gaussians_are_made_once_and_again_when_what_they_are_of_changes(place):
    assert place.job().scene_gaussians() is None
    gaussians = place.job(scene_gaussians=True).scene_gaussians()
    assert gaussians is not None
    cameras = list(WHOLE.cameras.values())
    gaussians.write(WHOLE.cloud, lambda cloud: b"gaussians", is_whole=True, cameras=cameras)
    assert place.job(scene_gaussians=True).scene_gaussians() is None
    assert place.job(scene_gaussians=True, force=True).scene_gaussians() is not None
    assert place.job(scene_gaussians=True, sigma_px=3.0).scene_gaussians() is not None
    Image.fromarray(a_photo(seed=9)).save(place.photos[3])
    assert place.job(scene_gaussians=True).scene_gaussians() is not None
