"""Scenes that fail again and again are set aside, until asked for or asked otherwise."""

from dataclasses import replace

from warpset.building.options import BuildOptions
from warpset.building.runs.ledger import MAX_FAILURES, FailureLedger, is_the_scenes
from warpset.core.errors import InputError, Remedy

OPTIONS = BuildOptions(extras=frozenset({"mask", "depth", "ply"}))


def fail(folder, times, options=OPTIONS) -> None:
    for _ in range(times):
        FailureLedger(folder, options).failed("room", "no photos")


def test_a_scene_is_set_aside_after_three_failures_over_runs(tmp_path):
    fail(tmp_path, MAX_FAILURES - 1)
    assert FailureLedger(tmp_path, OPTIONS).set_aside("room") is None
    fail(tmp_path, 1)
    failure = FailureLedger(tmp_path, OPTIONS).set_aside("room")
    assert failure is not None and (failure.count, failure.reason) == (3, "no photos")
    assert FailureLedger(tmp_path, OPTIONS).set_aside("hall") is None


def test_other_options_and_a_success_start_the_count_again(tmp_path):
    fail(tmp_path, 3)
    other = replace(OPTIONS, geometry="stereo")
    assert FailureLedger(tmp_path, other).set_aside("room") is None
    assert FailureLedger(tmp_path, replace(OPTIONS, quiet=True, workers=3)).set_aside("room")
    FailureLedger(tmp_path, OPTIONS).succeeded("room")
    assert FailureLedger(tmp_path, OPTIONS).failed("room", "again") == 1


def test_every_scene_can_be_taken_up_again(tmp_path):
    fail(tmp_path, 3)
    FailureLedger(tmp_path, OPTIONS).forget_all()
    assert FailureLedger(tmp_path, OPTIONS).set_aside("room") is None


def test_a_torn_note_counts_for_nothing(tmp_path, caplog):
    fail(tmp_path, 3)
    (note,) = (tmp_path / ".run" / "failed").iterdir()
    note.write_text("{")
    assert FailureLedger(tmp_path, OPTIONS).set_aside("room") is None
    assert "its scene is tried again" in caplog.text


def test_what_every_scene_lacks_is_no_scenes_failure():
    assert is_the_scenes(InputError("room: found no photos"))
    assert is_the_scenes(ValueError())
    assert not is_the_scenes(InputError("room: need depth", Remedy.MODEL))
