"""Frames of a video, one after the other and upright; what they show it does not know.

Videos are untrusted: only containers that hold their own pictures are opened (no playlists, no
network), and one damaged picture fails the whole video, since decoders paint over damage in
silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from ..core.errors import InputError
from .photos import Rgb

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VIDEO_EXTENSIONS = frozenset({".mp4", ".mov", ".mkv", ".m4v", ".avi", ".webm"})
"""Lower-case extensions of files that are taken for videos."""

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"

MISSING_END_S = 0.5
"""A video that ends so much before the time it announces was cut off; less is rounding."""


class VideoFrame(NamedTuple):
    """One picture of a video.

    Attributes:
        rgb: (h, w, 3) uint8, turned as the video's rotation flag asks.
        time_s: When it is shown, in seconds from the first.
    """

    rgb: Rgb
    time_s: float


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in VIDEO_EXTENSIONS


def read_video(path: Path) -> Iterator[VideoFrame]:
    """Frames in the order of the video.

    Raises:
        InputError: The file is missing, no video, or damaged anywhere; this may show only after
            many frames.
    """
    import av
    from av.error import FFmpegError

    if not path.is_file():
        raise InputError(f"{path}: found no video")
    count = 0
    try:
        with av.open(str(path.resolve()), options=_only_files()) as container:
            for frame in _decoded(container):
                count += 1
                yield frame
    except (FFmpegError, OSError, ValueError) as error:
        place = f"damaged after {count} frames" if count else "cannot be read as a video"
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"{path}: {place} ({reason}); record or download it again") from error
    if not count:
        raise InputError(f"{path}: cannot be read as a video (no pictures in it)")


def _only_files() -> dict[str, str]:
    return {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}


def _decoded(container: InputContainer) -> Iterator[VideoFrame]:
    if not container.streams.video:
        raise ValueError("no pictures in it")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise ValueError("its codec is not known")
    _check_size(stream.codec_context.width, stream.codec_context.height)
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"err_detect": "explode"}
    first_s = last_s = None
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise ValueError("a picture is damaged")
        _check_size(frame.width, frame.height)
        time_s = float(frame.time or 0.0)
        first_s, last_s = time_s if first_s is None else first_s, time_s
        yield VideoFrame(_upright(frame), time_s - first_s)
    if stream.duration is None or stream.time_base is None or first_s is None or last_s is None:
        return
    announced_s, seen_s = float(stream.duration * stream.time_base), last_s - first_s
    if seen_s + _frame_s(stream) + MISSING_END_S < announced_s:
        raise ValueError(f"it ends at {seen_s:.1f} of {announced_s:.1f} seconds")


def _frame_s(stream: av.VideoStream) -> float:
    return float(1 / stream.average_rate) if stream.average_rate else 0.0


def _check_size(width: int, height: int) -> None:
    if width * height > (Image.MAX_IMAGE_PIXELS or 0):
        raise ValueError(f"pictures of {width}x{height} pixels are too large")


def _upright(frame: av.VideoFrame) -> Rgb:
    """A frame as it is meant to be seen; the flag counts quarter turns to the left."""
    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))
