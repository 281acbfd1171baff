"""Which frames of a video become photos, and keeping them as files; no cameras, no depth.

Frames are chosen in one pass, each the sharpest of a stretch of the video. A stretch is so many
seconds, or as long as the picture takes to move by a share of its width, so that neighbours have
parallax and standing still gives one frame. They are kept beside the pairs, so that a later run
finds the same photos and records have names to name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ...files.json_files import read_text
from ...files.photos import Rgb, sha256_of
from ...files.pictures import picture_bytes
from ...files.video import VideoFrame, read_video
from ...files.writing import write_atomically, writing_to
from ..frames import FrameSampling

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


class _Candidate(NamedTuple):
    number: int
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
    made_from = {"video": video.name, "sha256": _sha256_of(video), **vars(sampling)}
    if frames_are_done(frames, made_from):
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


def _sha256_of(video: Path) -> str:
    try:
        return sha256_of(video)
    except OSError as error:
        raise InputError(f"{video}: cannot be read as a video ({error.strerror})") from error


def frames_are_done(frames: Path, made_from: dict[str, object]) -> bool:
    """Whether a folder holds the frames that its record names, made from the same."""
    try:
        record = json.loads(read_text(frames / RECORD_NAME))
        files = (path for path in frames.rglob("*") if path.is_file())
        names = {path.relative_to(frames).as_posix() for path in files} - {RECORD_NAME}
        return record["made_from"] == made_from and set(record["frames"]) == names
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
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
    return ((candidate.number, candidate.rgb) for candidate in chosen)


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
    track = best = None
    for candidate, _ in _candidates(frames):
        if track is None:
            track = CornerTrack(candidate.gray)
            yield candidate
            continue
        moved = track.follow(candidate.gray) / (MOTION_SHARE * candidate.gray.shape[1])
        if moved > 1.0 + SEARCH_SHARE:
            chosen, best = best or candidate, None
            yield chosen
            track = CornerTrack(chosen.gray)
            track.follow(candidate.gray)
        elif moved >= 1.0 - SEARCH_SHARE and (best is None or candidate.sharpness > best.sharpness):
            best = candidate
    if best is not None:
        yield best


class CornerTrack:
    """How far a picture has moved: its corners, followed from frame to frame (Lucas, Kanade 1981).

    Args:
        gray: (h, w) uint8 to start from.
    """

    def __init__(self, gray: NDArray[np.uint8]):
        corners = cv2.goodFeaturesToTrack(gray, MAX_CORNERS, 0.01, 8)
        self._starts = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        self._gray, self._positions, self._count = gray, self._starts, len(self._starts)

    def follow(self, gray: NDArray[np.uint8]) -> float:
        """Median way of the corners in pixels since the start; infinite where most are lost."""
        if not self._count:
            return 0.0
        if len(self._positions):
            guess = self._positions.copy()
            moved, is_found, _ = cv2.calcOpticalFlowPyrLK(self._gray, gray, self._positions, guess)
            kept = is_found.ravel() == 1
            self._starts, self._positions, self._gray = self._starts[kept], moved[kept], gray
        if len(self._positions) < MIN_TRACKED_SHARE * self._count:
            return float("inf")
        ways = np.linalg.norm(self._positions - self._starts, axis=2)
        return float(np.median(ways))
