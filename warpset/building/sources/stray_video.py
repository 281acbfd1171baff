"""Frames of a Stray Scanner recording, taken out of its video with the depth that is theirs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...files.json_files import read_text
from ...files.photos import sha256_of
from ...files.pictures import picture_bytes
from ...files.writing import write_atomically, writing_to
from ...recordings.formats.stray_scanner import MATRIX, ODOMETRY, find_stray
from ..frames import FrameSampling
from .video_frames import FRAMES_FOLDER, RECORD_NAME, choose_frames, frames_are_done

VIDEO = "rgb.mp4"
PARTS = ("depth", "confidence")
"""Folders with a small PNG a frame, named by its number."""


def stray_video_of(scene: Path) -> Path | None:
    """The video of a Stray Scanner recording whose frames nobody has taken out; else None."""
    video = scene / VIDEO
    is_whole = find_stray(scene) is not None and video.is_file()
    return video if is_whole and not (scene / "rgb").is_dir() else None


def keep_stray_frames(scene: Path, folder: Path, sampling: FrameSampling) -> Path:
    """Choose frames of the video and write them as a recording of their own, unless that is done.

    Args:
        scene: The recording.
        folder: Where its pairs go; frames go to `frames/` in it.
        sampling: How densely.

    Returns:
        The folder of the smaller recording.

    Raises:
        InputError: The video is damaged, or the folder cannot be written.
    """
    frames, video = folder / FRAMES_FOLDER, scene / VIDEO
    hashes = {name: sha256_of(scene / name) for name in (VIDEO, ODOMETRY, MATRIX)}
    made_from: dict[str, Any] = {**hashes, **vars(sampling)}
    if frames_are_done(frames, made_from):
        return frames
    with writing_to(frames):
        shutil.rmtree(frames, ignore_errors=True)  # those of another choice, or of a killed run
        (frames / "rgb").mkdir(parents=True)
    files = []
    for index, rgb in choose_frames(video, sampling):
        files.append(f"rgb/{index:06d}.jpg")
        with writing_to(frames):
            write_atomically(frames / files[-1], picture_bytes(rgb, "jpg"))
            files += _copied(scene, frames, [f"{part}/{index:06d}.png" for part in PARTS])
    with writing_to(frames):
        files += _copied(scene, frames, [MATRIX])
        write_atomically(frames / ODOMETRY, _poses_of(scene / ODOMETRY, files))
        record = {"made_from": made_from, "frames": [*files, ODOMETRY]}
        write_atomically(frames / RECORD_NAME, (json.dumps(record, indent=1) + "\n").encode())
    return frames


def _copied(scene: Path, frames: Path, names: list[str]) -> list[str]:
    there = [name for name in names if (scene / name).is_file()]
    for name in there:
        (frames / name).parent.mkdir(exist_ok=True)
        write_atomically(frames / name, (scene / name).read_bytes())
    return there


def _poses_of(odometry: Path, files: list[str]) -> bytes:
    """The lines of the poses that belong to chosen frames, below the names of the columns."""
    try:
        header, *lines = read_text(odometry).splitlines()
        column = [name.strip() for name in header.split(",")].index("frame")
    except ValueError as error:
        raise InputError(f"{odometry}: found no column `frame`, need its poses") from error
    numbers = {Path(name).stem for name in files}
    rows = [line for line in lines if _field(line, column) in numbers]
    return "\n".join([header, *rows, ""]).encode()


def _field(line: str, column: int) -> str:
    fields = line.split(",")
    return fields[column].strip() if column < len(fields) else ""
