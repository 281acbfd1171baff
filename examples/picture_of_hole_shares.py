"""Puts pairs of one photo beside each other, splats above masks, the photo in the last column."""

from __future__ import annotations

import argparse
from pathlib import Path

from picture_of_pair import sized_picture
from PIL import Image

LAST_COLUMN = ("target", "reference")


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
        [sized_picture(args.scene, f"{name}_{kind}", args.width) for kind in ("splats", "mask")]
        for name in names
    ]
    columns.append(
        [sized_picture(args.scene, f"{names[0]}_{kind}", args.width) for kind in LAST_COLUMN]
    )
    width, height = columns[0][0].size
    picture = Image.new("RGB", (len(columns) * width, 2 * height))
    for left, column in enumerate(columns):
        for top, shown in enumerate(column):
            picture.paste(shown, (left * width, top * height))
    picture.save(args.picture, quality=88, optimize=True)


if __name__ == "__main__":
    main()
