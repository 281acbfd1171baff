"""What workers of one machine share: its disk, its cards, its temporary folder."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from warpset.core.errors import InputError
from warpset.fleet import machine_use as machine_use_module
from warpset.fleet.command_line import share_of_cards
from warpset.fleet.disk_budget import DiskBudget
from warpset.fleet.machine_use import CardUse, cards_in_use, machine_use
from warpset.fleet.over_ray import Fleet, _room_for_workers
from warpset.fleet.scratch import PREFIX, own_scratch


def machines(*resources):
    """A Ray whose machines have what is given."""
    return SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": r} for r in resources])


@pytest.mark.parametrize(
    ("gpus", "count"), [(0.25, 8), (0.1, 16), (0.5, 4), (None, 2), (1, 2), (2, 1)]
)
def test_workers_share_the_cards_that_a_machine_has(gpus, count):
    fleet = Fleet("", 1, True, Path(), gpus)
    takes, found = _room_for_workers(machines({"CPU": 16, "GPU": 2}), fleet)
    assert found == count and takes == {"num_cpus": 1, "num_gpus": gpus or 1}


def test_a_share_of_a_card_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="0.25 GPUs a worker: found machines of at most 0 GPUs"):
        _room_for_workers(machines({"CPU": 4}), Fleet("", 1, True, Path(), 0.25))
    takes, _ = _room_for_workers(machines({"CPU": 4}), Fleet("", 1, True, Path()))
    assert "num_gpus" not in takes


@pytest.mark.parametrize("text", ["0", "1.5", "nan", "-1"])
def test_ray_has_no_such_share(text):
    with pytest.raises(Exception, match=r"need at (most|least)"):
        share_of_cards(text)


def test_a_budget_is_never_exceeded_and_all_get_their_turn():
    budget, highest, taken = DiskBudget(100), [0], []

    def work(name: int) -> None:
        budget.take(30 + name, str(name))
        highest.append(budget.used_bytes)
        time.sleep(0.002)
        budget.give(30 + name)
        taken.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(taken) == list(range(40))
    assert 60 < max(highest) <= 100 and budget.used_bytes == 0


def test_what_never_fits_and_what_waits_in_vain_is_said():
    budget = DiskBudget(100)
    with pytest.raises(InputError, match="room: needs about"):
        budget.take(101, "room")
    budget.take(100, "hall")
    threading.Timer(0.05, budget.close).start()
    with pytest.raises(InputError, match="room: not fetched"):
        budget.take(1, "room")


def test_temporary_files_go_to_a_folder_of_the_process_and_leave_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with own_scratch() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
    assert [*tmp_path.iterdir()] == [] and tempfile.gettempdir() == str(tmp_path)


HOLD = """
import sys, tempfile
from warpset.fleet.scratch import own_scratch
tempfile.tempdir = sys.argv[1]
with own_scratch() as folder:
    (folder / "big").write_bytes(b"x")
    print("up", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_goes_and_what_another_has_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = Path(__file__).parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout and other.stdout.readline() == b"up\n"
    with own_scratch():
        assert len([*tmp_path.glob(f"{PREFIX}*/big")]) == 1
    other.kill()
    other.communicate()
    with own_scratch() as folder:
        assert [*tmp_path.glob(f"{PREFIX}*")] == [folder]


def test_a_machine_says_how_busy_it_is():
    machine_use()
    use = machine_use()
    assert use.cores >= 1 and 0 <= use.cpu_percent <= 100 and use.host


@pytest.mark.parametrize(
    ("said", "cards"),
    [
        ("NVIDIA H100, 80GB, 35, 1024, 81559\n", [CardUse("NVIDIA H100, 80GB", 35, 1024, 81559)]),
        ("NVIDIA X, [N/A], 1, 2\n", []),
        ("", []),
    ],
)
def test_cards_are_asked_of_their_driver(said, cards, tmp_path, monkeypatch):
    monkeypatch.setattr(machine_use_module.shutil, "which", lambda _: "nvidia-smi")
    answer = SimpleNamespace(stdout=said)
    monkeypatch.setattr(machine_use_module.subprocess, "run", lambda *_, **__: answer)
    assert cards_in_use() == cards
