"""Frames of a video, one after the other, through OpenCV; what they show it does not know."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from warpset.core.errors import InputError
from warpset.files.photos import Rgb

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def read_video(path: Path) -> Iterator[Rgb]:
    """Frames (h, w, 3) uint8 RGB in the order of the video, until it ends or breaks off.

    Raises:
        InputError: The file is missing, or no frame of it can be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: found no video; render it in Earth Studio (Cloud Rendering)")
    video = cv2.VideoCapture(str(path))
    try:
        is_read, bgr = video.read()
        if not is_read:
            raise InputError(f"{path}: cannot be read as a video; render or download it again")
        while is_read:
            yield np.ascontiguousarray(bgr[..., ::-1], np.uint8)
            is_read, bgr = video.read()
    finally:
        video.release()
