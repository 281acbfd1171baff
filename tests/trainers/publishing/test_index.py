"""The Parquet index and near-duplicates across scenes."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from index_dataset import main
from tests.pair_builders import a_scene, rewrite_records, two_scenes
from warpset.core.errors import InputError
from warpset.trainers.pair_selection import find_recorded_pairs
from warpset.trainers.publishing import index as index_module
from warpset.trainers.publishing.duplicates import HashedPair, near_duplicates, picture_hash
from warpset.trainers.publishing.index import query_index, write_index

pytest.importorskip("pyarrow")


def test_every_record_is_a_row_and_pairs_are_found_by_their_scores(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "GROUP_ROWS", 3)
    output, path = two_scenes(tmp_path), tmp_path / "pairs.parquet"
    rewrite_records(
        output / "room",
        lambda record: dataclasses.replace(record, scores={**record.scores, "coverage": 0.25}),
    )
    pairs = find_recorded_pairs(output, print)
    assert write_index(pairs, path) == len(pairs) == 16
    keys = [pair.key for pair in pairs]
    assert query_index(path, {}) == keys
    low = query_index(path, {"coverage": (0.2, 0.3), "psnr": (0, 99)})
    assert low == [key for key in keys if key.startswith("room/")]
    with pytest.raises(InputError, match="found no score 'beauty'"):
        query_index(path, {"beauty": (0, 1)})


def test_rejected_pairs_have_a_row_and_are_not_found(tmp_path):
    output = tmp_path / "output"
    a_scene(output, "room", photos=2)
    rewrite_records(
        output / "room", lambda record: dataclasses.replace(record, rejected="too dark", files={})
    )
    path = tmp_path / "pairs.parquet"
    assert write_index(find_recorded_pairs(output, print), path) == 2
    assert query_index(path, {}) == []


def textured(seed: int, size=(96, 64)) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 9, 3), np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def test_the_hash_stands_through_size_format_and_exposure(tmp_path):
    picture = textured(1)
    picture.save(tmp_path / "a.png")
    picture.resize((192, 128)).point(lambda v: v * 0.7 + 20).save(tmp_path / "b.jpg", quality=60)
    textured(2).save(tmp_path / "c.png")
    one, same, other = (picture_hash(tmp_path / name) for name in ("a.png", "b.jpg", "c.png"))
    assert one is not None and same is not None and other is not None
    assert (one ^ same).bit_count() <= 3 < 10 < (one ^ other).bit_count()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "plain.png")
    assert picture_hash(tmp_path / "plain.png") is None


def test_what_is_alike_is_found_as_by_comparing_all_with_all():
    draw = np.random.default_rng(3)
    pairs = []
    for number in range(300):
        target = int(draw.integers(0, 2**63)) if number < 100 else pairs[number % 100].target
        for bit in draw.choice(64, number % 6, replace=False).tolist():
            target ^= 1 << bit
        pairs.append(HashedPair(f"s{number % 7}/{number}", target, 0xABC))
    alike = {
        tuple(key.key for key in (one, other))
        for at, one in enumerate(pairs)
        for other in pairs[at + 1 :]
        if one.scene != other.scene and (one.target ^ other.target).bit_count() <= 3
    }
    assert set(near_duplicates(pairs)) == alike and len(alike) > 50


def test_a_scene_that_is_there_twice_is_listed(tmp_path, capsys):
    output = tmp_path / "output"
    a_scene(output, "room", photos=3)
    for number, path in enumerate(sorted((output / "room").glob("*.png"))):
        textured(number).save(path)
    shutil.copytree(output / "room", output / "copy")
    a_scene(output, "plain", photos=2)
    flags = ["--output-dir", str(output), "--index", str(tmp_path / "pairs.parquet")]
    assert main([*flags, "--duplicates", str(tmp_path / "same.jsonl")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "same.jsonl").read_text().splitlines()]
    assert [row["pair"].replace("copy", "room") for row in rows] == [row["like"] for row in rows]
    assert len(rows) == 4 and "10 records" in capsys.readouterr().err


def test_a_folder_without_pairs_and_a_missing_library_are_one_line(tmp_path, capsys, monkeypatch):
    flags = ["--output-dir", str(tmp_path / "none"), "--index", str(tmp_path / "i.parquet")]
    assert main(flags) == 1
    assert "found no such folder" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert main(flags) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "pyarrow: not installed" in line and "--group publish" in line


def test_a_picture_that_cannot_be_read_is_named_and_costs_its_pairs_only(tmp_path, capsys):
    output = tmp_path / "output"
    folder = a_scene(output, "room", photos=2)
    next(folder.glob("*_target.png")).write_bytes(b"no picture")
    flags = ["--output-dir", str(output), "--index", str(tmp_path / "pairs.parquet")]
    assert main([*flags, "--duplicates", str(tmp_path / "same.jsonl")]) == 1
    assert "cannot be read as a picture" in capsys.readouterr().err
