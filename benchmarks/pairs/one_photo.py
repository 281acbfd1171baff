"""Wanted against reached shares of holes of pairs that were made of one photo each.

Usage: one_photo.py OUTPUT_DIR... after `build_warp_dataset.py --from-one-photo`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from warpset.building.pairs.record import read_records


def main(folders: list[str]) -> None:
    """Print a line for each source of depth and each wanted share."""
    found = defaultdict(list)
    for folder in folders:
        for records in Path(folder).glob("*/pairs.jsonl"):
            for record in read_records(records.parent):
                wanted = record.options.get("hole-share")
                if wanted is not None:
                    found[record.geometry["source"], wanted].append(record)
    for (source, wanted), records in sorted(found.items()):
        reached = [float(record.scores["hole_share"] or 0) for record in records]
        kept = [record for record in records if not record.rejected]
        psnrs = [float(psnr) for record in kept if (psnr := record.scores["psnr"]) is not None]
        print(
            f"{source}, wanted {wanted:.0%}: {len(kept)} of {len(records)} pairs, reached "
            f"{min(reached):.1%} to {max(reached):.1%}, mean {np.mean(reached):.1%}; "
            f"PSNR where covered {np.median(psnrs) if psnrs else np.nan:.1f} dB at the median"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
