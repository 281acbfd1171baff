"""Workers that share scenes of a bucket, killed and started again, end as one plain run does."""

from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks" / "runs"))


@pytest.fixture
def soak(benchmarks):
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    import stored_soak

    return stored_soak


@pytest.fixture
def contention(benchmarks):
    pytest.importorskip("fsspec")
    import contention

    return contention


@pytest.mark.slow
def test_joined_workers_that_are_killed_end_with_the_bytes_of_one_plain_run(tmp_path, soak):
    watched, expected, found = soak.soak(tmp_path, scenes=20, workers=2, kills=2)
    assert found == expected
    assert 0 < watched.disk_bytes <= soak.STAGE_GB * 1e9


def test_contested_scenes_are_made_once_each_and_none_is_lost(contention):
    with contention.memory() as root:
        found = contention.contest(root, scenes=250, runs=3)
    assert found.made == Counter(range(250)) and not found.together
    assert len(found.refused) > 100  # they did meet
