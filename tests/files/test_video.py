"""Videos come out frame by frame, upright and whole, or are named."""

import numpy as np
import pytest

from tests.video_builders import Encoding, a_walk, write_video
from warpset.core.errors import InputError
from warpset.files.video import read_video

FEW = a_walk(frames=6)
HEVC_10_BIT = Encoding("libx265", "yuv420p10le", options={"x265-params": "log-level=none"})


def assert_alike(rgb, picture):
    assert rgb.shape == picture.shape
    assert np.abs(rgb.astype(int) - picture).mean() < 12  # chroma is stored at half the size


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("a.mp4", Encoding()), ("a.mov", HEVC_10_BIT), ("a.mkv", Encoding(pixels="yuv444p"))],
)
def test_every_frame_comes_out_in_order(tmp_path, name, encoding):
    frames = list(read_video(write_video(tmp_path / name, FEW, encoding)))
    assert [round(30 * frame.time_s) for frame in frames] == [0, 1, 2, 3, 4, 5]
    for frame, picture in zip(frames, FEW, strict=True):
        assert_alike(frame.rgb, picture)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (-90, -1), (180, 2)])
def test_the_rotation_flag_is_applied(tmp_path, degrees, quarters):
    video = write_video(tmp_path / "a.mp4", FEW, Encoding(rotation=degrees))
    assert_alike(next(read_video(video)).rgb, np.rot90(FEW[0], quarters))


def test_frames_of_a_variable_rate_keep_their_times(tmp_path):
    times = [0, 1, 7, 8, 20, 21]
    video = write_video(tmp_path / "a.mp4", FEW, Encoding(times=times))
    assert [round(30 * frame.time_s) for frame in read_video(video)] == times


def damaged(content: bytes, start: float, count: int) -> bytes:
    data, first = bytearray(content), content.index(b"mdat")
    place = first + int(start * (len(data) - first))
    data[place : place + count] = np.random.default_rng(1).bytes(count)
    return bytes(data)


@pytest.mark.parametrize("start", [0.2, 0.5, 0.9])
def test_one_damaged_picture_fails_the_video_by_name(tmp_path, start):
    video = write_video(tmp_path / "walk.mp4", a_walk())
    video.write_bytes(damaged(video.read_bytes(), start, 600))
    with pytest.raises(InputError, match=r"walk.mp4: (damaged after \d+ frames|cannot be read)"):
        list(read_video(video))


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_video_that_was_cut_off_fails(tmp_path, share):
    video = write_video(tmp_path / "walk.mp4", a_walk())
    content = video.read_bytes()
    video.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="walk.mp4: "):
        list(read_video(video))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0\x14ftypisom",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile other.mp4\n",
        b"v=0\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_what_is_no_video_opens_no_other_file_and_no_address(tmp_path, content):
    write_video(tmp_path / "other.mp4", FEW)
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match="a.mp4: cannot be read as a video"):
        list(read_video(tmp_path / "a.mp4"))


def test_a_video_that_announces_huge_pictures_is_refused_before_one_is_decoded(
    tmp_path, monkeypatch
):
    video = write_video(tmp_path / "a.mp4", FEW)
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match="a.mp4: cannot be read as a video .*320x180.*too large"):
        next(read_video(video))


def test_a_video_of_no_known_codec_is_one_line(tmp_path):
    path = tmp_path / "walk.mp4"
    write_video(path, a_walk(3))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(InputError, match="cannot be read as a video .its codec is not known"):
        list(read_video(path))
