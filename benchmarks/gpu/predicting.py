"""Parts of the check about the networks: seconds and memory by frames, windows that are halved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.gpu.parts import Failed, Part, Setup, seconds
from benchmarks.vggt_speed import a_network, peak_flops, some_photos, work
from vggt.network import NetworkConfig
from vggt.predict import Prediction, VGGTPredictor, predict_scene
from vggt.registry import VGGT_1B, VGGT_OMEGA, Network

GIB = 2**30
SMALL_SHAPE = {
    "embed_dim": 32,
    "depth": 4,
    "num_heads": 2,
    "dino_depth": 2,
    "dino_heads": 2,
    "camera_trunk_depth": 1,
    "camera_heads": 2,
    "dpt_features": 16,
    "dpt_out_channels": (8, 16, 32, 32),
    "dpt_layers": (0, 1, 2, 3),
}
ROOM_FOR_TWO = 1.5  # times what two frames take: more fit, 32 do not
CROWD = 32


def shape(setup: Setup, kind: Network) -> NetworkConfig:
    """The published shape, or in the small form one of a few thousand weights."""
    published: Any = kind.published
    if not setup.is_small:
        return published
    return replace(published, img_size=4 * published.patch_size, **SMALL_SHAPE)


def network_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """A row a network and number of frames, the whole scene in one window."""
    halves = (torch.bfloat16, torch.float32)
    side = 256 if setup.is_small else 8192
    peaks = {dtype: peak_flops(dtype, setup.device, side) for dtype in halves}
    for dtype, peak in peaks.items():
        yield f"one {side}x{side} product", str(dtype), "-", "-", f"{peak / 1e12:.1f} TFLOP/s"
    for kind in (VGGT_1B, VGGT_OMEGA):
        config = shape(setup, kind)
        network = a_network(kind, torch.bfloat16, setup.device, config)
        predictor = VGGTPredictor(network, kind.mode(None))
        predictor(list(some_photos(2)))  # the first run loads libraries and chooses kernels
        for frames in (2, 3) if setup.is_small else (2, 8, 32, 100):
            photos = list(some_photos(frames))
            with_memory(setup)
            spent = seconds(setup, partial(predictor, photos))
            aggregator, heads = work(kind, frames, config)
            limit = aggregator / peaks[torch.bfloat16] + heads / peaks[torch.float32]
            memory = f"{memory_bytes(setup) / GIB:.2f}"
            yield kind.name, frames, f"{spent:.3f}", memory, f"{limit / spent:.1%}"


def with_memory(setup: Setup) -> None:
    """Forget what was held, so that `memory_bytes` is of what comes."""
    if setup.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory_bytes(setup: Setup) -> int:
    """The most that tensors took on the card since `with_memory`; 0 where there is none."""
    return torch.cuda.max_memory_reserved() if setup.device == "cuda" else 0


class CrampedPredictor:
    """Stands in for a card on a machine without: no more than three frames fit."""

    def __init__(self, predictor: VGGTPredictor):
        self._predictor = predictor

    def __call__(self, photos: Sequence[np.ndarray], /) -> list[Prediction]:
        """Predict, or be out of memory."""
        if len(photos) > 3:
            raise torch.OutOfMemoryError(f"planted: {len(photos)} frames do not fit")
        return self._predictor(photos)


@contextmanager
def at_most(allowed_bytes: float, setup: Setup) -> Iterator[None]:
    """Hold this process to some of the card's memory."""
    if setup.device == "cuda":
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(allowed_bytes / total)
    try:
        yield
    finally:
        if setup.device == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)


def halving_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """One row: a scene too long for the memory goes through in windows, and no frame is lost."""
    network = a_network(VGGT_1B, torch.bfloat16, setup.device, shape(setup, VGGT_1B))
    predictor = VGGTPredictor(network, VGGT_1B.mode(None))
    photos = some_photos(8 if setup.is_small else CROWD)
    windows: list[int] = []
    with_memory(setup)
    predictor(list(photos[:2]))
    allowed = ROOM_FOR_TWO * memory_bytes(setup)
    with at_most(allowed, setup):
        cramped = predictor if setup.device == "cuda" else CrampedPredictor(predictor)
        read, told = photos.__getitem__, lambda window: windows.append(len(window))
        made = list(predict_scene(cramped, read, len(photos), 0, told))
    usable = sum(bool(np.isfinite(one.depth).all() and (one.depth > 0).any()) for one in made)
    yield len(photos), f"{allowed / GIB:.2f}", " ".join(map(str, windows)), usable
    if usable != len(photos) or max(windows) == len(photos):
        raise Failed(f"{usable} of {len(photos)} frames in windows of {windows}")


PARTS = (
    Part(
        "networks",
        "Networks with random weights, bf16, 518x392 photos, one window",
        ("network", "frames", "seconds", "GiB", "of the matmul peak"),
        network_rows,
    ),
    Part(
        "memory",
        "A scene that does not fit the memory: windows are halved",
        ("frames", "GiB allowed", "windows", "frames with depth"),
        halving_rows,
    ),
)
