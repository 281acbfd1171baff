"""Videos on their way into an export, and as loaders find them: looked at, never changed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..building.clips.plan import TIME_STEP
from .export_pictures import Picture

VIDEO_EXTENSION = "mp4"


class VideoFacts(NamedTuple):
    """What a loader learns of a video before it trains on it.

    Attributes:
        size_wh: Width and height.
        frames: How many there are.
    """

    size_wh: tuple[int, int]
    frames: int

    @property
    def is_whole(self) -> bool:
        """Whether loaders of video models keep all frames: 4n+1 of them."""
        return self.frames % TIME_STEP == 1


def is_clip(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() == f".{VIDEO_EXTENSION}"


def look_at_video(path: Path) -> VideoFacts:
    """Decode a video from end to end.

    Raises:
        InputError: It is missing or damaged.
    """
    from ..files.video import read_video

    count, size_wh = 0, (0, 0)
    for frame in read_video(path):
        count, size_wh = count + 1, (frame.rgb.shape[1], frame.rgb.shape[0])
    return VideoFacts(size_wh, count)


def prepare_video(path: Path) -> Picture:
    """A video as it goes into an export: as it is.

    Raises:
        InputError: It is missing or damaged.
    """
    return Picture(VIDEO_EXTENSION, path, look_at_video(path).size_wh)
