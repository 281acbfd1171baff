"""`--clips` at the main command and the layouts that take clips: made, resumed, refused, read."""

import json

import numpy as np
import pytest
from PIL import Image

import build_warp_dataset
import export_dataset
from tests.builders import a_scene, tree
from warpset.building.clips.plan import CLIPS_NAME
from warpset.building.pairs.record import read_records
from warpset.files.video import read_video

NAMES = [f"1_to_5_{kind}" for kind in ("mask.mp4", "reference.png", "splats.mp4", "target.mp4")]
PNG = ("--output-format", "png")


def build(folder, *flags) -> int:
    folders = ["--input-dir", str(folder / "in"), "--output-dir", str(folder / "out")]
    return build_warp_dataset.main([*folders, "--clips", "5", "--quiet", *PNG, *flags])


def export(folder, layout, *flags) -> int:
    folders = ["--output-dir", str(folder / "out"), "--dataset-dir", str(folder / layout)]
    return export_dataset.main(["--format", layout, *folders, "--quiet", *flags])


def frames_of(path) -> list[np.ndarray]:
    return [frame.rgb for frame in read_video(path)]


@pytest.fixture
def made(tmp_path):
    """The folder of a scene's clips: eleven frames make two, and one is left."""
    a_scene(tmp_path / "in" / "room", photos=11)
    assert build(tmp_path) == 0
    return tmp_path / "out" / "room"


def test_a_clip_is_the_first_frame_warped_into_all_without_loss(made):
    assert sorted(path.name for path in made.iterdir())[:4] == NAMES
    target, splats, mask = (
        frames_of(made / f"1_to_5_{kind}.mp4") for kind in ("target", "splats", "mask")
    )
    assert len(target) == len(splats) == len(mask) == 5
    for number, frame in enumerate(target, 1):
        photo = made.parents[1] / "in" / "room" / "images" / f"{number}.png"
        assert np.array_equal(frame, np.asarray(Image.open(photo)))
    reference = np.asarray(Image.open(made / "1_to_5_reference.png"))
    assert np.array_equal(reference, target[0])
    assert np.abs(splats[0].astype(int) - reference).mean() < 2, "seen from where it was taken"
    holes = [(frame == 255).mean() for frame in mask]
    assert set(np.unique(mask)) == {0, 255} and holes == sorted(holes) and holes[4] > 0.15


def test_a_clips_record_tells_its_path_and_its_mean_scores(made):
    first, second = read_records(made, CLIPS_NAME)
    assert (first.name, second.name) == ("1_to_5", "6_to_10")
    assert (first.reference, first.target) == ("1.png", "5.png")
    path = first.cameras["path"]
    assert len(path) == 5 and path[4] == first.cameras["target"]
    assert path[0] == first.cameras["reference"]
    share = np.mean([(frame == 255).mean() for frame in frames_of(made / "1_to_5_mask.mp4")])
    assert first.scores["hole_share"] == pytest.approx(share, abs=1e-3)
    assert first.options["clips"] == 5


def test_clips_resume_to_the_same_bytes(made):
    whole = tree(made)
    (made / "1_to_5_splats.mp4").unlink()
    (made / CLIPS_NAME).write_text((made / CLIPS_NAME).read_text().splitlines()[0] + "\n")
    assert build(made.parents[1]) == 0
    assert tree(made) == whole


def test_clips_lie_beside_pairs(made):
    whole = tree(made)
    scene = ["--input-dir", str(made.parents[1] / "in"), "--output-dir", str(made.parent), *PNG]
    assert build_warp_dataset.main([*scene, "--quiet"]) == 0
    both = tree(made)
    assert {name: both[name] for name in whole} == whole and "2_splats.png" in both


def test_a_rate_factor_makes_smaller_videos(tmp_path):
    sizes = {}
    for crf in (1, 40):
        a_scene(tmp_path / str(crf) / "in" / "room", photos=5, size_wh=(95, 63))
        assert build(tmp_path / str(crf), "--clip-crf", str(crf)) == 0
        path = tmp_path / str(crf) / "out" / "room" / "1_to_5_target.mp4"
        sizes[crf] = path.stat().st_size
        assert frames_of(path)[0].shape == (62, 94, 3), "odd sides are cut"
    assert sizes[40] < sizes[1] / 2


