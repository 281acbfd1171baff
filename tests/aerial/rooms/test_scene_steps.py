"""Steps: scene after scene, skipped when done, made again when asked otherwise, one by one."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aerial_megadepth.scenes.input_hashes import MAX_BYTES, hash_inputs
from aerial_megadepth.scenes.scene_steps import (
    RunOptions,
    run_options,
    run_scenes,
    step_parser,
)
from aerial_megadepth.scenes.step_record import RECORD_NAME
from tests.aerial.aerial_steps import CopyStep
from tests.builders import tree
from warpset.core.errors import InputError
from warpset.fleet.locks import sole_writer
from warpset.fleet.over_ray import Fleet


def a_step(root: Path, **texts: str) -> CopyStep:
    (root / "in").mkdir(parents=True, exist_ok=True)
    for scene, text in texts.items():
        (root / "in" / scene).write_text(text)
    return CopyStep(root)


def run(step, *scenes, isolated=False, **options):
    return run_scenes(step, scenes, RunOptions(**options), isolated=isolated)


def times(root):
    """When each file was written; folders also change where locks come and go."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_a_scene_is_made_once(tmp_path, capsys):
    step = a_step(tmp_path, a="1", b="2")
    assert run(step, "a", "b") == 0
    assert "2 scenes made, 0 there already, 0 incomplete, 0 failed" in capsys.readouterr().err
    before = times(step.root)
    assert run(step, "a", "b") == 0
    assert "0 scenes made, 2 there already" in capsys.readouterr().err
    assert before == times(step.root)


def test_the_record_holds_what_the_result_was_made_of(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    record = json.loads((step.output("a") / RECORD_NAME).read_text())
    sha256_of_1 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert record["step"] == "copy" and record["done"] and record["summary"] == "made 1"
    assert record["inputs"] == {"0/a": sha256_of_1}
    assert record["options"] == {"suffix": "copy"} and record["entries"] == ["copy"]
    assert record["version"]


def test_other_content_of_the_same_size_and_time_is_made_again(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    source = step.inputs("a")[0]
    times = source.stat().st_atime_ns, source.stat().st_mtime_ns
    source.write_text("2")
    os.utime(source, ns=times)
    run(step, "a")
    assert (step.output("a") / "copy").read_text() == "2"


def test_other_options_replace_what_was_made_and_nothing_else(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    (step.output("a") / "of_a_later_step").mkdir()
    other = CopyStep(tmp_path, suffix="other")
    assert run(other, "a") == 0
    names = {path.name for path in step.output("a").iterdir()}
    assert names == {"other", "of_a_later_step", RECORD_NAME}


def test_a_removed_file_is_made_again(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    (step.output("a") / "copy").unlink()
    run(step, "a")
    assert (step.output("a") / "copy").read_text() == "1"


def test_moved_inputs_are_the_same_inputs(tmp_path, capsys):
    run(a_step(tmp_path / "one", a="1"), "a")
    (tmp_path / "one").rename(tmp_path / "two")
    assert run(CopyStep(tmp_path / "two"), "a") == 0
    assert "1 there already" in capsys.readouterr().err


def test_force_makes_again_what_is_there(tmp_path, capsys):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    assert run(step, "a", force=True) == 0
    assert capsys.readouterr().err.count("1 scenes made") == 2


@pytest.mark.parametrize("text", ["error", None])
def test_a_bad_scene_is_named_and_the_others_go_on(tmp_path, capsys, text):
    step = a_step(tmp_path, a="1", c="3", **({"b": text} if text else {}))
    assert run(step, "a", "b", "c") == 1
    error = capsys.readouterr().err
    assert "b: failed (RuntimeError: broken)" in error or "in/b: is missing" in error
    assert "2 scenes made, 0 there already, 0 incomplete, 1 failed" in error
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "c"}


def test_a_failed_scene_leaves_the_earlier_result(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    before = tree(step.output("a"))
    a_step(tmp_path, a="error")
    assert run(step, "a") == 1
    assert tree(step.output("a")) == before


def test_an_abort_costs_one_scene(tmp_path, capfd):
    step = a_step(tmp_path, a="1", b="abort", c="3")
    assert run(step, "a", "b", "c", isolated=True) == 1
    error = capfd.readouterr().err
    assert "b: its process was ended by SIGABRT" in error
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "c"}


def test_workers_make_the_same_as_one(tmp_path):
    texts = {"a": "1", "b": "error", "c": "half", "d": "4"}
    one, two = a_step(tmp_path / "one", **texts), a_step(tmp_path / "two", **texts)
    assert run(one, *texts) == run(two, *texts, workers=2) == 1
    assert tree(one.root / "out") == tree(two.root / "out")


def test_an_incomplete_scene_is_kept_and_said_again(tmp_path, capsys):
    step = a_step(tmp_path, a="half")
    for _ in range(2):
        assert run(step, "a") == 1
        assert "a: a.jpg: is broken" in capsys.readouterr().err
    assert (step.output("a") / "copy").read_text() == "half"
    a_step(tmp_path, a="whole")
    assert run(step, "a") == 0


def test_what_a_killed_run_left_is_removed(tmp_path):
    step = a_step(tmp_path, a="kill")
    with pytest.raises(KeyboardInterrupt):
        run(step, "a")
    leftover = tmp_path / "out" / ".a.partial"
    leftover.mkdir(parents=True)
    (leftover / "torn").write_text("torn")
    a_step(tmp_path, a="1")
    assert run(step, "a") == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a"}
    assert {path.name for path in step.output("a").iterdir()} == {"copy", RECORD_NAME}


def test_a_run_killed_while_it_replaced_a_result_is_made_again(tmp_path):
    step = a_step(tmp_path, a="1")
    run(step, "a")
    place = step.output("a")
    record = json.loads((place / RECORD_NAME).read_text())
    (place / RECORD_NAME).write_text(json.dumps(record | {"done": False, "entries": ["copy", "x"]}))
    (place / "x").write_text("of another run")
    assert run(step, "a") == 0
    assert {path.name for path in place.iterdir()} == {"copy", RECORD_NAME}


def test_what_somebody_else_made_is_not_overwritten(tmp_path, capsys):
    step = a_step(tmp_path, a="1")
    step.output("a").mkdir(parents=True)
    (step.output("a") / "copy").write_text("mine")
    assert run(step, "a") == 1
    assert "not made by copy" in capsys.readouterr().err
    assert (step.output("a") / "copy").read_text() == "mine"
    assert run(step, "a", force=True) == 0
    assert (step.output("a") / "copy").read_text() == "1"


def test_a_record_that_names_files_outside_its_folder_is_refused(tmp_path, capsys):
    step = a_step(tmp_path, a="1")
    step.output("a").mkdir(parents=True)
    (step.output("a") / RECORD_NAME).write_text(json.dumps({"step": "copy", "entries": ["../in"]}))
    assert run(step, "a", force=True) == 1
    assert "lists files outside its folder" in capsys.readouterr().err
    assert (tmp_path / "in" / "a").exists()


def test_a_torn_record_is_one_line(tmp_path, capsys):
    step = a_step(tmp_path, a="1")
    step.output("a").mkdir(parents=True)
    (step.output("a") / RECORD_NAME).write_text("{")
    assert run(step, "a", quiet=True) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_killed_run_takes_its_scene_process_with_it(tmp_path):
    (tmp_path / "sleepy.py").write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from aerial_megadepth.scenes.scene_process import SceneProcesses\n"
        "class Sleepy:\n"
        "    def make(self, scene, folder):\n"
        "        (folder / 'pid').write_text(str(os.getpid()))\n"
        "        (folder / 'pid').rename(folder / 'ready')\n"
        "        time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    SceneProcesses(Sleepy()).make('a', Path(sys.argv[1]))\n"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "sleepy.py", tmp_path], env={**os.environ, "PYTHONPATH": root}
    )
    ready = tmp_path / "ready"
    wait_until(ready.exists)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(int(ready.read_text())))


