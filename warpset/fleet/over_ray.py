"""Work spread over machines: shards of job arrays, a map over Ray; not what the work is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import InputError, Remedy

Result = TypeVar("Result")
Work = Callable[[str], Result]

RETRIES = 2
"""How often an item is tried again after its worker died."""

DEFAULT_CPUS_PER_WORKER = 4
ANSWER_TIMEOUT_S = 15

GROW_S = 10.0
"""Seconds after which machines that have joined a cluster are noticed."""

OBJECT_STORE_BYTES = 100_000_000

QUIETLY: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}

RAY_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""Read when ray is imported: nothing is reported, and workers take the Python that is installed.
Under `uv run` each of them would otherwise install the project anew."""


class WorkerDiedError(InputError):
    """Every worker that tried an item died of it."""


@dataclass(frozen=True)
class Fleet:
    """Workers and where they run.

    Attributes:
        address: Of a Ray cluster; empty starts Ray on this machine.
        cpus_per_worker: Processor cores of each; None for `DEFAULT_CPUS_PER_WORKER`, or all of the
            smallest machine where that has less.
        use_gpus: Give each worker a GPU where there are any.
        project: Folder whose modules the workers import.
        gpus_per_worker: GPUs of each, less than 1 where several share one; None for one where
            there are any.
    """

    address: str
    cpus_per_worker: int | None
    use_gpus: bool
    project: Path
    gpus_per_worker: float | None = None


def map_over_ray(
    make_work: Callable[[], Work[Result]], names: Sequence[str], fleet: Fleet
) -> Iterator[tuple[str, Result | Exception]]:
    """Do work for every name on Ray; what is done comes first.

    A worker that dies is replaced, and its name tried again. Workers start in this process's
    working directory where they have it.

    Args:
        make_work: Called once in every worker; picklable.
        names: What each call of the work is about.
        fleet: The workers.

    Yields:
        A name, and what its work returned or raised.

    Raises:
        InputError: Ray is not installed, cannot start, does not answer, or has no room for a
            worker.
    """
    ray = _start_ray(fleet)
    try:
        yield from _spread(ray, make_work, names, fleet)
    finally:
        ray.shutdown()


class _Worker:
    """Runs in a process of its own, and holds what the work needs from one call to the next."""

    def __init__(self, make_work: Callable[[], Work[Any]], folder: Path):
        if folder.is_dir():
            os.chdir(folder)
        self._work = make_work()

    def start(self) -> None:
        """Answer once the worker is up."""

    def work(self, name: str) -> Any:
        """Do the work for one name."""
        return self._work(name)


def _spread(
    ray: Any, make_work: Callable[[], Work[Result]], names: Sequence[str], fleet: Fleet
) -> Iterator[tuple[str, Result | Exception]]:
    """A worker gets its next name when it is up and free, so that none waits behind a slow one.

    Machines that join the cluster meanwhile get workers as well.
    """
    resources, room = _room_for_workers(ray, fleet)
    Worker = ray.remote(**resources, max_restarts=-1, max_task_retries=RETRIES)(_Worker)
    busy: dict[Any, tuple[Any, str | None]] = {}
    waiting, unfinished, count = deque(names), len(names), 0
    while unfinished:
        with contextlib.suppress(InputError):  # machines may leave as well
            room = _room_for_workers(ray, fleet)[1]
        room = min(room, count + len(waiting))
        for worker in [Worker.remote(make_work, Path.cwd()) for _ in range(room - count)]:
            busy[worker.start.remote()] = worker, None
        count = max(count, room)
        for done in ray.wait(list(busy), timeout=GROW_S)[0]:
            worker, name = busy.pop(done)
            outcome = _outcome(ray, done, name or "Ray")
            if name is not None:
                unfinished -= 1
                yield name, outcome
            elif isinstance(outcome, Exception):
                raise outcome
            if waiting:
                name = waiting.popleft()
                busy[worker.work.remote(name)] = worker, name


