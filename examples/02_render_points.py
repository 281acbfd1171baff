"""A photo's points, seen by a camera that stands somewhere else.

uv run python examples/02_render_points.py examples/scenes/room points.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from renderer.making import make_renderer
from warpset import Camera, read_recording, recorded_geometry
from warpset.core.drawing import draw, drawable
from warpset.core.points import lift
from warpset.files.photos import read_photo

if __name__ == "__main__":
    recording = read_recording(Path(sys.argv[1]))
    assert recording is not None, "the scene records its cameras and depth"
    frame = recorded_geometry(recording, recording.frames).frames[0]
    depth_map, rgb = frame.load_depth(), read_photo(frame.photo.path)  # (h, w), (h, w, 3)
    cloud = lift(depth_map, rgb, keep=depth_map.depth > 0)

    camera = depth_map.camera
    step = np.eye(4)
    step[0, 3] = 0.2 * np.median(depth_map.depth)  # to the left: the scene moves to the right
    aside = Camera(camera.K, step @ camera.cam_from_world, camera.size_wh)
    view = draw(make_renderer(camera.size_wh, sigma_px=20.0), drawable(cloud), aside)
    Image.fromarray((255 * view.rgb).round().astype(np.uint8)).save(sys.argv[2])
    print(f"{cloud.xyz_world.shape} points, {view.hole.mean():.1%} holes")
