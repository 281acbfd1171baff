"""How long splats take to write and read, against writing and reading the same bytes plainly.

uv run --group usd python benchmarks/splats_export.py [--count 1000000] [--sh-degree 3]

The limit is the disk: a format cannot be faster than its bytes. Each line states the bytes, the
best of several runs, and the ratio to the plain copy of the same file in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from splats import Gaussians, export_splats_to_usdz, read_splats, write_ply


def random_gaussians(count: int, sh_degree: int) -> Gaussians:
    """Make splats of noise, which no compression helps."""
    rng = np.random.default_rng(0)

    def noise(*shape: int, sigma: float = 1.0) -> NDArray[np.float32]:
        return np.float32(sigma) * rng.standard_normal(shape, dtype=np.float32)

    return Gaussians(
        means=noise(count, 3, sigma=10),
        quats=noise(count, 4),
        log_scales=noise(count, 3),
        logit_opacities=noise(count),
        sh0=noise(count, 1, 3),
        shN=noise(count, (sh_degree + 1) ** 2 - 1, 3, sigma=0.1),
    )


def best_seconds(action: Callable[[], object], repeats: int) -> float:
    """Time an action, best of several runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def report(name: str, action: Callable[[], object], path: Path, repeats: int) -> None:
    """Print one action's time beside the time of a plain write and read of its file."""
    seconds = best_seconds(action, repeats)
    content = path.read_bytes()
    copy = path.with_name("plain")
    writing = best_seconds(lambda: copy.write_bytes(content), repeats)
    reading = best_seconds(copy.read_bytes, repeats)
    plain = reading if name.startswith("read") else writing
    print(
        f"{name:12} {len(content) / 1e6:7.1f} MB {seconds:6.2f} s, plain copy {plain:5.2f} s, "
        f"ratio {seconds / plain:5.1f}"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--sh-degree", type=int, default=3, choices=range(4))
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    gaussians = random_gaussians(args.count, args.sh_degree)
    print(f"{args.count:,} Gaussians of SH degree {args.sh_degree}")
    with TemporaryDirectory() as folder:
        ply, usdz, nurec = (Path(folder) / name for name in ("a.ply", "a.usdz", "n.usdz"))
        report("write PLY", lambda: write_ply(gaussians, ply), ply, args.repeats)
        report("read PLY", lambda: read_splats(ply), ply, args.repeats)
        report("write USDZ", lambda: export_splats_to_usdz(gaussians, usdz), usdz, args.repeats)
        report(
            "write NuRec",
            lambda: export_splats_to_usdz(gaussians, nurec, nurec=True),
            nurec,
            args.repeats,
        )


if __name__ == "__main__":
    main()