def _outcome(ray: Any, done: Any, name: str) -> Any:
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        return error.cause
    except ray.exceptions.RayError as error:
        died = f"its worker died {RETRIES + 1} times ({_last_line(str(error))})"
        return WorkerDiedError(f"{name}: {died}; left out")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"


def _room_for_workers(ray: Any, fleet: Fleet) -> tuple[dict[str, float], int]:
    """What each worker takes, and how many of them the machines have room for.

    Raises:
        InputError: There is room for none.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cores = [int(machine["CPU"]) for machine in machines if machine.get("CPU", 0) >= 1]
    if not cores:
        raise InputError(f"Ray at {fleet.address}: found no machine with a free processor core")
    cpus = fleet.cpus_per_worker or min(DEFAULT_CPUS_PER_WORKER, *cores)
    takes: dict[str, float] = {"CPU": cpus}
    cards = max(machine.get("GPU", 0) for machine in machines)
    if fleet.use_gpus and (cards or fleet.gpus_per_worker):
        takes["GPU"] = fleet.gpus_per_worker or 1
    count = sum(_workers_on(machine, takes) for machine in machines)
    if cards < takes.get("GPU", 0):
        raise InputError(
            f"{takes['GPU']:g} GPUs a worker: found machines of at most {cards:g} GPUs",
            Remedy.CARDS_OF_A_WORKER,
        )
    if count == 0:
        raise InputError(
            f"{cpus} cores a worker: found machines of at most {max(cores)} cores",
            Remedy.CORES_OF_A_WORKER,
        )
    return {f"num_{name.lower()}s": amount for name, amount in takes.items()}, count


def _workers_on(machine: dict[str, float], takes: dict[str, float]) -> int:
    """How many workers a machine has room for; 1 / 0.1 is ten, whatever binary fractions say."""
    return min(int(machine.get(name, 0) / amount + 1e-9) for name, amount in takes.items())


def _start_ray(fleet: Fleet) -> Any:
    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "Ray is not installed, need it for many workers", Remedy.FLEET_GROUP
        ) from error
    if fleet.address:
        _await_answer(fleet.address)
    try:
        (_join_cluster if fleet.address else _start_cluster)(ray, fleet)
    except Exception as error:  # whatever a system lacks: room, memory, ports, a writable folder
        reason = _last_line(str(error))
        where = f"Ray at {fleet.address}" if fleet.address else "Ray on this machine"
        raise InputError(f"{where}: cannot start ({reason})", Remedy.FLEET_START) from error
    return ray


def _join_cluster(ray: Any, fleet: Fleet) -> None:
    ray.init(fleet.address, runtime_env=_working_tree(fleet.project), **QUIETLY)


def _start_cluster(ray: Any, fleet: Fleet) -> None:
    ray.init(
        "local",
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        runtime_env={"env_vars": {"PYTHONPATH": str(fleet.project)}},
        **QUIETLY,
    )


def _working_tree(project: Path) -> dict[str, Any]:
    """Ray's runtime environment: modules and packages of the project travel, all else stays."""
    stay = [
        f"/{path.name}"
        for path in project.iterdir()
        if path.suffix != ".py" and not (path / "__init__.py").is_file()
    ]
    return {"working_dir": str(project), "excludes": sorted(stay)}


def _await_answer(address: str) -> None:
    """Ask a cluster in a process that can be ended, for Ray itself takes its time to give up."""
    ask = [sys.executable, "-c", "import ray, sys; ray.init(sys.argv[1])", address]
    try:
        asked = subprocess.run(ask, capture_output=True, timeout=ANSWER_TIMEOUT_S)
        if asked.returncode == 0:
            return
        said = asked.stderr
    except subprocess.TimeoutExpired as silence:
        said = silence.stderr or b""
    reason = _last_line(said.decode(errors="replace"))
    raise InputError(f"Ray at {address}: found no Ray cluster ({reason})", Remedy.FLEET_ADDRESS)
