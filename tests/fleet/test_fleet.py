"""Scenes over shards and over Ray: the same pairs as one plain run, whatever dies."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from build_warp_dataset import main
from tests.builders import a_scene, tree
from tests.fleet.fleet_builders import ROOT, flags, needs_ray, shard, start
from warpset.core.errors import InputError
from warpset.fleet.over_ray import Fleet, WorkerDiedError, map_over_ray
from warpset.fleet.shards import Shard, shard_from_environment

SCENES = ("attic", "cellar", "garden", "hall", "kitchen", "room")


@pytest.fixture
def scenes(tmp_path):
    for name in SCENES:
        a_scene(tmp_path / "in" / name)


@pytest.fixture
def plain(tmp_path, scenes):
    """The tree of a plain run."""
    assert main(flags(tmp_path, "plain", "--quiet")) == 0
    return tree(tmp_path / "plain")


def test_a_ray_that_cannot_start_is_one_line(tmp_path, scenes, capsys, monkeypatch):
    def cannot_start(*_, **__):
        raise RuntimeError("Session name could not be found\n[Errno 28] No space left on device\n")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=cannot_start))
    assert main(flags(tmp_path, "out", "--ray", "--quiet")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Ray on this machine: cannot start ([Errno 28] No space left on device)")
    assert "leave out --ray" in line


def test_every_name_is_in_one_shard_and_shards_are_even():
    names = [f"scene {number}" for number in range(2000)]
    held = [[name for name in names if Shard(index, 4).holds(name)] for index in range(4)]
    assert Counter(sum(held, [])) == Counter(names)
    assert all(400 < len(part) < 600 for part in held)


def test_a_name_stays_in_its_shard_whatever_else_there_is():
    assert [Shard(index, 4).holds("room") for index in range(4)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "0"}, None),
        ({"RANK": "3", "WORLD_SIZE": "8"}, Shard(3, 8)),
        ({"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard(0, 4)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "5",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_STEP": "2",
                "RANK": "0",
                "WORLD_SIZE": "2",
            },
            Shard(2, 3),
        ),
    ],
)
def test_a_job_array_says_which_shard_this_is(environment, expected):
    assert shard_from_environment(environment) == expected


@pytest.mark.parametrize("index", ["7", "x", "-1"])
def test_an_array_with_gaps_is_one_line(index, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", index)
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "4")
    with pytest.raises(SystemExit) as stop:
        main(flags(tmp_path))
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "give --num-shards" in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ("--num-shards", "4"),
        ("--shard-index", "0"),
        shard(4),
        ("--num-shards", "0", "--shard-index", "0"),
        ("--workers", "0"),
        ("--ray", "--cpus-per-worker", "0"),
    ],
)
def test_a_wrong_share_is_one_line_and_code_2(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(flags(tmp_path, "out", *wrong))
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_four_shards_in_any_order_are_one_run(tmp_path, plain, capsys):
    for index in (2, 0, 3, 1):
        assert main(flags(tmp_path, "out", *shard(index))) == 0
    capsys.readouterr()
    assert main(flags(tmp_path, "out", "--merge-shards")) == 0
    assert "12 pairs written, 0 there already" in capsys.readouterr().err
    assert tree(tmp_path / "out") == plain


def test_shards_of_a_slurm_array_are_those_of_the_flags(tmp_path, plain, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    for task in ("1", "2"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", task)
        assert main(flags(tmp_path)) == 0
    assert main(flags(tmp_path, "out", "--merge-shards")) == 0
    assert tree(tmp_path / "out") == plain


def test_a_shard_without_scenes_is_no_problem(tmp_path):
    a_scene(tmp_path / "in" / "room")
    assert main(flags(tmp_path, "out", *shard(1))) == 0
    assert "room" not in {path.name for path in (tmp_path / "out").iterdir()}


def test_the_merged_summary_tells_of_every_shards_problems(tmp_path, scenes, capsys):
    (tmp_path / "in" / "hall" / "depths" / "1.png").unlink()
    codes = [main(flags(tmp_path, "out", *shard(index, 2))) for index in range(2)]
    assert sorted(codes) == [0, 1]
    capsys.readouterr()
    assert main(flags(tmp_path, "out", "--merge-shards")) == 1
    error = capsys.readouterr().err
    assert "hall/depths/1.png: cannot be read" in error and "11 pairs written" in error
    assert "1 problems" in error


def test_a_merge_before_the_last_shard_is_through_is_one_line(tmp_path, scenes, capsys):
    main(flags(tmp_path, "out", *shard(1), "--quiet"))
    assert main(flags(tmp_path, "out", "--merge-shards")) == 1
    error = capsys.readouterr().err
    assert "need all; run shard 0, 2, 3" in error and len(error.splitlines()) == 1


def test_a_dry_run_of_a_shard_writes_nothing(tmp_path, scenes):
    assert main(flags(tmp_path, "out", *shard(0), "--dry-run")) == 0
    assert not (tmp_path / "out").exists()
    main(flags(tmp_path, "out", *shard(0)))
    before = tree(tmp_path / "out")
    assert main(flags(tmp_path, "out", *shard(0), "--dry-run")) == 0
    assert tree(tmp_path / "out") == before


def test_problems_before_a_scenes_failure_count_as_well(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room")
    (room / "images" / "2.png").write_bytes(b"no photo")
    shutil.rmtree(room / "depths")
    assert main(flags(tmp_path, "out", "--geometry", "recorded")) == 1
    error = capsys.readouterr().err
    assert error.count("2.png: cannot be read") == error.count("need recorded depth") == 1
    assert "2 problems" in error


@pytest.mark.parametrize("workers", ["1", "2", "5"])
def test_any_number_of_workers_writes_the_same(tmp_path, plain, workers):
    assert main(flags(tmp_path, "out", "--workers", workers)) == 0
    assert tree(tmp_path / "out") == plain


def test_ctrl_c_is_one_line(tmp_path, scenes, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("warpset.building.runs.building.build_scene", interrupted)
    assert main(flags(tmp_path)) == 1
    assert "stopped; run the same command again to go on" in capsys.readouterr().err


def test_a_missing_ray_is_one_line(tmp_path, scenes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(flags(tmp_path, "out", "--ray", "--quiet")) == 1
    error = capsys.readouterr().err
    assert "Ray is not installed" in error and len(error.splitlines()) == 1


@pytest.mark.slow
def test_a_killed_shard_goes_on_where_it_was(tmp_path):
    for name in SCENES:
        a_scene(tmp_path / "in" / name, photos=12, size_wh=(160, 120))
    assert start(tmp_path, "plain", "--quiet").wait() == 0
    for index in (3, 0, 1):
        process = start(tmp_path, "out", *shard(index), "--quiet")
        if index == 0:
            _wait_for_files(tmp_path / "out", len(tree(tmp_path / "out")) + 20, process)
            process.kill()
        assert process.wait() == (-signal.SIGKILL if index == 0 else 0)
    assert main(flags(tmp_path, "out", "--merge-shards")) == 1
    for index in (2, 0):
        assert start(tmp_path, "out", *shard(index), "--quiet").wait() == 0
    assert main(flags(tmp_path, "out", "--merge-shards", "--quiet")) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")


@pytest.mark.slow
def test_two_runs_on_one_folder_corrupt_nothing(tmp_path):
    a_scene(tmp_path / "in" / "room", photos=40, size_wh=(160, 120))
    a_scene(tmp_path / "in" / "small")
    assert start(tmp_path, "plain", "--quiet").wait() == 0
    first = start(tmp_path, "out", "--quiet")
    _wait_for_files(tmp_path / "out", 5, first)
    first.send_signal(signal.SIGSTOP)
    second = start(tmp_path, "out", "--quiet")
    _, error = second.communicate()
    first.send_signal(signal.SIGCONT)
    assert (first.wait(), second.returncode) == (0, 1)
    in_use, untried = error.splitlines()
    assert "room: another run is writing here" in in_use
    assert "room: 1 scenes after it not tried" in untried
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")


def _wait_for_files(folder: Path, count: int, process: subprocess.Popen) -> None:
    while process.poll() is None and sum(path.is_file() for path in folder.rglob("*")) < count:
        time.sleep(0.002)


@pytest.mark.slow
def test_an_address_that_does_not_answer_is_one_line(tmp_path, scenes):
    needs_ray()
    with socket.create_server(("0.0.0.0", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        process = start(tmp_path, "out", "--ray", address, "--quiet")
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Ray at {address}: found no Ray cluster" in error and len(error.splitlines()) == 1


@pytest.mark.slow
def test_two_ray_workers_write_what_one_plain_run_writes(tmp_path, plain):
    needs_ray()
    (tmp_path / "in" / "bad").mkdir()
    a_scene(tmp_path / "in" / "alone", photos=1)
    process = start(tmp_path, "out", "--ray", "--cpus-per-worker", "1")
    _, error = process.communicate()
    assert process.returncode == 1
    assert "12 pairs written" in error and "1 problems" in error
    assert error.count("alone: found 1 readable photo") == 1
    assert tree(tmp_path / "out") == plain


@pytest.mark.slow
def test_a_ray_worker_killed_in_mid_scene_is_replaced(tmp_path):
    needs_ray()
    for name in ("hall", "room"):
        a_scene(tmp_path / "in" / name, photos=60, size_wh=(160, 120))
    assert start(tmp_path, "plain", "--quiet").wait() == 0
    process = start(tmp_path, "out", "--ray", "--cpus-per-worker", "1", "--quiet")
    _wait_for_files(tmp_path / "out", 20, process)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "_Worker.work" in " ".join(child.cmdline())
    ]
    workers[0].kill()
    assert process.wait() == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")


@pytest.mark.slow
def test_ctrl_c_ends_ray_and_the_next_run_goes_on(tmp_path):
    needs_ray()
    a_scene(tmp_path / "in" / "room", photos=60, size_wh=(160, 120))
    process = start(tmp_path, "out", "--ray", "--cpus-per-worker", "1")
    _wait_for_files(tmp_path / "out", 5, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 1
    assert "stopped; run the same command again" in error and "Traceback" not in error
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert start(tmp_path, "out", "--quiet").wait() == 0
    assert start(tmp_path, "plain", "--quiet").wait() == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")


def shouting_work():
    """Work whose second name kills its worker, the first of which fails."""

    def work(name: str) -> str:
        if name == "bad":
            raise InputError("bad: no good")
        if name == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return name.upper()

    return work


@pytest.mark.slow
def test_work_that_always_kills_its_worker_is_given_up_alone(tmp_path):
    needs_ray()
    fleet = Fleet("", cpus_per_worker=1, use_gpus=True, project=ROOT)
    outcomes = dict(map_over_ray(shouting_work, ["bad", "deadly", "a", "b"], fleet))
    assert (outcomes.pop("a"), outcomes.pop("b")) == ("A", "B")
    died = {"bad": InputError, "deadly": WorkerDiedError}
    assert {name: type(error) for name, error in outcomes.items()} == died
    assert "deadly: its worker died 3 times" in str(outcomes["deadly"])
