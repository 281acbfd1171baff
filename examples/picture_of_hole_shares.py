"""Puts pairs of one photo beside each other, splats above masks, the photo in the last column."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image


def main() -> None:
    """Read the pairs of one photo from an output folder and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, help="folder of a scene's pairs")
    parser.add_argument("photo", help="name of the photo, without its extension")
    parser.add_argument("picture", type=Path, help="picture to write")
    parser.add_argument("--width", type=int, default=320, help="width of each part in pixels")
    args = parser.parse_args()
    splats = sorted(args.scene.glob(f"{args.photo}_hole*_splats.*"))
    names = [path.name.partition("_splats")[0] for path in splats]
    columns = [
        [_part(args.scene, f"{name}_{kind}", args.width) for kind in ("splats", "mask")]
        for name in names
    ]
    columns.append([_part(args.scene, f"{names[0]}_{kind}", args.width) for kind in _LAST])
    width, height = columns[0][0].size
    picture = Image.new("RGB", (len(columns) * width, 2 * height))
    for left, column in enumerate(columns):
        for top, part in enumerate(column):
            picture.paste(part, (left * width, top * height))
    picture.save(args.picture, quality=88, optimize=True)


_LAST = ("target", "reference")


def _part(scene: Path, stem: str, width: int) -> Image.Image:
    path = next(path for path in sorted(scene.glob(f"{stem}.*")))
    part = Image.open(path, formats=("PNG", "JPEG")).convert("RGB")
    return part.resize((width, round(part.height * width / part.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
