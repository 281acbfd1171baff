"""What runs say of their scenes adds up, whoever says it, and is shown as it is."""

import html
import json
import os
import time
from dataclasses import replace

import pytest

from warpset.building.options import BuildOptions
from warpset.building.runs.account import RunAccount
from warpset.building.runs.board import PAGE_NAME, SUMMARY_NAME, RunBoard, read_status
from warpset.building.runs.ledger import FailureLedger
from warpset.building.runs.outcome import SceneOutcome, in_bands, reason_of
from warpset.building.runs.parts import STALE_S, RunPart, RunParts
from warpset.building.runs.run_summary import MAX_NAMED, summarised
from warpset.building.runs.telling import page_html, prometheus_text, status_text
from warpset.building.summary import SceneSummary
from warpset.core.errors import InputError
from warpset.fleet.machine_use import CardUse, MachineUse

START = 1_000_000.0


def done(at=START + 50, **counts) -> SceneOutcome:
    return SceneOutcome("done", at, in_band=in_bands([0.02, 0.12]), **counts)


def a_part(run="a", state="running", updated=START + 100, found=10, **outcomes) -> RunPart:
    part = RunPart(run, state, START, updated, found, worked_s=updated - START)
    for scene, outcome in outcomes.items():
        part.add(scene, outcome)
    return part


def test_scenes_of_all_runs_add_up_and_the_last_word_on_each_counts():
    one = a_part(hall=done(written=2), room=SceneOutcome("failed", START + 10, "no photos", 1))
    other = a_part("b", room=done(START + 60, written=4, rejected=1, rejected_by={"x": 1}))
    summary = summarised([one, other], START + 100)
    assert summary.scenes == dict(found=10, done=2, failed=0, set_aside=0, waiting=8)
    assert summary.pairs == dict(written=6, kept=0, rejected=1, failed=0)
    assert (summary.holes["0-5"], summary.holes["10-15"], summary.holes["5-10"]) == (2, 2, 0)
    assert summary.rejected == {"x": 1} and summary.runs == 2 and summary.failed == []


def test_every_machine_is_told_once_those_of_workers_as_well(tmp_path):
    def use(host: str, percent: float) -> MachineUse:
        return MachineUse(host, 8, percent)

    summary = SceneSummary(written=1, machine=use("node2", 90))
    account = RunAccount({"in/room": "room"}, str)
    with RunBoard(tmp_path, 1) as board:
        account.keep(FailureLedger(tmp_path, BuildOptions()), board)
        account.add_up(iter([("in/room", summary)]), 1, quiet=True)
    (part,) = RunParts(tmp_path).read().values()
    assert part.workers == {"node2": use("node2", 90)}
    part.use, part.state = use("node1", 10), "running"
    other = replace(part, run="b", use=use("node2", 50), workers={"node3": use("node3", 70)})
    other.updated += 1
    told = summarised([other, part], part.updated).machines
    assert [(one.host, one.cpu_percent) for one in told] == [
        ("node1", 10),
        ("node2", 50),
        ("node3", 70),
    ]


def test_the_end_is_told_by_scenes_that_took_work():
    kept = {f"k{i}": done(kept=3) for i in range(4)}
    summary = summarised([a_part(one=done(written=2), **kept)], START + 100)
    assert (summary.pairs_per_s, summary.scenes_per_hour) == (0.02, 36)
    assert summary.estimated_end == "1970-01-12T13:56:40+00:00"  # 5 scenes of 100 s each to come


def test_a_run_that_says_nothing_any_more_has_stopped():
    part = a_part(one=done(written=1))
    assert summarised([part], START + 100 + STALE_S / 2).state == "running"
    late = summarised([part], START + 101 + STALE_S)
    assert (late.state, late.runs, late.estimated_end) == ("stopped", 0, None)


def test_failures_are_grouped_by_reason_and_those_set_aside_are_all_listed():
    failed = {f"s{n}": SceneOutcome("failed", START, "no photos", 1) for n in range(30)}
    aside = {f"t{n}": SceneOutcome("set aside", START, "no depth", 3) for n in range(25)}
    summary = summarised([a_part(found=60, **failed, **aside)], START)
    first, second = summary.failed
    assert (first.reason, first.count, first.scenes[:3]) == ("no photos", 30, ["s0", "s1", "s2"])
    assert len(first.scenes) == MAX_NAMED and second.count == 25
    assert [one.scene for one in summary.set_aside][-2:] == ["t23", "t24"]


def test_a_reason_is_told_without_its_scene():
    assert reason_of("in/room: found 1 photo, need 2") == "found 1 photo, need 2"
    assert reason_of("in\\room: found: none") == "found: none"
    assert reason_of("failed: why not") == "failed: why not"


