"""How long the renderer takes, stage by stage, and how much memory, against the memory's speed.

uv run python benchmarks/render_speed.py [--sizes 518x392 1216x832 2048x1536] [--runs 10]
    [--clock processor]

A relief with a step in depth, one point a pixel, is seen from the side. Each line is the best of
several warm runs; the clock `processor` counts what all threads take, as on a busy machine it must.
The limit is what reading every point once and writing every pixel once takes
at the speed of a plain copy in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from processes import peak_memory_bytes

sys.path.insert(0, str(Path(__file__).parents[1]))
from renderer.hole_filling import HoleFillingRenderer
from warpset.core import cameras
from warpset.core.geometry import DepthMap
from warpset.core.points import lift, splat_size

STAGES = {
    "project": ["project_points"],
    "z-buffer": ["keep_nearest", "unpack_nearest"],
    "visibility": ["halve_depth", "nearest_in_row", "remove_hidden", "close_cracks"],
    "blend": ["splat_samples", "resolve_smooth"],
    "sharpen": ["splat_residuals", "resolve_sharp"],
    "fill": ["row_maximum", "pull_seen", "pull", "push", "relax"],
    "fade": ["column_distance", "fade_and_store"],
}
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
POINT_BYTES = 52  # position, colour, confidence, cell
PIXEL_BYTES = 12  # colour, hole, depth, confidence


def a_view(width: int, height: int) -> tuple[tuple[Any, ...], float]:
    """Arguments of a render call, and the splat size."""
    K = cameras.intrinsics(0.9 * width, 0.9 * width, width / 2, height / 2)
    source = cameras.Camera(K, np.eye(4), (width, height))
    y, x = np.indices((height, width), np.float32) / np.float32(width)
    depth = 2 + 0.2 * np.sin(9 * x) * np.cos(7 * y)
    depth[height // 4 : height // 2, width // 3 : width // 2] = 1
    moved = np.eye(4)
    moved[:3, 3] = -0.1, 0.02, -0.1
    target = cameras.Camera(K, moved, (width, height))
    cloud = lift(DepthMap(depth, None, source), np.zeros((*depth.shape, 3), np.uint8), depth > 0)
    colors = np.random.default_rng(0).random(cloud.xyz_world.shape, np.float32)
    matrices = cameras.opengl_view_matrix(target), cameras.opengl_projection_matrix(target)
    trusted = np.full(len(colors), 2, np.float32)
    arguments = (cloud.xyz_world, colors, trusted, *matrices, target.fov_y, cloud.cell)
    return arguments, splat_size(depth, source)


def timed(
    renderer: HoleFillingRenderer,
    arguments: Sequence[Any],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds of one frame: of each kernel by name, and in `all`; and the `launches`."""
    launcher, marks = renderer._launcher, []
    run, device = launcher.run, launcher.device

    def timed_run(kernel: Any, launches: list[Any]) -> None:
        start = moment(device, clock)
        run(kernel, launches)
        marks.append((kernel.key, start, moment(device, clock)))

    launcher.run = timed_run
    start = clock()
    try:
        renderer.render_view(*arguments)
    finally:
        launcher.run = run
    spent = defaultdict(float, all=1e3 * (clock() - start), launches=len(marks))
    for name, begun, ended in marks:
        spent[name] += milliseconds(begun, ended)
    return spent


def moment(device: Any, clock: Callable[[], float]) -> Any:
    """A time by the clock; on CUDA an event of the card, which alone knows when kernels ran."""
    if device.is_cpu:
        return clock()
    return device.stream.record_event(wp.Event(device, enable_timing=True))


def milliseconds(begun: Any, ended: Any) -> float:
    """Between two moments."""
    if isinstance(begun, float):
        return 1e3 * (ended - begun)
    return wp.get_event_elapsed_time(begun, ended)


def copy_gb_per_second() -> float:
    """Bytes read and written by the best of several plain copies."""
    source = np.ones(1 << 25, np.float32)
    target = np.empty_like(source)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best / 1e9


def best_of(runs: int, width: int, height: int, clock: Callable[[], float]) -> dict[str, float]:
    """The fastest of several warm frames."""
    arguments, s0 = a_view(width, height)
    renderer = HoleFillingRenderer(width, height, s0=s0, device="cpu")
    timed(renderer, arguments)
    return min((timed(renderer, arguments, clock) for _ in range(runs)), key=lambda t: t["all"])


def main() -> None:
    """Print the table, one row a size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", nargs="+", default=["518x392", "1216x832", "2048x1536"])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    args = parser.parse_args()
    before, rows = peak_memory_bytes(), []
    for size in args.sizes:
        width, height = map(int, size.split("x"))
        best = best_of(args.runs, width, height, CLOCKS[args.clock])
        peak = (peak_memory_bytes() - before) / 2**20
        rows.append((size, width * height, best, peak))
    speed = copy_gb_per_second()  # last, for its arrays would count as peak memory
    print(f"| size | points | {' | '.join(STAGES)} | all ms | limit ms | ratio | peak MB |")
    print("|---" * (len(STAGES) + 6) + "|")
    for size, pixels, best, peak in rows:
        stages = [f"{sum(best[name] for name in names):.1f}" for names in STAGES.values()]
        limit = pixels * (POINT_BYTES + PIXEL_BYTES) / speed / 1e6
        print(
            f"| {size} | {pixels} | {' | '.join(stages)} | {best['all']:.0f} | {limit:.1f} "
            f"| {best['all'] / limit:.0f} | {peak:.0f} |"
        )


if __name__ == "__main__":
    main()
