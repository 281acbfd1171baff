"""Which frames make clips, and what their files are called; no files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..pairs.plan import WarpPair, frame_names

CLIPS_NAME = "clips.jsonl"
"""Records of clips, a line each, beside those of pairs."""

CLIP_KINDS = ("splats", "target", "reference", "mask")
"""The files of a clip, in the order in which records name them; the reference is a picture."""

TIME_STEP = 4
"""Video models compress time by this, the first frame by itself: they take 4n+1 frames."""

LOSSLESS = None


@dataclass(frozen=True)
class ClipRule:
    """How clips are made.

    Attributes:
        frames: Frames of each clip.
        crf: Constant rate factor of H.264, 1 to 51; None keeps every pixel.
    """

    frames: int
    crf: int | None = LOSSLESS


@dataclass(frozen=True)
class WarpClip(WarpPair):
    """A frame that is warped into the views of a run of frames, its own first.

    Attributes:
        targets: Indices of the run's frames; `target` is the last of them.
    """

    targets: tuple[int, ...] = ()

    def file_name(self, kind: str, extension: str) -> str:
        """Name of one of the clip's files; `extension` is that of the reference's picture."""
        return f"{self.name}_{kind}.{extension if kind == 'reference' else 'mp4'}"


def name_clips(photos: Sequence[Path], frames: int) -> list[WarpClip]:
    """Runs of so many frames, one after the other, each named after its first and last frame.

    Args:
        photos: The scene's frames, in order; what is left at their end makes no clip.
        frames: Frames of each clip.
    """
    names = frame_names(photos)
    clips = []
    for first in range(0, len(photos) - frames + 1, frames):
        last = first + frames - 1
        name = f"{names[first]}_to_{names[last]}"
        clips.append(WarpClip(name, first, last, targets=tuple(range(first, last + 1))))
    return clips
