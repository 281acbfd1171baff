"""Which pairs teach most: a small network that fills holes, trained on each recipe's pairs.

Recipes are folders of pairs; tests are pairs of a scene held out, at about 5, 20 and 40 % of holes.
Every recipe gets the same network, steps and seeds; what differs is its pairs. Usage:

    build_warp_dataset.py --output-format png --save-mask ... (once a recipe, and on the scene held
        out once --pairing all --bidirectional, once --from-one-photo --hole-share 0.05,0.2,0.4)
    recipe.py --tests NAME=PAIRS... --recipes NAME=PAIRS...
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2]))
from warpset.building.pairs.record import read_records

SIDE_PX, BATCH, WIDTH, RATE = 64, 8, 24, 2e-3
SHARES, NEAR = (0.05, 0.2, 0.4), 0.05
"""Shares of holes that are tested, and how far off a pair may be to count."""

MOST_TESTED = 12
"""Pairs of one share that are tested at most, evenly spaced, so that networks take the time."""

FULL_SHARE = 0.6
"""Where the network sees holes of this share of a crop or more, nothing is left to fill from."""


class Filler(nn.Module):
    """Splats, mask and reference (n, 7, h, w) to a picture (n, 3, h, w): three scales, skips."""

    def __init__(self) -> None:
        super().__init__()
        widths = (7, WIDTH, 2 * WIDTH, 2 * WIDTH)
        self.down = nn.ModuleList(
            nn.Conv2d(one, other, 3, padding=1)
            for one, other in zip(widths, widths[1:], strict=False)
        )
        self.up = nn.ModuleList(
            (nn.Conv2d(4 * WIDTH, WIDTH, 3, padding=1), nn.Conv2d(2 * WIDTH, WIDTH, 3, padding=1))
        )
        self.last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, given: Tensor) -> Tensor:
        """What the holes show; the rest is what is given."""
        first = F.relu(self.down[0](given))
        second = F.relu(self.down[1](F.avg_pool2d(first, 2)))
        third = F.relu(self.down[2](F.avg_pool2d(second, 2)))
        wider = F.relu(self.up[0](torch.cat([_twice(third), second], 1)))
        filled = given[:, :3] + self.last(F.relu(self.up[1](torch.cat([_twice(wider), first], 1))))
        return torch.where(given[:, 3:4] > 0, filled, given[:, :3])


def _twice(pixels: Tensor) -> Tensor:
    return F.interpolate(pixels, scale_factor=2.0, mode="bilinear")


Pair = tuple[Tensor, Tensor]
"""What the network is given (7, h, w), and the target (3, h, w), 0..1, sides multiples of 4."""


def read_pairs(folder: Path) -> list[tuple[float, Pair]]:
    """The pairs below a folder with their share of holes."""
    found = []
    for records in sorted(folder.glob("*/pairs.jsonl")):
        for record in read_records(records.parent):
            if record.rejected:
                continue
            kinds = ("splats", "mask", "reference", "target")
            splats, mask, reference, target = (
                _picture(records.parent / record.files[kind]) for kind in kinds
            )
            pair = torch.cat([splats, mask[:1], reference]), target
            found.append((record.scores["hole_share"] or 0.0, pair))
    if not found:
        raise SystemExit(f"{folder}: found no pairs, need some")
    return found


def _picture(path: Path) -> Tensor:
    with Image.open(path, formats=("PNG", "JPEG")) as image:
        pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    height, width = (side // 4 * 4 for side in pixels.shape[:2])
    return torch.from_numpy(pixels[:height, :width]).permute(2, 0, 1)


def tested_groups(folder: Path) -> list[list[Pair]]:
    """The pairs below a folder by the share of `SHARES` that theirs is near; others left out."""
    pairs = read_pairs(folder)
    near = [[pair for found, pair in pairs if abs(found - share) <= NEAR] for share in SHARES]
    return [group[:: max(1, -(-len(group) // MOST_TESTED))] for group in near]


def trained(pairs: list[Pair], steps: int, seed: int) -> Filler:
    """A network after so many steps on crops of pairs; the same for the same pairs and seed."""
    torch.manual_seed(seed)
    rng, network = np.random.default_rng(seed), Filler()
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(steps):
        crops = [_crop(*pairs[rng.integers(len(pairs))], rng) for _ in range(BATCH)]
        given, target = (torch.stack(part) for part in zip(*crops, strict=True))
        hole = given[:, 3:4]
        loss = (hole * (network(given) - target).abs()).sum() / hole.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def _crop(given: Tensor, target: Tensor, rng: np.random.Generator) -> Pair:
    """A square with some holes: of eight tried the first that has any."""
    tried = [_window(given, target, rng) for _ in range(8)]
    has_some = [0 < float(crop[0][3].mean()) < FULL_SHARE for crop in tried]
    return tried[has_some.index(True) if any(has_some) else 0]


def _window(given: Tensor, target: Tensor, rng: np.random.Generator) -> Pair:
    top, left = (int(rng.integers(side - SIDE_PX + 1)) for side in target.shape[1:])
    window = (slice(None), slice(top, top + SIDE_PX), slice(left, left + SIDE_PX))
    return given[window], target[window]


def psnr_in_holes(network: nn.Module, pairs: list[Pair]) -> float:
    """PSNR in dB over the holes of all pairs together; nan without pairs."""
    if not pairs:
        return float("nan")
    total = count = 0.0
    with torch.inference_mode():
        for given, target in pairs:
            hole = given[3:4] > 0
            error = ((network(given[None])[0].clamp(0, 1) - target) ** 2 * hole).sum()
            total, count = total + float(error), count + 3 * int(hole.sum())
    return -10 * float(np.log10(total / count))


class _Untouched(nn.Module):
    def forward(self, given: Tensor) -> Tensor:
        return given[:, :3]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", nargs="+", metavar="NAME=PAIRS", required=True)
    parser.add_argument("--recipes", nargs="+", metavar="NAME=PAIRS", required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    tests = {name: tested_groups(folder) for name, folder in map(_named, args.tests)}
    for name, groups in tests.items():
        counts = (
            f"{len(group)} at {share:.0%}" for share, group in zip(SHARES, groups, strict=True)
        )
        print(f"{name}: pairs of {', '.join(counts)} holes")
    groups = [group for found in tests.values() for group in found]
    print(
        "recipe, pairs, " + ", ".join(f"{name} {share:.0%}" for name in tests for share in SHARES)
    )
    _say("as rendered", 0, [_Untouched()], groups)
    for name, folder in map(_named, args.recipes):
        pairs = [pair for _, pair in read_pairs(folder)]
        networks = [trained(pairs, args.steps, seed) for seed in range(args.seeds)]
        _say(name, len(pairs), networks, groups)


def _named(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    return name, Path(folder)


def _say(name: str, count: int, networks: Sequence[nn.Module], tests: list[list[Pair]]) -> None:
    """A line: mean over the seeds, and how far the furthest is from it."""
    found = np.array([[psnr_in_holes(network, pairs) for pairs in tests] for network in networks])
    mean = found.mean(axis=0)
    off = np.abs(found - mean).max(axis=0)
    cells = (f"{one:.2f} ({most:.2f})" for one, most in zip(mean, off, strict=True))
    print(f"{name}, {count}, {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
