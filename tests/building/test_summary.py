"""Summaries: their sum, and what the shards of one build keep until it is asked for."""

import pytest

from tests.builders import tree
from warpset.building.summary import SHARDS_FOLDER, SceneSummary, ShardSummaries
from warpset.core.errors import InputError


@pytest.fixture
def shards(tmp_path):
    return ShardSummaries(tmp_path)


def test_the_sum_of_all_shards_says_their_problems_again(tmp_path, shards, capsys):
    for index in (2, 0, 1):
        shards.keep(index, 3, SceneSummary(written=index, kept=1, problems=[f"scene {index}: bad"]))
    total = shards.merge()
    assert (total.written, total.kept) == (3, 3)
    assert total.problems == [f"scene {index}: bad" for index in range(3)]
    assert tree(tmp_path) == {} and not (tmp_path / SHARDS_FOLDER).exists()


def test_a_shard_that_runs_again_counts_once(shards):
    shards.keep(0, 1, SceneSummary(written=5))
    shards.forget(0, 1)
    with pytest.raises(InputError, match="found no shards"):
        shards.merge()
    shards.keep(0, 1, SceneSummary(kept=5))
    assert shards.merge() == SceneSummary(kept=5)


def test_shards_that_have_not_finished_are_named(tmp_path, shards):
    shards.keep(1, 4, SceneSummary())
    before = tree(tmp_path)
    with pytest.raises(InputError, match="found 1 of 4 shards finished.*run shard 0, 2, 3"):
        shards.merge()
    assert tree(tmp_path) == before


def test_shards_of_two_builds_are_not_mixed(shards):
    shards.keep(0, 1, SceneSummary())
    shards.keep(0, 2, SceneSummary())
    with pytest.raises(InputError, match="found shards of 1 and of 2"):
        shards.merge()


def test_a_damaged_summary_is_named(tmp_path, shards):
    shards.keep(0, 1, SceneSummary())
    (tmp_path / SHARDS_FOLDER / "0-of-1.json").write_text("{")
    with pytest.raises(InputError, match="0-of-1.json: cannot be read"):
        shards.merge()


def test_pairs_that_fail_for_one_reason_are_one_line():
    summary = SceneSummary()
    names = {"1.png: 8 bits; left out": ["2", "4"], "2.png: 8 bits; left out": ["3"]}
    summary.leave_out("pair", names)
    assert summary.problems == ["1.png: 8 bits (and 1 more alike); pairs 2, 4, 3 left out"]
    assert summary.failed == 3
