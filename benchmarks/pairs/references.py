"""What further references add: coverage and PSNR of the same pairs with one, two, three photos.

python benchmarks/pairs/references.py SCENE... --pairing neighbours
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.pairs.covisible import read_geometry
from renderer.making import make_renderer
from warpset.building.options import BuildOptions
from warpset.building.pairing import PAIRINGS, Pairing, covisible_pairs
from warpset.building.pairs.references import further_references
from warpset.building.pairs.warp import Warp
from warpset.building.warping import Warper
from warpset.core.covisibility import FINE_SIDE_PX, small_view
from warpset.core.geometry import SceneGeometry
from warpset.core.masks import Mask
from warpset.core.scoring.likeness import psnr
from warpset.core.sizes import SizeRule
from warpset.files.photos import sha256_of


class Measured(NamedTuple):
    """A pair with some number of references.

    Attributes:
        coverage: Share of the target that is covered.
        psnr_db: Over what is covered.
        psnr_where_one_covers_db: Over what the first reference alone covers.
    """

    coverage: float
    psnr_db: float
    psnr_where_one_covers_db: float


def measured(warp: Warp, seen_by_one: Mask) -> Measured:
    """How much of the target is covered, and how well."""
    return Measured(
        float(warp.seen.mean()),
        psnr(warp.splats, warp.target, warp.seen),
        psnr(warp.splats, warp.target, seen_by_one & warp.seen),
    )


def by_count(
    warper: Warper, pair: tuple[int, int], others: Sequence[int], most: int
) -> list[Measured]:
    """The pair with one reference, two, and so on."""
    warps = [warper.render(warper.prepare(*pair, others[:count])) for count in range(most)]
    return [measured(warp, warps[0].seen) for warp in warps]


def judge(geometry: SceneGeometry, rule: str, megapixels: float, most: int) -> None:
    """Print a line for each number of references."""
    options = BuildOptions(size_rule=SizeRule(megapixels), references=most)
    warper = Warper(geometry, options, lambda wh, sigma_px: make_renderer(wh, sigma_px, "cpu"))
    views = [small_view(frame.load_depth(), FINE_SIDE_PX) for frame in geometry.frames]
    keys = [sha256_of(frame.photo.path) for frame in geometry.frames]
    pairs, candidates = Pairing(rule).of_frames(len(views), bidirectional=True), None
    if rule == "covisible":
        chosen = covisible_pairs(views, keys, Pairing(rule))
        pairs, candidates = chosen.pairs, chosen.candidates
    others = further_references(views, keys, pairs, most, candidates)
    found = np.array([by_count(warper, pair, others[pair], most) for pair in pairs])
    fallen = int((np.diff(found[:, :, 0], axis=1) < 0).sum())
    print(f"{len(pairs)} pairs ({rule}); coverage falls with another reference {fallen} times")
    for count, (coverage, all_db, one_db) in enumerate(found.mean(axis=0).tolist(), 1):
        print(
            f"  {count} references: coverage {coverage:.3f} (worst "
            f"{found[:, count - 1, 0].min():.3f}), PSNR {all_db:.2f} dB where covered, "
            f"{one_db:.2f} dB where the first alone covers"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path, nargs="+")
    parser.add_argument("--pairing", choices=PAIRINGS, nargs="+", default=["neighbours"])
    parser.add_argument("--megapixels", type=float, default=1.0)
    parser.add_argument("--references", type=int, default=3)
    args = parser.parse_args(arguments)
    for folder in args.scenes:
        geometry = read_geometry(folder)
        for rule in args.pairing:
            print(f"{folder.name}, {args.megapixels} megapixels: ", end="", flush=True)
            judge(geometry, rule, args.megapixels, args.references)


if __name__ == "__main__":
    main()