def test_what_becomes_of_frames_that_make_no_clip_is_said(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=7)
    folders = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    assert build_warp_dataset.main([*folders, "--clips", "5"]) == 0
    assert "the last 2 frames make no clip" in capsys.readouterr().err
    assert build_warp_dataset.main([*folders, "--clips", "9"]) == 1
    assert "room: found 7 frames, need 9 for a clip" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--clips", "8"), "need 4n+1 as 5 or 9"),
        (("--clips", "1"), "--clips"),
        (("--clip-crf", "20"), "--clip-crf has no effect here, it needs --clips"),
        (("--clips", "5", "--bidirectional"), "--bidirectional has no effect here"),
        (("--clips", "5", "--pairing", "all"), "--pairing has no effect here"),
        (("--clips", "5", "--save-splats"), "--save-splats has no effect beside --clips"),
    ],
)
def test_contradictions_are_refused(flags, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        build_warp_dataset.main(list(flags))
    assert words in capsys.readouterr().err


def test_diffsynth_gets_a_column_a_role(made):
    folder = made.parents[1]
    assert export(folder, "diffsynth-video", "--prompt", "walk on") == 0
    place = folder / "diffsynth-video"
    rows = json.loads((place / "metadata.json").read_text())
    assert rows[0] == {
        "video": "1_video.mp4",
        "vace_video": "1_splats.mp4",
        "vace_video_mask": "1_mask.mp4",
        "vace_reference_image": "1_reference.png",
        "control_video": "1_splats.mp4",
        "reference_image": "1_reference.png",
        "prompt": "walk on",
    }
    assert (place / "2_mask.mp4").read_bytes() == (made / "6_to_10_mask.mp4").read_bytes()
    page = (place / "TRAIN.md").read_text()
    assert "--num_frames 5" in page and "vace_video,vace_video_mask,vace_reference_image" in page
    assert export(folder, "diffsynth-video", "--validate") == 0


def test_musubi_gets_a_control_directory(made):
    folder = made.parents[1]
    assert export(folder, "musubi-video", "--prompt", "walk on") == 0
    place = folder / "musubi-video"
    assert {path.name for path in (place / "control").iterdir()} == {"1.mp4", "2.mp4"}
    assert (place / "target" / "1.txt").read_text() == "walk on"
    assert (place / "control" / "1.mp4").read_bytes() == (made / "1_to_5_splats.mp4").read_bytes()
    toml = (place / "dataset.toml").read_text()
    assert "target_frames = [5]" in toml and f'control_directory = "{place}/control"' in toml
    assert export(folder, "musubi-video", "--validate") == 0


def test_faults_of_an_export_of_clips_are_found(made, capsys):
    folder = made.parents[1]
    assert export(folder, "musubi-video") == 0
    place = folder / "musubi-video"
    (place / "control" / "2.mp4").unlink()
    video = place / "control" / "1.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert export(folder, "musubi-video", "--validate") == 1
    said = capsys.readouterr().err
    assert "target/2.mp4: found no splats; musubi-tuner stops" in said
    assert "1.mp4: " in said and "the loader stops" in said


def test_videos_of_different_length_are_found(made, tmp_path, capsys):
    folder = made.parents[1]
    assert export(folder, "diffsynth-video") == 0
    a_scene(tmp_path / "other" / "in" / "hall", photos=9)
    assert build(tmp_path / "other", "--clips", "9") == 0
    longer = tmp_path / "other" / "out" / "hall" / "1_to_9_mask.mp4"
    (folder / "diffsynth-video" / "1_mask.mp4").write_bytes(longer.read_bytes())
    assert export(folder, "diffsynth-video", "--validate") == 1
    assert "videos differ in frames" in capsys.readouterr().err


def test_clips_are_not_resized_and_pairs_are_no_clips(made, capsys):
    folder = made.parents[1]
    assert export(folder, "musubi-video", "--resize", "qwen") == 1
    assert "is a clip, which is exported as it is" in capsys.readouterr().err
    assert export(folder, "musubi") == 1
    assert "found no pairs" in capsys.readouterr().err
