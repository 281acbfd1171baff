"""Workers that share scenes of a bucket, killed and started again, end as one plain run does."""

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from warpset.core.errors import FolderInUseError
from warpset.files.stores.address import Address
from warpset.files.stores.lease import sole_writer_at

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def soak(monkeypatch):
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks" / "runs"))
    import stored_soak

    return stored_soak


@pytest.mark.slow
def test_joined_workers_that_are_killed_end_with_the_bytes_of_one_plain_run(tmp_path, soak):
    watched, expected, found = soak.soak(tmp_path, scenes=20, workers=2, kills=2)
    assert found == expected
    assert 0 < watched.disk_bytes <= soak.STAGE_GB * 1e9


def test_contested_scenes_are_made_once_each_and_none_is_lost():
    """Four runs on one prefix, each coming back to what the others hold, as `--join` does."""
    made, root = Counter[int](), Address("memory://contested")
    fs = fsspec.filesystem("memory")
    scenes, refused = range(250), Counter[str]()

    def run(name: str) -> None:
        left = list(scenes)
        while left:
            held = []
            for scene in left:
                try:
                    with sole_writer_at(root / f"s{scene}"):
                        if not fs.exists(f"/contested/s{scene}/done"):
                            fs.pipe_file(f"/contested/s{scene}/done", b"")
                            made[scene] += 1
                except FolderInUseError:
                    refused[name] += 1
                    held.append(scene)
            left = held
            time.sleep(0.001)

    threads = [threading.Thread(target=run, args=(f"run {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert made == Counter(scenes)
    assert sum(refused.values()) > 0  # they did meet
    fs.rm("/contested", recursive=True)
