"""Which frames of a video become photos, and keeping them as files; no cameras, no depth.

Frames are chosen in one pass, each the sharpest of a stretch of the video. A stretch is so many
seconds, or as long as the picture takes to move by a share of its width, so that neighbours have
parallax and standing still gives one frame. They are kept beside the pairs, so that a later run
finds the same photos and records have names to name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..files.photos import Rgb, sha256_of
from ..files.pictures import picture_bytes
from ..files.video import VideoFrame, read_video
from ..files.writing import write_atomically, writing_to

FRAMES_FOLDER = "frames"
RECORD_NAME = "frames.json"

MOTION_SHARE = 0.06
"""How far the picture moves between chosen frames, as a share of its width: neighbours of hand-held
walks then overlap by 80 to 90 %, and points have parallax. Higher gives fewer, wider pairs."""

SEARCH_SHARE = 0.3
"""The sharpest frame is looked for so much before and after that motion, as a share of it."""

LOOK_WIDTH_PX = 480
"""Frames are looked at so wide: motion blur still shows, and tracking takes milliseconds."""

MAX_CORNERS = 300
MIN_TRACKED_SHARE = 0.3
"""With fewer corners found again, the picture has changed altogether, as at a cut."""


@dataclass(frozen=True)
class FrameSampling:
    """How densely frames are taken; neither for as many as the motion asks for.

    Attributes:
        fps: One frame for each 1 / fps seconds.
        count: So many frames, evenly over the time.
    """

    fps: float | None = None
    count: int | None = None


class _Candidate(NamedTuple):
    index: int
    rgb: Rgb
    gray: NDArray[np.uint8]
    sharpness: float


def keep_frames(video: Path, folder: Path, sampling: FrameSampling) -> Path:
    """Choose a video's frames and write them as JPEG, unless that is done.

    Args:
        video: The video.
        folder: Where its pairs go; frames go to `frames/` in it.
        sampling: How densely.

    Returns:
        The folder of frames.

    Raises:
        InputError: The video is damaged, or the folder cannot be written.
    """
    frames = folder / FRAMES_FOLDER
    made_from = {"video": video.name, "sha256": sha256_of(video), **vars(sampling)}
    if _is_done(frames, made_from):
        return frames
    with writing_to(frames):
        frames.mkdir(parents=True, exist_ok=True)
        for path in frames.iterdir():  # those of another choice, or of a run that was killed
            path.unlink()
    names = []
    for index, rgb in choose_frames(video, sampling):
        names.append(f"{video.stem}_{index:06d}.jpg")
        with writing_to(frames):
            write_atomically(frames / names[-1], picture_bytes(rgb, "jpg"))
    with writing_to(frames):
        content = json.dumps({"made_from": made_from, "frames": names}, indent=1) + "\n"
        write_atomically(frames / RECORD_NAME, content.encode())
    return frames


def _is_done(frames: Path, made_from: dict[str, object]) -> bool:
    try:
        record = json.loads((frames / RECORD_NAME).read_text(encoding="utf-8"))
        names = {path.name for path in frames.iterdir()} - {RECORD_NAME}
        return record["made_from"] == made_from and set(record["frames"]) == names
    except (OSError, ValueError, KeyError, TypeError):
        return False


def choose_frames(video: Path, sampling: FrameSampling) -> Iterator[tuple[int, Rgb]]:
    """Index and picture of each chosen frame, in order, each the sharpest of its stretch.

    Raises:
        InputError: The video is damaged.
    """
    if sampling.fps is not None:
        chosen = _sharpest_by_time(read_video(video), 1.0 / sampling.fps)
    elif sampling.count is not None:
        times = [frame.time_s for frame in read_video(video)]
        stretch_s = (times[-1] + times[-1] / max(1, len(times) - 1)) / sampling.count
        chosen = _sharpest_by_time(read_video(video), stretch_s)
    else:
        chosen = _sharpest_by_motion(read_video(video))
    return ((candidate.index, candidate.rgb) for candidate in chosen)


def _candidates(frames: Iterable[VideoFrame]) -> Iterator[tuple[_Candidate, float]]:
    for index, frame in enumerate(frames):
        height, width = frame.rgb.shape[:2]
        scale = min(1.0, LOOK_WIDTH_PX / width)
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(frame.rgb, size_wh, interpolation=cv2.INTER_AREA)
        gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        sharpness = float(cv2.Laplacian(gray, cv2.CV_32F).var())
        yield _Candidate(index, frame.rgb, gray, sharpness), frame.time_s


def _sharpest_by_time(frames: Iterable[VideoFrame], stretch_s: float) -> Iterator[_Candidate]:
    best, best_stretch = None, 0
    for candidate, time_s in _candidates(frames):
        stretch = int((time_s + 1e-6) / stretch_s) if stretch_s > 0 else 0
        if best is not None and stretch > best_stretch:
            yield best
            best = None
        if best is None or candidate.sharpness > best.sharpness:
            best, best_stretch = candidate, stretch
    if best is not None:
        yield best


def _sharpest_by_motion(frames: Iterable[VideoFrame]) -> Iterator[_Candidate]:
    """The first frame, then one for each stretch of motion; a rest at the end gives none."""
    last = best = None
    for candidate, _ in _candidates(frames):
        if last is None:
            last = candidate
            yield last
            continue
        moved = motion(last.gray, candidate.gray) / (MOTION_SHARE * candidate.gray.shape[1])
        if moved > 1.0 + SEARCH_SHARE:
            last, best = best or candidate, None
            yield last
        elif moved >= 1.0 - SEARCH_SHARE and (
            best is None or candidate.sharpness > best.sharpness
        ):
            best = candidate
    if best is not None:
        yield best


def motion(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Median way in pixels that corners of one gray picture went until the other.

    Infinite where too few are found again: the picture has changed altogether.
    """
    corners = cv2.goodFeaturesToTrack(one, MAX_CORNERS, 0.01, 8)
    if corners is None:
        return 0.0
    moved, is_found, _ = cv2.calcOpticalFlowPyrLK(one, other, corners, None)  # type: ignore[call-overload]
    ways = np.linalg.norm((moved - corners)[is_found.ravel() == 1].reshape(-1, 2), axis=1)
    if len(ways) < MIN_TRACKED_SHARE * len(corners):
        return float("inf")
    return float(np.median(ways))