def test_a_run_takes_over_what_dead_runs_said_and_leaves_those_at_work(tmp_path):
    parts, now = RunParts(tmp_path), time.time()
    dead = RunPart("dead", "stopped", now - 9, now - 5, 3, None, {"hall": done(now - 6, written=1)})
    alive = RunPart("alive", "running", now - 9, now, 3, None, {"attic": done(now - 6)})
    parts.write(dead)
    parts.write(alive)
    (tmp_path / ".run" / "parts" / "torn.json").write_text("{")
    mine = parts.begin(3)
    assert list(mine.outcomes) == ["hall"] and mine.written == mine.tried == 0
    assert {part.run for part in parts.read().values()} == {"alive", mine.run}


def test_what_was_said_before_the_clock_was_set_back_does_not_outlive_what_is_said_after(tmp_path):
    parts, future = RunParts(tmp_path), time.time() + 3600
    said = {"hall": SceneOutcome("failed", future, "no photos", 1)}
    parts.write(RunPart("before", "finished", future - 9, future, 1, None, said))
    mine, other = parts.begin(1), a_part("b", hall=done(time.time() + 1, written=1))
    assert summarised([mine, other], time.time()).scenes["failed"] == 0


def test_a_clock_set_back_during_a_run_changes_no_rate(tmp_path, monkeypatch):
    clock = [time.time()]
    monkeypatch.setattr("time.time", lambda: clock[0])
    with RunBoard(tmp_path, 4) as board:
        clock[0] -= 3600
        board.add("hall", done(clock[0], written=1))
        time.sleep(0.1)
    told = json.loads((tmp_path / SUMMARY_NAME).read_text())
    assert 0 < told["pairs_per_s"] < 10 and 0 < told["scenes_per_hour"] < 36_000


@pytest.mark.parametrize(("age_s", "is_left"), [(-3600, False), (0, True), (3600, False)])
def test_what_killed_runs_left_half_written_goes_whatever_its_date(tmp_path, age_s, is_left):
    partial = tmp_path / ".run" / ".00ff.partial"
    partial.parent.mkdir()
    partial.touch()
    os.utime(partial, (time.time() - age_s,) * 2)
    with RunBoard(tmp_path, 1):
        assert partial.exists() is is_left


def test_two_boards_at_once_end_in_one_whole_summary(tmp_path):
    with RunBoard(tmp_path, 4) as one, RunBoard(tmp_path, 4) as other:
        one.add("hall", done(time.time(), written=1))
        other.add("room", done(time.time(), written=2))
        assert read_status(tmp_path).runs == 2
    told = json.loads((tmp_path / SUMMARY_NAME).read_text())
    assert told["pairs"]["written"] == 3 and told["scenes"]["done"] == 2
    assert told["state"] == "finished" and "finished, 2 of 4" in (tmp_path / PAGE_NAME).read_text()
    assert not [path for path in tmp_path.rglob("*.partial")]


def test_a_board_that_cannot_write_says_so_and_does_not_end_the_run(tmp_path, caplog):
    (tmp_path / ".run").write_text("in the way")
    with RunBoard(tmp_path, 1) as board:
        board.add("hall", done())
    assert "not up to date" in caplog.text


def test_a_run_that_is_stopped_says_so(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunBoard(tmp_path, 1):
        raise KeyboardInterrupt
    assert read_status(tmp_path).state == "stopped"


def test_a_folder_without_runs_has_no_status(tmp_path):
    with pytest.raises(InputError, match="found no run"):
        read_status(tmp_path)


NASTY = '<script>alert("1")</script>\\\n"'


@pytest.fixture
def nasty():
    """A summary whose names and reasons want to be more than text."""
    part = a_part(found=2, **{NASTY: SceneOutcome("set aside", START, NASTY, 3)})
    part.use = MachineUse("host", 8, 61.5, [CardUse(NASTY, 35, 1024, 81559)])
    return summarised([part], START)


def test_names_and_reasons_reach_the_page_as_text(nasty, tmp_path):
    page = page_html(nasty, tmp_path / NASTY[:8])
    assert "<script" not in page and html.escape(NASTY) in page
    assert "http" not in page.replace("http-equiv", "")
    assert '<meta http-equiv="refresh"' in page


def test_prometheus_reads_its_file_back(nasty):
    parser = pytest.importorskip("prometheus_client.parser")
    families = {f.name: f for f in parser.text_string_to_metric_families(prometheus_text(nasty))}
    (failed,) = families["warpset_scenes_failed"].samples
    assert (failed.labels, failed.value) == ({"reason": NASTY}, 1)
    scenes = {s.labels["state"]: s.value for s in families["warpset_scenes"].samples}
    assert scenes["set_aside"] == scenes["waiting"] == 1


def test_a_shell_is_told_what_a_page_is(nasty, tmp_path):
    text = status_text(nasty, tmp_path)
    assert "set aside after 3 failures" in text and "8 cores 62 % busy" in text
    assert "35 % busy, 1024 of 81559 MiB" in text
