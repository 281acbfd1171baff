"""Puts a pair's splats, target, reference and hole mask side by side, for the first page."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

KINDS = ("splats", "target", "reference", "mask")


def main() -> None:
    """Read one pair of an output folder and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, help="folder of a scene's pairs")
    parser.add_argument("pair", help="name of the pair")
    parser.add_argument("picture", type=Path, help="picture to write")
    parser.add_argument("--width", type=int, default=480, help="width of each part in pixels")
    args = parser.parse_args()
    parts = [sized_picture(args.scene, f"{args.pair}_{kind}", args.width) for kind in KINDS]
    width, height = parts[0].size
    picture = Image.new("RGB", (2 * width, 2 * height))
    for index, part in enumerate(parts):
        picture.paste(part, (index % 2 * width, index // 2 * height))
    args.picture.parent.mkdir(parents=True, exist_ok=True)
    picture.save(args.picture, quality=88, optimize=True)


def sized_picture(scene: Path, stem: str, width: int) -> Image.Image:
    """A picture of a pair, so many pixels wide; ends the script where it is not there."""
    found = sorted(scene.glob(f"{stem}.*"))
    if not found:
        raise SystemExit(f"{scene / stem}: not there; masks need --save-mask")
    picture = Image.open(found[0], formats=("PNG", "JPEG")).convert("RGB")
    size_wh = width, round(picture.height * width / picture.width)
    return picture.resize(size_wh, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
