"""Pairs that were made before, as arrays to train on.

uv run python examples/03_read_pairs.py output
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from warpset import Camera, read_pairs
from warpset.trainers.pair_selection import RecordedPair


def arrays(pair: RecordedPair) -> dict[str, np.ndarray]:
    """(h, w, 3) uint8 each: what the model gets, and what it shall make of it."""
    kinds = ("splats", "reference", "target")
    return {
        kind: np.asarray(Image.open(pair.path(kind), formats=("JPEG", "PNG")).convert("RGB"))
        for kind in kinds
    }


if __name__ == "__main__":
    for pair in read_pairs(Path(sys.argv[1]), report=print):
        splats, target = (arrays(pair)[kind].astype(float) for kind in ("splats", "target"))
        where = pair.record.cameras["target"]
        camera = Camera(np.array(where["K"]), np.array(where["cam_from_world"]), where["size_wh"])
        print(
            f"{pair.key}: {splats.shape}, coverage {pair.record.scores['coverage']}, "
            f"off by {np.abs(splats - target).mean():.1f} levels, seen from {camera.center_world}"
        )
