"""What a run is foretold to take, in cases that can be worked out by hand."""

from pathlib import Path

import pytest


@pytest.fixture
def plan_run(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks" / "runs"))
    import plan_run

    return plan_run


def told(plan_run, make_s=(2.0,), fetch_mb=0.0, **plan) -> float:
    timing = plan_run.Timing(10.0, [*make_s], fetch_mb)
    return plan_run.forecast(timing, plan_run.Plan(**plan)).total_s


def test_workers_share_the_scenes_and_each_starts_once(plan_run):
    assert told(plan_run, scenes=100, workers=1) == 210
    assert told(plan_run, scenes=100, workers=4) == 60
    assert told(plan_run, make_s=(1, 9), scenes=4, workers=2) == 10 + 1 + 1 + 9


def test_workers_that_share_fewer_cores_are_slowed_down_alike(plan_run):
    assert told(plan_run, scenes=100, workers=4, cores=8) == 60
    assert told(plan_run, scenes=100, workers=4, cores=2) == 120
    assert told(plan_run, scenes=100, workers=1, cores=0.5) == 420


def test_moving_files_takes_its_time_and_less_beside_making(plan_run):
    plan = dict(fetch_mb=10.0, scenes=100, bandwidth_mb=10.0)
    assert told(plan_run, workers=1, **plan) == 310
    assert told(plan_run, workers=1, overlap=True, **plan) == 210
    assert told(plan_run, workers=50, overlap=True, **plan) == 110  # bandwidth alone


def test_scenes_that_fail_take_three_times_as_long(plan_run):
    assert told(plan_run, scenes=100, workers=1, failure_rate=1.0) == 610
    some = told(plan_run, scenes=1000, workers=1, failure_rate=0.05)
    assert 2010 + 4 * 30 < some < 2010 + 4 * 80
