"""Takes depth away in blobs, and puts the view with its holes beside the view with them filled."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.recorded_frames import read_frames
from renderer.making import make_renderer
from warpset.core.drawing import draw, drawable
from warpset.core.geometry import DepthMap
from warpset.core.points import lift, splat_size
from warpset.core.protocols import RenderedView
from warpset.files.image_files import open_image

HOLE_SHARE = 0.38
HOLE_GREY = 96  # neither a colour of the scenes nor the black of a faded hole


def filled_view(scene: Path, index: int = 0) -> RenderedView:
    """A frame of a scene without some of its depth, warped into the next."""
    reference, target = read_frames(scene)[index : index + 2]
    height, width = reference.depth.shape
    noise = np.random.default_rng(5).normal(size=(height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), height / 14)  # about four blobs each way
    keep = (reference.depth > 0) & (smooth <= np.quantile(smooth, 1 - HOLE_SHARE))
    cloud = lift(DepthMap(reference.depth, None, reference.camera), reference.rgb, keep)
    s0 = splat_size(reference.depth[keep], reference.camera)
    renderer = make_renderer((width, height), 1e6, "cpu", s0=s0)  # fill that does not fade
    return draw(renderer, drawable(cloud), target.camera)


def main() -> None:
    """Render and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, help="scene with recorded depth")
    parser.add_argument("picture", type=Path, help="picture to write")
    parser.add_argument("--frame", type=int, default=0, help="which frame is warped into the next")
    parser.add_argument("--width", type=int, default=420, help="width of each part in pixels")
    parser.add_argument("--beside", type=Path, help="a fill made by another version, shown second")
    args = parser.parse_args()
    view = filled_view(args.scene, args.frame)
    height, width = np.asarray(view.hole).shape
    holes = np.where(np.asarray(view.hole)[..., None], np.uint8(HOLE_GREY), view.rgb)
    parts = [Image.fromarray(holes), Image.fromarray(np.asarray(view.rgb))]
    if args.beside:
        parts.insert(1, open_image(args.beside).convert("RGB").crop((0, 0, width, height)))
    size = args.width, round(args.width * height / width)
    picture = Image.new("RGB", (len(parts) * size[0], size[1]))
    for column, part in enumerate(parts):
        picture.paste(part.resize(size, Image.Resampling.LANCZOS), (column * size[0], 0))
    picture.save(args.picture, quality=85, optimize=True)


if __name__ == "__main__":
    main()
