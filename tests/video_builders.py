"""Small videos, written with PyAV, that tests are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.builders import a_photo

SIZE_WH = (320, 180)


@dataclass(frozen=True)
class Encoding:
    """How a video is written; `times` are in frames of 1/30 s, evenly spaced if not given."""

    codec: str = "libx264"
    pixels: str = "yuv420p"
    rotation: int | None = None
    times: Sequence[int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def a_walk(frames: int = 30, step_px: int = 4) -> list[np.ndarray]:
    """Pictures (180, 320, 3) of a camera that goes sideways, so many pixels a frame."""
    wide = np.array(a_photo((SIZE_WH[0] + frames * step_px, SIZE_WH[1]), seed=3))
    rng = np.random.default_rng(0)
    for _ in range(4 * frames):  # corners to hold on to
        x, y = rng.integers(0, wide.shape[1] - 12), rng.integers(0, wide.shape[0] - 12)
        wide[y : y + 12, x : x + 12] = rng.integers(0, 256, 3)
    return [wide[:, k * step_px : k * step_px + SIZE_WH[0]] for k in range(frames)]


def write_video(
    path: Path, pictures: Sequence[np.ndarray], encoding: Encoding | None = None
) -> Path:
    """Write pictures (h, w, 3) uint8 as a video of 30 frames a second."""
    encoding = encoding or Encoding()
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(encoding.codec, rate=30, options=dict(encoding.options))
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixels
        stream.time_base = Fraction(1, 30)
        if encoding.rotation is not None:
            stream.set_display_rotation(encoding.rotation)
        for time, picture in zip(encoding.times or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
