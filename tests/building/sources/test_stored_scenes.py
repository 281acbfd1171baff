"""Scenes and pairs in a store: the same bytes as on disk, after kills as well."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from build_warp_dataset import main
from tests.builders import TOLD, a_scene, tree
from tests.video_builders import a_walk, write_video
from warpset.files.stores.store import Store

fsspec = pytest.importorskip("fsspec")


def build(source, output, *flags) -> int:
    paths = ["--input-dir", str(source), "--output-dir", str(output)]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


def upload(fs, folder: Path, root: str) -> None:
    for name, content in tree(folder).items():
        fs.pipe_file(f"{root}/{name}", content)


def stored(fs, root: str) -> dict[str, bytes]:
    fs.invalidate_cache()
    names = {path.removeprefix(f"{root}/"): path for path in fs.find(root) if "/.cache" not in path}
    return {name: fs.cat_file(path) for name, path in names.items() if not TOLD.fullmatch(name)}


@pytest.fixture
def memory():
    """A file system in memory and a folder of its own in it."""
    fs, root = fsspec.filesystem("memory"), f"/{secrets.token_hex(4)}"
    yield fs, root
    fs.rm(root, recursive=True)


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a server on this machine that speaks S3, and the environment to reach it."""
    pytest.importorskip("s3fs")
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing-key",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fs = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
        fs.mkdir("scenes")
        yield fs, "scenes", environment
    server.stop()


@pytest.fixture
def local(tmp_path) -> tuple[Path, Path]:
    """Two scenes, one of them a zip, and what is made of them on disk."""
    a_scene(tmp_path / "in" / "room")
    street = a_scene(tmp_path / "street", at=(0, 1, 0))
    shutil.make_archive(str(tmp_path / "in" / "street"), "zip", street)
    assert build(tmp_path / "in", tmp_path / "out") == 0
    return tmp_path / "in", tmp_path / "out"


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_pairs_have_the_same_bytes_as_on_disk(local, kind, request, tmp_path, monkeypatch):
    fs, root, *_ = request.getfixturevalue("memory" if kind == "memory" else "bucket")
    where = f"{kind}://{root.strip('/')}"
    upload(fs, local[0], f"{root}/in")
    assert build(f"{where}/in", f"{where}/out") == 0
    assert stored(fs, f"{root}/out") == tree(local[1])
    assert build(f"{where}/in", tmp_path / "here") == 0
    assert tree(tmp_path / "here") == tree(local[1])
    monkeypatch.delattr(Store, "fetch_file")  # nothing that is done is fetched again
    assert build(f"{where}/in", f"{where}/out") == 0


def test_what_is_there_is_not_sent_again_and_what_is_missing_is_added(local, memory, capsys):
    fs, root = memory
    where = f"memory:/{root}"
    assert build(local[0], f"{where}/out") == 0
    times = {name: fs.modified(f"{root}/out/{name}") for name in stored(fs, f"{root}/out")}
    assert build(local[0], f"{where}/out") == 0
    assert "0 pairs written, 4 there already" in capsys.readouterr().err
    after = stored(fs, f"{root}/out")
    assert {name: fs.modified(f"{root}/out/{name}") for name in after} == times
    fs.rm_file(f"{root}/out/room/2_splats.jpg")
    for flags in ((), ("--bidirectional", "--save-mask")):
        assert build(local[0], f"{where}/out", *flags) == 0
        shutil.rmtree(local[1])
        assert build(local[0], local[1], *flags) == 0
        assert stored(fs, f"{root}/out") == tree(local[1])


def test_frames_of_a_video_stay_beside_the_pairs(memory, tmp_path):
    fs, root = memory
    video = write_video(tmp_path / "walk.mp4", a_walk(6))
    fs.pipe_file(f"{root}/in/walk.mp4", video.read_bytes())
    for _ in range(2):  # too few photos overlap for stereo here, but the frames are kept
        build(f"memory:/{root}/in", f"memory:/{root}/out", "--geometry", "stereo", "--frames", "3")
        names = {name.rpartition("/")[2] for name in stored(fs, f"{root}/out")}
        assert "frames.json" in names and len(names) >= 4


def test_a_problem_is_said_by_the_address_and_not_by_a_temporary_folder(memory, tmp_path, capsys):
    fs, root = memory
    room = a_scene(tmp_path / "room", photos=4)
    (room / "images" / "2.png").write_bytes(b"no photo")
    upload(fs, room, f"{root}/in/room")
    assert build(f"memory:/{root}/in", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert f"memory:/{root}/in/room/images/2.png: cannot be read" in error
    assert tempfile.gettempdir() + "/tmp" not in error


def test_a_run_that_is_writing_there_is_left_alone(local, memory, capsys):
    fs, root = memory
    fs.pipe_file(f"{root}/out/.room.lock.000001", b"another's")
    assert build(local[0], f"memory:/{root}/out") == 1
    assert f"memory:/{root}/out/room: another run is writing here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--input-dir", "https://u:hunter2@host/a"), "need a path, or s3://"),
        (("--output-dir", "hf://datasets/a/b"), "can only be read"),
        (("--input-dir", "s3://b/a", "--output-dir", "s3://b/a/out"), "lies inside --input-dir"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(flags, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main(list(flags))
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and "hunter2" not in error


def test_shards_add_up_in_a_store_as_on_disk(local, memory, capsys):
    fs, root = memory
    where = f"memory:/{root}/out"
    for index in range(2):
        shard = ("--num-shards", "2", "--shard-index", str(index))
        assert build(local[0], where, *shard) == 0
    assert main(["--output-dir", where, "--merge-shards"]) == 0
    assert "4 pairs written" in capsys.readouterr().err.splitlines()[-2]
    assert stored(fs, f"{root}/out") == tree(local[1])
    assert main(["--output-dir", where, "--merge-shards"]) == 1
    assert "found no shards" in capsys.readouterr().err


def test_a_store_that_refuses_is_one_line_without_credentials(bucket, tmp_path, capsys):
    assert build("s3://no-such-bucket/in", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "s3://no-such-bucket/in: " in error and "testing-secret" not in error
    assert "Traceback" not in error


def of_the_scene(fs, where) -> list[str]:
    """What a run has stored but for what it tells of itself."""
    return [path for path in fs.find(where) if "/.run/" not in path and "room" in path]


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_bytes(bucket, tmp_path):
    fs, root, environment = bucket
    a_scene(tmp_path / "in" / "room", photos=12)
    assert build(tmp_path / "in", tmp_path / "out") == 0
    where = f"{root}/{secrets.token_hex(4)}"
    command = [sys.executable, "build_warp_dataset.py", "--device", "cpu", "--nocache", "--quiet"]
    command += ["--input-dir", str(tmp_path / "in"), "--output-dir", f"s3://{where}"]
    for wanted in (1, 2, 12):  # the lock, then some pictures
        run = subprocess.Popen(command, env=os.environ | environment, start_new_session=True)
        while len(of_the_scene(fs, where)) < wanted and run.poll() is None:
            fs.invalidate_cache()
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        for lock in [path for path in fs.find(where) if ".lock." in path]:
            fs.rm(lock)  # as a lease later
    assert build(tmp_path / "in", f"s3://{where}") == 0
    assert stored(fs, where) == tree(tmp_path / "out")
