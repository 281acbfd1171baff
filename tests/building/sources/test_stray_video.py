"""Stray Scanner recordings as the app writes them: photos in a video, depth in pictures."""

import cv2
import numpy as np

from build_warp_dataset import main
from tests.video_builders import SIZE_WH, a_walk, write_video
from warpset.building.frames import FrameSampling
from warpset.building.pairs.folder import read_records
from warpset.building.sources.stray_video import keep_stray_frames

FOCAL_PX, DEPTH_M, STEP_PX, COUNT = 300.0, 2.0, 4, 30


def a_recording(folder):
    """A phone that goes sideways before a wall."""
    for part in ("depth", "confidence"):
        (folder / part).mkdir(parents=True)
    write_video(folder / "rgb.mp4", a_walk(COUNT, STEP_PX))
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for index in range(COUNT):
        x = index * STEP_PX * DEPTH_M / FOCAL_PX
        lines.append(f"{index / 30}, {index:06d}, {x}, 0, 0, 0, 0, 0, 1")
        depth = np.full((45, 80), round(1000 * DEPTH_M), np.uint16)
        cv2.imwrite(str(folder / "depth" / f"{index:06d}.png"), depth)
        cv2.imwrite(str(folder / "confidence" / f"{index:06d}.png"), np.full((45, 80), 2, np.uint8))
    (folder / "odometry.csv").write_text("\n".join(lines) + "\n")
    K = [[FOCAL_PX, 0, SIZE_WH[0] / 2], [0, FOCAL_PX, SIZE_WH[1] / 2], [0, 0, 1]]
    rows = (", ".join(map(str, row)) for row in K)
    (folder / "camera_matrix.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_frames_of_the_video_get_the_depth_and_pose_of_their_number(tmp_path, capsys):
    a_recording(tmp_path / "in" / "hall")
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    paths += ["--device", "cpu", "--nocache"]
    assert main(paths) == 0
    assert "likely depth is coarser than the pictures (upsample it)" in capsys.readouterr().err
    assert main([*paths, "--upsample-depth", "--force_output"]) == 0
    error = capsys.readouterr().err
    assert "coarser" not in error
    assert "Stray Scanner" in error and "0 listed photos missing" in error
    records = read_records(tmp_path / "out" / "hall")
    assert 4 <= len(records) <= 9
    assert all(r.scores["psnr"] > 25 and r.scores["coverage"] > 0.85 for r in records)
    frames = tmp_path / "out" / "hall" / "frames"
    photos = {path.stem for path in (frames / "rgb").iterdir()}
    assert {path.stem for path in (frames / "depth").iterdir()} == photos
    assert len(photos) == len(records) + 1


def test_frames_that_are_there_are_not_taken_out_again(tmp_path):
    recording = a_recording(tmp_path / "hall")
    frames = keep_stray_frames(recording, tmp_path / "out", FrameSampling(count=4))
    times = {path: path.stat().st_mtime_ns for path in frames.rglob("*.*")}
    assert len(list((frames / "rgb").iterdir())) == 4
    keep_stray_frames(recording, tmp_path / "out", FrameSampling(count=4))
    assert {path: path.stat().st_mtime_ns for path in frames.rglob("*.*")} == times
    keep_stray_frames(recording, tmp_path / "out", FrameSampling(count=2))
    assert len(list((frames / "rgb").iterdir())) == len(list((frames / "depth").iterdir())) == 2
