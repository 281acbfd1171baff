"""Wipes a pair's splats over its target and back, as the moving picture of the first page.

uv run python examples/picture_of_wipe.py output/room 02 wipe.webp
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from PIL import Image, ImageDraw

FRAME_MS = 60  # a frame stands this long: 16 a second look smooth
FRAMES = 48  # of one turn, target to splats and back in 2.9 s
QUALITY = 75  # of WebP; 800 pixels wide make 0.36 MB at 60, 0.44 MB at 75, 0.69 MB at 85


def main() -> None:
    """Read one pair of an output folder and write the moving picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("scene", type=Path, help="folder of a scene's pairs")
    parser.add_argument("pair", help="name of the pair")
    parser.add_argument("picture", type=Path, help="animated WebP to write")
    parser.add_argument("--width", type=int, default=800, help="of the picture in pixels")
    args = parser.parse_args()
    splats, target = (
        _picture(args.scene, f"{args.pair}_{kind}", args.width) for kind in ("splats", "target")
    )
    frames = [_wiped(splats, target, _edge(index)) for index in range(FRAMES)]
    args.picture.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        args.picture,
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MS,
        loop=0,
        quality=QUALITY,
        method=6,
    )


def _edge(index: int) -> float:
    """Share of the width left of the edge; slow at both ends, where one looks longest."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * index / FRAMES)


def _wiped(splats: Image.Image, target: Image.Image, edge: float) -> Image.Image:
    """Splats left of the edge, the target right of it, a white line between them."""
    x = round(edge * splats.width)
    frame = target.copy()
    frame.paste(splats.crop((0, 0, x, splats.height)))
    ImageDraw.Draw(frame).line((x, 0, x, frame.height), fill="white", width=2)
    return frame


def _picture(scene: Path, stem: str, width: int) -> Image.Image:
    path = next(iter(sorted(scene.glob(f"{stem}.*"))))
    whole = Image.open(path, formats=("JPEG", "PNG")).convert("RGB")
    size = (width, round(whole.height * width / whole.width))
    return whole.resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
