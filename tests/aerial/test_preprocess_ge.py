"""preprocess_ge: a video and an export become numbered frames with metric cameras."""

import json
from pathlib import Path

import numpy as np
import pytest

from aerial_megadepth import preprocess_ge
from aerial_megadepth.earth.frames_file import read_frames, read_meta
from aerial_megadepth.megadepth.image_list import write_image_list
from tests.aerial.aerial_builders import a_download, a_video, an_export, an_orbit, gray_frames
from warpset.files.photo_folders import photos_in
from warpset.files.photos import read_photo


def run(data_root, *flags):
    return preprocess_ge.main(["--data_root", str(data_root), "--quiet", *flags])


def test_frames_come_back_in_number_and_order(tmp_path, capsys):
    a_download(tmp_path, "0001", pictures=12, cameras=12)
    assert preprocess_ge.main(["--data_root", str(tmp_path)]) == 0
    assert "12 frames of 64x48" in (said := capsys.readouterr().err)
    assert "1 camera frames without a picture dropped" in said
    scene = tmp_path / "data" / "0001"
    photos = photos_in(scene / "footage")
    assert [path.name for path in photos] == [f"0001_{n:03d}.jpeg" for n in range(12)]
    grays = [float(read_photo(path).mean()) for path in photos]
    np.testing.assert_allclose(grays, [20 + 10 * n for n in range(12)], atol=4)
    frames = read_frames(scene / "0001.json")
    assert [frame.name for frame in frames] == [path.name for path in photos]
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(12) / 30)


def test_cameras_belong_to_their_frames(tmp_path):
    a_download(tmp_path, "0001")
    run(tmp_path)
    cameras = [frame.camera for frame in read_frames(tmp_path / "data/0001/0001.json")]
    known = an_orbit(5)
    for one, other in zip(cameras, known, strict=True):
        step = other.center_world - known[0].center_world
        np.testing.assert_allclose(one.center_world, step, atol=0.02)


def test_the_file_still_reads_as_an_export_cut_to_the_video(tmp_path):
    a_download(tmp_path, "0001")
    run(tmp_path, "--earth", "wgs84")
    meta = read_meta(tmp_path / "data/0001/0001.json")
    assert meta["earth"] == "wgs84" and meta["droppedCameraFrames"] == 1
    assert len(meta["cameraFrames"]) == meta["numFrames"] == 5
    assert meta["origin"]["altitude"] == pytest.approx(430, abs=0.01)


def test_a_video_of_another_size_scales_the_cameras(tmp_path):
    a_download(tmp_path, "0001")
    a_video(tmp_path / "downloaded_data" / "0001.mp4", gray_frames(5, (128, 96)))
    assert run(tmp_path) == 0
    camera = read_frames(tmp_path / "data/0001/0001.json")[0].camera
    assert camera.size_wh == (128, 96)
    np.testing.assert_allclose(camera.K[:2, 2], [64, 48])
    np.testing.assert_allclose(camera.K[0, 0], 2 * an_orbit(1)[0].K[0, 0])


def test_as_many_cameras_as_pictures_are_fine_too(tmp_path):
    a_download(tmp_path, "0001", pictures=6, cameras=5)
    assert run(tmp_path) == 0
    meta = read_meta(tmp_path / "data/0001/0001.json")
    assert meta["droppedCameraFrames"] == 0 and len(meta["frames"]) == 6


def test_a_second_run_makes_nothing_and_another_earth_makes_it_again(tmp_path, capsys):
    a_download(tmp_path, "0001")
    flags = ["--data_root", str(tmp_path)]
    for extra, said in (([], "1 scenes made"), ([], "1 there already")):
        assert preprocess_ge.main([*flags, *extra]) == 0
        assert said in capsys.readouterr().err
    assert preprocess_ge.main([*flags, "--earth", "wgs84"]) == 0
    assert "1 scenes made" in capsys.readouterr().err


def test_later_results_beside_the_frames_survive_a_remake(tmp_path):
    a_download(tmp_path, "0001")
    run(tmp_path)
    later = tmp_path / "data/0001/sfm_output_localization/kept"
    later.mkdir(parents=True)
    run(tmp_path, "--force_output")
    assert later.is_dir()


def test_workers_make_the_same_frames(tmp_path):
    for scene in ("0001", "0002"):
        a_download(tmp_path, scene, pictures=3, cameras=3)
    assert run(tmp_path, "--workers", "2") == 0
    for scene in ("0001", "0002"):
        assert len(photos_in(tmp_path / "data" / scene / "footage")) == 3


def _damage(video: Path) -> None:
    """Overwrite a quarter of a video's pictures."""
    data = bytearray(video.read_bytes())
    start = data.index(b"mdat") + 4
    count = (len(data) - start) // 4
    data[start + count : start + 2 * count] = np.random.default_rng(0).bytes(count)
    video.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "0002.json").unlink(), "found no camera export"),
        (lambda folder: (folder / "0002.mp4").unlink(), "found no video"),
        (lambda folder: (folder / "0002.mp4").write_bytes(b"no video"), "cannot be read"),
        (lambda folder: _damage(folder / "0002.mp4"), "0002.mp4: "),
        (
            lambda folder: a_video(folder / "0002.mp4", gray_frames(3)),
            "found 3 pictures and 6 camera frames, need as many or one more",
        ),
        (
            lambda folder: an_export(folder / "0002.json", an_orbit(3)),
            "found 5 pictures and 4 camera frames",
        ),
        (
            lambda folder: a_video(folder / "0002.mp4", gray_frames(5, (64, 64))),
            "found 64x64 pixels, but the cameras are for 64x48",
        ),
        (lambda folder: (folder / "0002.json").write_text("{}"), "found no 'width'"),
    ],
)
def test_a_bad_scene_is_one_line_and_the_others_are_made(tmp_path, capfd, spoil, said):
    for scene in ("0001", "0002"):
        a_download(tmp_path, scene)
    spoil(tmp_path / "downloaded_data")
    assert run(tmp_path) == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("0002: ") and said in lines[0]
    assert (tmp_path / "data/0001/0001.json").exists()
    assert not (tmp_path / "data/0002").exists()


def test_the_image_list_chooses_scenes(tmp_path, capsys):
    for scene in ("0001", "0002"):
        a_download(tmp_path, scene, pictures=2, cameras=2)
    write_image_list(tmp_path / "list.json", {("0002", "0"): []})
    assert run(tmp_path, "--scene_list", str(tmp_path / "list.json")) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["0002"]


def test_nothing_downloaded_is_one_line(tmp_path, capsys):
    assert run(tmp_path) == 1
    assert "downloaded_data: found no scene" in capsys.readouterr().err


def test_the_record_knows_both_inputs(tmp_path):
    a_download(tmp_path, "0001")
    run(tmp_path)
    record = json.loads((tmp_path / "data/0001/.step.json").read_text())
    assert set(record["inputs"]) == {"0/0001.mp4", "1/0001.json"}
    assert record["entries"] == ["0001.json", "footage"]
