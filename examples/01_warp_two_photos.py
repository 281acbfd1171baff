"""A photo seen from where the next one was taken, with its holes.

uv run python examples/01_warp_two_photos.py examples/scenes/room warp.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from renderer.making import make_renderer
from warpset import BuildOptions, Warper, read_recording, recorded_geometry
from warpset.building.scores import measured

if __name__ == "__main__":
    recording = read_recording(Path(sys.argv[1]))
    assert recording is not None, "the scene records its cameras and depth"
    geometry = recorded_geometry(recording, recording.frames[:2])
    warp = Warper(geometry, BuildOptions(), make_renderer).warp(reference=0, target=1)
    pictures = warp.splats, warp.target, warp.reference  # (h, w, 3) uint8 each
    Image.fromarray(np.hstack(pictures)).save(sys.argv[2])
    scores = measured(warp)
    print(f"{warp.splats.shape} {warp.splats.dtype}, {len(warp.cloud.xyz_world)} points")
    print(f"{warp.hole.mean():.1%} holes, {scores['psnr']} dB where covered")
