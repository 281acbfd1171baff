"""How long the network takes and how much memory, beside a plain forward and the machine's limit.

uv run python benchmarks/vggt_speed.py [--runs plain:8 fp32:8 bf16:8 window:32] [--window 8]
uv run python benchmarks/vggt_speed.py --model omega [--runs fp32:8 window:32]
uv run python benchmarks/vggt_speed.py --model da3-base --runs fp32:2 fp32:8

Random weights, photos of 518x392, which VGGT-1B sees at that size, VGGT-Omega at 592x448 (1036
patches each) and Depth Anything 3 at 504x378 (972). Each run, `<variant>:<frames>`, is in a process
of its own; with another `--model` it is made with VGGT-1B, too. `plain` is the straightforward
float32 forward of plain_vggt.py, of VGGT-1B alone; `fp32` and `bf16` are ours with the whole scene
in one window, `window` is in windows, with the precision that `auto` chooses here. The limit is
what the products and convolutions of cameras and depth would take at the speed of one large matrix
product, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from processes import peak_memory_bytes
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from plain_vggt import PlainVGGT

from benchmarks.gpu.parts import wait_for
from vggt.da3.trunk import DA3Config
from vggt.model import VGGT
from vggt.network import NetworkConfig, SceneNetwork
from vggt.predict import VGGTPredictor, predict_scene
from vggt.preprocess import preprocess
from vggt.registry import DEPTH_ANYTHING_3, VGGT_1B, VGGT_OMEGA, Network
from vggt.weights import aggregator_dtype, storage_dtypes

NETWORKS = {"vggt": VGGT_1B, "omega": VGGT_OMEGA, "da3-base": DEPTH_ANYTHING_3}
WIDTH, HEIGHT = 518, 392
FRAMES = (2, 4, 8, 16, 32)
DEFAULT_DTYPE = aggregator_dtype("auto", torch.device("cpu"))
DTYPES = {
    "plain": torch.float32,
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "window": DEFAULT_DTYPE,
}
"""Precision of the aggregator by variant."""
IN_ONE_WINDOW = ("fp32",) if DEFAULT_DTYPE == torch.float32 else ("fp32", "bf16")
RUNS = [
    *(f"{variant}:{frames}" for variant in IN_ONE_WINDOW for frames in FRAMES),
    *(f"window:{frames}" for frames in FRAMES[2:]),
]
PLAIN_RUNS = [f"plain:{frames}" for frames in FRAMES[:3]]
PEAK_SIZE = 4096


def a_network(
    kind: Network, half: torch.dtype, device: str = "cpu", config: NetworkConfig | None = None
) -> SceneNetwork:
    """A shape, the published if None, with random weights, each stored in its precision at once."""
    with torch.device("meta"):
        network = kind.build(config or kind.published)
    dtypes = storage_dtypes(network, half)
    shapes = {name: weight.shape for name, weight in network.state_dict().items()}
    weights = {
        name: torch.zeros(shape, dtype=dtypes[name], device=device)
        for name, shape in shapes.items()
    }
    draft = torch.empty(max(weight.numel() for weight in weights.values()), device=device)
    generator = torch.Generator(device).manual_seed(0)
    for name, weight in weights.items():
        fill(name, weight, draft[: weight.numel()].view_as(weight), generator)
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False)


def fill(name: str, weight: Tensor, draft: Tensor, generator: torch.Generator) -> None:
    """Fill a weight so that activations stay of order 1; the float32 draft is overwritten."""
    if name.endswith("gamma"):
        weight.fill_(0.2)
    elif name.endswith("periods"):
        weight.copy_(torch.logspace(0, 2, len(weight) + 1)[:-1])
    elif "norm" in name:
        weight.fill_(float(name.endswith("weight")))
    elif not name.endswith("bias"):
        weight.copy_(draft.normal_(0, weight[0].numel() ** -0.5, generator=generator))


def some_photos(frames: int) -> np.ndarray:
    """Smooth noise, uint8 (S, H, W, 3)."""
    coarse = torch.rand(frames, 3, 14, 18, generator=torch.Generator().manual_seed(1))
    smooth = F.interpolate(coarse, size=(HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)
    return (255 * smooth).byte().permute(0, 2, 3, 1).numpy()


def measure(kind: Network, run: str, window: int, folder: Path) -> None:
    """Make one run in this process; write its depth (S, H, W), seconds and peak memory."""
    variant, frames = run.split(":")[0], int(run.split(":")[1])
    network = a_network(kind, DTYPES[variant])
    plain = PlainVGGT(network) if variant == "plain" and isinstance(network, VGGT) else None
    photos = some_photos(frames)
    start = time.perf_counter()
    if plain is not None:
        depth = plain(torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255).numpy()
    else:
        predictor = VGGTPredictor(network, kind.mode(None))
        depth = predicted_depth(predictor, photos, window if variant == "window" else 0)
    seconds = time.perf_counter() - start
    peak = peak_memory_bytes() / 2**30
    np.save(folder / f"{kind.name} {run}.npy", depth)
    (folder / f"{kind.name} {run}.json").write_text(
        json.dumps({"seconds": seconds, "peak_gib": peak}), encoding="utf-8"
    )


def predicted_depth(predictor: VGGTPredictor, photos: np.ndarray, window: int) -> np.ndarray:
    """Depth (S, H, W) the way the project predicts it."""
    read, frames = photos.__getitem__, len(photos)
    predictions = predict_scene(predictor, read, frames, window, lambda _: None)
    return np.stack([prediction.depth for prediction in predictions])


def peak_flops(dtype: torch.dtype, device: str = "cpu", side: int = PEAK_SIZE) -> float:
    """Operations a second of the best of several large matrix products."""
    factors = torch.ones(2, side, side, dtype=dtype, device=device)
    best = np.inf
    for _ in range(5):
        wait_for(device)
        start = time.perf_counter()
        torch.matmul(*factors)
        wait_for(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def work(kind: Network, frames: int, config: NetworkConfig | None = None) -> tuple[float, float]:
    """Operations of the aggregator, and of both heads, for a whole scene."""
    from torch.utils.flop_counter import FlopCounterMode  # 70 MB that no run shall be charged for

    config, photos = config or kind.published, list(some_photos(1))
    if isinstance(config, DA3Config):  # meta tensors have no values to choose a frame by
        config = replace(config, reference_view="first")
    with torch.device("meta"):
        network = kind.build(config).requires_grad_(False)
    (seen,) = preprocess(photos, kind.mode(None), config.img_size, config.patch_size)
    height, width = seen.rgb.shape[:2]
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network(torch.empty(frames, 3, height, width))
    counted = counter.get_flop_counts()
    heads = (name for name, _ in network.named_children() if name != "aggregator")
    in_heads = sum(sum(counted[f"{type(network).__name__}.{name}"].values()) for name in heads)
    return counter.get_total_flops() - in_heads, in_heads


def run_apart(model: str, run: str, window: int, folder: Path) -> dict[str, float]:
    """Measure one run in a process of its own; its depth goes to a file in the folder."""
    options = ["--model", model, "--runs", run, "--window", str(window), "--into", str(folder)]
    subprocess.run([sys.executable, __file__, *options], check=True)
    return json.loads((folder / f"{NETWORKS[model].name} {run}.json").read_text(encoding="utf-8"))


def row(
    kind: Network,
    run: str,
    result: dict[str, float],
    peaks: dict[torch.dtype, float],
    folder: Path,
) -> str:
    """One line of the table."""
    variant, frames = run.split(":")[0], int(run.split(":")[1])
    aggregator, heads = work(kind, frames)
    limit = aggregator / peaks[DTYPES[variant]] + heads / peaks[torch.float32]
    seconds = result["seconds"]
    cells = [kind.name, variant, str(frames), f"{seconds:.1f}", f"{seconds / frames:.2f}"]
    cells += [f"{limit:.1f}", f"{limit / seconds:.0%}", f"{result['peak_gib']:.2f}"]
    exact = folder / f"{kind.name} fp32:{frames}.npy"
    if exact.exists() and variant != "window":
        difference = np.abs(np.load(folder / f"{kind.name} {run}.npy") / np.load(exact) - 1)
        cells.append(f"{difference.mean():.1e} / {difference.max():.1e}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, one row a run; with --into, measure here and write the result there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", choices=NETWORKS, default="vggt")
    parser.add_argument("--runs", nargs="+", metavar="VARIANT:FRAMES")
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.into is not None:
        measure(NETWORKS[args.model], args.runs[0], args.window, args.into)
        return
    runs = args.runs or [*RUNS, *(PLAIN_RUNS if args.model == "vggt" else [])]
    dtypes = {DTYPES[run.split(":")[0]] for run in runs} | {torch.float32}
    peaks = {dtype: peak_flops(dtype) for dtype in sorted(dtypes, key=str)}
    print(", ".join(f"{dtype} product {peak / 1e9:.0f} GFLOP/s" for dtype, peak in peaks.items()))
    print(
        "| network | run | frames | s | s/frame | limit s | of limit | peak GiB | depth to fp32 |"
    )
    print("|---" * 9 + "|")
    models = dict.fromkeys((args.model, "vggt"))
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            for model in models if not run.startswith("plain") else ("vggt",):
                result = run_apart(model, run, args.window, Path(folder))
                print(row(NETWORKS[model], run, result, peaks, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
