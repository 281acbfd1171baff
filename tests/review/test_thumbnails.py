"""Thumbnails of the review page: what they show, and when they are made."""

import numpy as np
from PIL import Image

from review import thumbnails
from tests.pair_builders import (
    a_frame_picture,
    a_scene,
    a_splats_picture,
    pixels,
    tree,
    two_scenes,
)
from tests.review.review_builders import review, strip_of, the_rows


def test_a_strip_shows_splats_target_reference_mask_and_difference(tmp_path):
    output = tmp_path / "output"
    a_scene(output, photos=3)
    review(output, "--quiet")
    tiles = np.split(strip_of(output, "garden/2").astype(int), 5, axis=1)
    splats, target = a_splats_picture("garden", 1, 2), a_frame_picture("garden", 2)
    mask = splats[..., 2] % 2 * 255
    expected = [splats, target, a_frame_picture("garden", 1), np.repeat(mask[..., None], 3, 2)]
    expected.append(thumbnails.difference_picture(splats, target, mask >= 128))
    for tile, picture in zip(tiles, expected, strict=True):
        assert np.abs(tile.mean((0, 1)) - picture.mean((0, 1))).max() < 6


def plain_difference(splats, target, hole):
    """The slow twin: level by level what the colour map is asked for."""
    levels = np.abs(splats.astype(float) - target.astype(float)).mean(-1)
    gray = np.round(np.minimum(1, levels / 64) * 255).astype(np.uint8)
    whole_map = thumbnails.difference_picture(*_gray_ramp(), None)[0]
    return np.where(hole[..., None], 128, whole_map[gray])


def _gray_ramp():
    """A row of differences that ask for each of the 256 colours once."""
    target = np.zeros((1, 256, 3), np.uint8)
    splats = target.copy()
    total = np.round(np.arange(256) * 64 / 255 * 3).astype(int)
    for channel in range(3):
        splats[0, :, channel] = total // 3 + (channel < total % 3)
    return splats, target


def test_the_difference_is_the_mean_of_the_channels_outside_holes():
    rng = np.random.default_rng(0)
    target = rng.integers(60, 190, (9, 12, 3), dtype=np.uint8)
    splats = (target + rng.integers(-60, 60, target.shape)).astype(np.uint8)
    hole = rng.random((9, 12)) < 0.3
    found = thumbnails.difference_picture(splats, target, hole)
    assert np.abs(found.astype(int) - plain_difference(splats, target, hole)).max() <= 6


def test_equal_pictures_have_a_black_difference_and_holes_a_grey_one():
    picture = a_frame_picture("garden", 1)
    hole = np.zeros(picture.shape[:2], bool)
    hole[:, :10] = True
    found = thumbnails.difference_picture(picture, picture, hole)
    assert found[~hole].max() < 8
    assert (found[hole] == 128).all()


def test_without_a_saved_mask_nothing_is_made_up(tmp_path):
    output = tmp_path / "output"
    a_scene(output, photos=2, with_masks=False)
    review(output, "--quiet")
    assert "mask" not in the_rows(output)["garden/1"]["files"]
    tile = np.split(strip_of(output, "garden/1"), 5, axis=1)[3]
    away_from_neighbours = tile[:, 8:-8].astype(int)  # JPEG's colours bleed
    assert np.abs(away_from_neighbours - 128).max() <= 2


def changes(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_is_there_is_not_made_again(tmp_path):
    output = two_scenes(tmp_path)
    review(output, "--quiet")
    before = changes(output / "review_files")
    review(output, "--quiet")
    assert changes(output / "review_files") == before


def test_a_changed_picture_is_made_again_and_its_old_thumbnails_go(tmp_path):
    output = two_scenes(tmp_path)
    review(output, "--quiet")
    before = changes(output / "review_files")
    (output / "review_files" / "mine.txt").write_text("a note")
    Image.fromarray(a_frame_picture("garden", 9)).save(output / "room" / "2_splats.png")
    review(output, "--quiet")
    after = changes(output / "review_files")
    assert len(after.keys() - before.keys()) == 3 and "mine.txt" in after
    assert len(before.keys() - after.keys()) == 2
    assert all(after[name] == before[name] for name in after.keys() & before.keys())


def test_a_run_that_was_killed_goes_on(tmp_path):
    output = two_scenes(tmp_path)
    review(output, "--quiet")
    before = tree(output)
    strips = [path for path in (output / "review_files").iterdir() if "_" not in path.name]
    for strip in strips[:5]:
        strip.unlink()
    (output / "review_files" / f".{strips[0].name}.partial").write_bytes(b"half")
    (output / "review.html").unlink()
    review(output, "--quiet")
    assert tree(output) == before


def test_large_pictures_come_out_small(tmp_path):
    output = tmp_path / "output"
    folder = a_scene(output, photos=2)
    for path in folder.glob("1_*.png"):
        Image.fromarray(np.zeros((1500, 2000, 3), np.uint8)).save(path)
    review(output, "--quiet")
    name = the_rows(output)["garden/1"]["thumbnail"]
    assert strip_of(output, "garden/1").shape == (192, 5 * 256, 3)
    assert pixels(output / "review_files" / f"{name}_difference.jpg").shape == (576, 768, 3)
