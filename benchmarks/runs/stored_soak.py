"""Many small scenes from zips in a bucket, faults, killed workers: the bytes of one plain run.

uv run python benchmarks/runs/stored_soak.py [--scenes 1000] [--workers 4] [--kills 10]

The bucket is a server of this machine that speaks S3 (moto). All workers are killed at once, at
moments spread over the first third of the scenes, and started again, joined; their locks are
removed as the end of a lease would do. Watched are the local disk of each worker and its memory.
One scene in twenty has a fault: a photo that is cut off, one photo alone, a depth map that is
missing, a zip that is cut off.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.builders import TOLD, a_scene, tree

ROOT = Path(__file__).parents[2]
STAGE_GB = 0.001
FAULT_EVERY = 20
SAMPLE_S = 0.05
LOOK_S = 2.0
"""Between two looks at how many scenes are done, which cost the server a listing."""


@dataclass
class Watched:
    """What was seen of the workers.

    Attributes:
        disk_bytes: The most that one had in its temporary folder.
        memory_bytes: Of each worker, samples of the memory it alone holds.
        runs: How often workers were started.
        started: When, on the monotonic clock.
    """

    disk_bytes: int = 0
    memory_bytes: dict[int, list[int]] = field(default_factory=dict)
    runs: int = 0
    started: float = field(default_factory=time.monotonic)

    def look(self, worker: subprocess.Popen, scratch: Path) -> None:
        """Sample one that runs."""
        try:
            memory = psutil.Process(worker.pid).memory_info()
        except psutil.Error:
            return
        # Without pages of libraries: a process that ends reads another 100 MiB of them.
        self.memory_bytes.setdefault(worker.pid, []).append(memory.rss - memory.shared)
        self.disk_bytes = max(self.disk_bytes, bytes_below(scratch))


def bytes_below(folder: Path) -> int:
    """Bytes of all files; some may go while they are counted."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{path}/{name}").st_size
            except FileNotFoundError:
                continue
    return total


def make_scenes(folder: Path, count: int) -> list[str]:
    """Scenes as folders, one in `FAULT_EVERY` faulty; names of those whose zip will be cut off."""
    cut = []
    for number in range(count):
        name = f"s{number:04}"
        fault = (number // FAULT_EVERY) % 4 if number % FAULT_EVERY == FAULT_EVERY - 1 else None
        scene = a_scene(folder / name, photos=1 if fault == 0 else 2, at=(0, number, 0))
        if fault == 1:
            photo = scene / "images" / "2.png"
            photo.write_bytes(photo.read_bytes()[:200])
        elif fault == 2:
            (scene / "depths" / "2.png").unlink()
        elif fault == 3:
            cut.append(name)
    return cut


def send(fs: Any, folder: Path, cut: list[str]) -> None:
    """Pack each scene and put it into the bucket."""
    for scene in sorted(folder.iterdir()):
        packed = Path(shutil.make_archive(str(scene), "zip", scene))
        content = packed.read_bytes()
        packed.unlink()
        if scene.name in cut:
            content = content[: len(content) // 2]
        fs.pipe_file(f"soak/in/{packed.name}", content)


@contextmanager
def a_bucket() -> Iterator[tuple[Any, dict[str, str]]]:
    """A bucket on this machine, and the environment that leads to it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing-key",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        fs = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
        fs.mkdir("soak")
        yield fs, environment
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stop()


def start(scratch: Path) -> subprocess.Popen:
    """A worker that joins."""
    command = [sys.executable, "build_warp_dataset.py", "--device", "cpu", "--quiet", "--join"]
    command += ["--input-dir", "s3://soak/in", "--output-dir", "s3://soak/out"]
    command += ["--stage-gb", str(STAGE_GB), "--workers", "1"]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def stored(fs: Any) -> dict[str, bytes]:
    """The pairs in the bucket."""
    names = {path.removeprefix("soak/out/"): path for path in fs.find("soak/out")}
    hidden = (name for name in names if TOLD.fullmatch(name) or ".lock." in name)
    return {name: fs.cat_file(names[name]) for name in set(names) - set(hidden)}


def soak(folder: Path, scenes: int, workers: int, kills: int) -> tuple[Watched, dict, dict]:
    """Run it; what was seen, the pairs of a plain run from folders, and those in the bucket."""
    cut = make_scenes(folder / "in", scenes)
    plain = [sys.executable, "build_warp_dataset.py", "--device", "cpu", "--quiet"]
    plain += ["--input-dir", str(folder / "in"), "--output-dir", str(folder / "out")]
    subprocess.run(plain, cwd=ROOT, stderr=subprocess.DEVNULL)
    expected = tree(folder / "out")
    expected = {name: data for name, data in expected.items() if name.split("/")[0] not in cut}
    with a_bucket() as (fs, _):
        send(fs, folder / "in", cut)
        watched = Watched()
        moments, scratches = random.Random(0), [folder / f"tmp{n}" for n in range(workers)]
        for scratch in scratches:
            scratch.mkdir()
        for kill in range(kills + 1):
            goal = scenes * (kill + moments.uniform(0.2, 0.8)) / (3 * kills + 3)
            run_workers(fs, scratches, watched, None if kill == kills else goal)
        return watched, expected, stored(fs)


def run_workers(fs: Any, scratches: list[Path], watched: Watched, goal: float | None) -> None:
    """Start the workers; kill all once `goal` scenes are done, or wait for their end."""
    running = {start(scratch): scratch for scratch in scratches}
    watched.runs += 1
    looked = 0.0
    while any(worker.poll() is None for worker in running):
        for worker, scratch in running.items():
            watched.look(worker, scratch)
        if goal is not None and time.monotonic() - looked > LOOK_S:
            looked = time.monotonic()
            if len(fs.find("soak/out/.run/done")) >= goal:
                for worker in running:
                    worker.send_signal(signal.SIGKILL)
                break
        time.sleep(SAMPLE_S)
    for worker in running:
        _, said = worker.communicate()
        if "Traceback" in said:
            raise SystemExit(said)
    said = f"{watched.runs}: {len(fs.find('soak/out/.run/done'))} scenes done"
    print(f"{said} after {time.monotonic() - watched.started:.0f} s", flush=True)
    locks = [path for path in fs.find("soak/out") if ".lock." in path]
    if locks:  # as the end of their lease
        fs.rm(locks)


def main() -> None:
    """Soak, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        watched, expected, found = soak(Path(folder), args.scenes, args.workers, args.kills)
    lost, other = expected.keys() - found.keys(), found.keys() - expected.keys()
    differ = [name for name in expected.keys() & found.keys() if expected[name] != found[name]]
    print(f"{args.scenes} scenes, {watched.runs} times {args.workers} workers: {len(found)} files")
    print(f"lost {len(lost)}, not expected {len(other)} {sorted(other)[:5]}, differ {len(differ)}")
    print(f"local disk at most {watched.disk_bytes / 1e6:.3f} of {STAGE_GB * 1e3:.3f} MB a worker")
    long = sorted(watched.memory_bytes.values(), key=len)[-args.workers :]
    for samples in long:
        half, end = max(samples[: len(samples) // 2]), max(samples)
        print(f"memory: {half / 2**20:.0f} MiB in the first half, {end / 2**20:.0f} at most")


if __name__ == "__main__":
    main()