def wait_until(holds, seconds=30.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    if not status.parent.parent.exists():
        pytest.skip("needs /proc")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_common_flags_are_there():
    args = step_parser("A step.").parse_args([])
    assert (args.scene_list, args.workers, args.force_output, args.quiet) == (None, 1, False, False)


def test_flags_of_the_fleet_reach_the_workers():
    args = step_parser("a step").parse_args(["--ray", "10.0.0.5:6379", "--cpus-per-worker", "2"])
    fleet = run_options(args).fleet
    assert fleet is not None and (fleet.address, fleet.cpus_per_worker) == ("10.0.0.5:6379", 2)
    assert run_options(step_parser("a step").parse_args([])).fleet is None


def test_a_missing_ray_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    step = a_step(tmp_path, a="1")
    assert run(step, "a", fleet=Fleet("", 1, False, tmp_path), quiet=True) == 1
    error = capsys.readouterr().err
    assert (
        "Ray is not installed" in error
        and "--group fleet" in error
        and len(error.strip().splitlines()) == 1
    )
    assert not step.output("a").exists()


@pytest.mark.slow
def test_scenes_spread_over_ray_are_those_made_here(tmp_path, capsys):
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the group fleet is not installed")
    texts = {"a": "1", "b": "abort", "c": "error", "d": "half"}
    here, there = a_step(tmp_path / "here", **texts), a_step(tmp_path / "there", **texts)
    assert run(here, *texts, isolated=True) == 1
    capsys.readouterr()
    fleet = Fleet("", 1, use_gpus=False, project=Path(__file__).parents[3])
    assert run(there, *texts, fleet=fleet) == 1
    said = capsys.readouterr().err
    assert "b: its worker died 3 times" in said and "c: failed (RuntimeError: broken)" in said
    assert "d: a.jpg: is broken" in said
    assert "1 scenes made, 0 there already, 1 incomplete, 2 failed" in said
    made = tree(there.root / "out")
    made.pop(".b.lock", None)  # a worker that dies cannot take its lock's file away
    assert made == tree(here.root / "out")


def test_a_scene_that_another_run_makes_is_said_and_the_others_go_on(tmp_path, capsys):
    step = a_step(tmp_path, a="1", b="2")
    with sole_writer(step.output("a")):
        assert run(step, "a", "b", quiet=True) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "another run is writing here" in line
    assert not step.output("a").exists() and (step.output("b") / "copy").is_file()


def test_a_pipe_among_the_inputs_counts_as_missing_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert hash_inputs([tmp_path / "pipe"]) == {"0/pipe": "missing"}


def test_an_input_of_a_claimed_size_is_one_line_at_once(tmp_path):
    with (tmp_path / "photo.jpg").open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="photo.jpg: more than 17179869184 bytes; leave it out"):
        hash_inputs([tmp_path])


def test_links_that_lead_back_up_are_gone_round_once_and_others_are_one_line(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("1")
    for name in ("up", "again"):
        (tmp_path / "in" / name).symlink_to("..")
    hashes = hash_inputs([tmp_path / "in"])
    assert set(hashes.values()) == {hash_inputs([tmp_path / "in" / "a"])["0/a"], "missing"}
    (tmp_path / "itself").symlink_to("itself")
    with pytest.raises(InputError, match="itself: cannot be read .Too many levels"):
        hash_inputs([tmp_path / "itself"])
