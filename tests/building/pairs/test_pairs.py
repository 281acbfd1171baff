"""Pairs: their names, their records, and what a kill or a full disk leaves of them."""

import dataclasses
from pathlib import Path

import pytest

from warpset.building.pairs.folder import PairFolder
from warpset.building.pairs.plan import WarpPair, name_pairs, neighbours
from warpset.building.pairs.record import RECORDS_NAME, PairRecord, read_records
from warpset.core.errors import InputError


def names_of(*photos, bidirectional=False):
    return [
        pair.name
        for pair in name_pairs([Path(p) for p in photos], neighbours(len(photos), bidirectional))
    ]


def a_record(name="b", **changes) -> PairRecord:
    files = {kind: f"{name}_{kind}.jpg" for kind in ("splats", "target", "reference")}
    record = PairRecord(name, "a.jpg", f"{name}.jpg", False, files, {}, {}, {}, {}, {})
    return dataclasses.replace(record, **changes)


def test_forward_pairs_are_named_after_their_targets():
    assert names_of("a.jpg", "b.jpg", "c.jpg") == ["b", "c"]


def test_reverse_pairs_are_named_so_but_for_the_first_frame():
    pairs = name_pairs(
        [Path("a.jpg"), Path("b.jpg"), Path("c.jpg")], neighbours(3, bidirectional=True)
    )
    assert [pair.name for pair in pairs] == ["b", "a", "c", "b_reverse"]
    assert [(pair.reference, pair.target) for pair in pairs] == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert [pair.is_reverse for pair in pairs] == [False, True, False, True]


def test_photos_of_one_stem_keep_their_extension_in_the_name():
    assert names_of("x.jpg", "a.jpg", "a.png", "b.jpg") == ["a_jpg", "a_png", "b"]


def test_photos_of_one_name_keep_their_folder_too():
    assert names_of("cam0/1.jpg", "cam1/1.jpg", "cam1/2.jpg") == ["cam1_1_jpg", "2"]


def test_names_that_clash_with_a_reverse_pair_are_refused():
    with pytest.raises(InputError, match="both be named b_reverse"):
        names_of("a.jpg", "b.jpg", "b_reverse.jpg", "c.jpg", bidirectional=True)


def test_file_names_follow_the_seed():
    pair = WarpPair("image2", 0, 1)
    kinds = ("splats", "target", "reference", "confidence", "mask", "ply", "depth")
    assert [pair.file_name(kind, "jpg") for kind in kinds] == [
        "image2_splats.jpg",
        "image2_target.jpg",
        "image2_reference.jpg",
        "image2_confidence.png",
        "image2_mask.png",
        "image2_reference.ply",
        "image2_depth.exr",
    ]


def test_a_record_reads_back_what_it_wrote():
    record = a_record(name="ünï 'code'\n", scores={"psnr": 1.25}, rejected="too empty")
    line = record.to_line()
    assert line.isascii() and line.count("\n") == 1
    assert PairRecord.from_line(line) == record


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "a\\b", "..", "", "a" * 300, "\ud800"])
def test_a_record_that_names_a_file_outside_its_folder_is_refused(name):
    line = a_record(files={"splats": name}).to_line()
    with pytest.raises(ValueError, match="outside its folder"):
        PairRecord.from_line(line)


@pytest.mark.parametrize("line", ["", "{", "[]", "3", '{"name": "a"}', '{"nme": 1}'])
def test_lines_that_are_no_records_are_named_with_their_number(tmp_path, line):
    (tmp_path / RECORDS_NAME).write_text(a_record().to_line() + line + "\n")
    with pytest.raises(InputError, match=r"pairs.jsonl: line 2"):
        read_records(tmp_path)


def test_a_line_that_a_kill_cut_off_is_forgotten_and_cleaned_away(tmp_path):
    whole = a_record().to_line()
    (tmp_path / RECORDS_NAME).write_text(whole + a_record("c").to_line()[:30])
    folder = PairFolder(tmp_path)
    assert list(folder.records) == ["b"]
    folder.clean()
    assert (tmp_path / RECORDS_NAME).read_text() == whole


def test_a_pair_is_done_when_its_record_and_all_its_files_are_there(tmp_path):
    folder, pair = PairFolder(tmp_path / "scene"), WarpPair("b", 0, 1)
    kinds = ("splats", "target", "reference")
    assert folder.missing_files(pair, kinds, "jpg") == set(kinds)
    for kind in kinds:
        folder.write_file(pair.file_name(kind, "jpg"), b"x")
    assert folder.missing_files(pair, kinds, "jpg") == set(kinds)
    folder.replace_record(a_record())
    assert folder.missing_files(pair, kinds, "jpg") == set()
    (tmp_path / "scene" / "b_target.jpg").unlink()
    assert PairFolder(tmp_path / "scene").missing_files(pair, kinds, "jpg") == {"target"}


def test_a_rejected_pair_lacks_nothing(tmp_path):
    folder = PairFolder(tmp_path)
    folder.replace_record(a_record(files={}, rejected="too empty"))
    assert folder.missing_files(WarpPair("b", 0, 1), ("splats",), "jpg") == set()


def test_a_newer_record_replaces_the_older_and_the_files_only_that_one_names(tmp_path):
    folder = PairFolder(tmp_path)
    for name in a_record().files.values():
        folder.write_file(name, b"x")
    folder.replace_record(a_record())
    folder.replace_record(a_record(files={"splats": "b_splats.jpg"}))
    folder.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b_splats.jpg", RECORDS_NAME]
    assert len(read_records(tmp_path)) == 1


def test_records_end_in_one_order_whatever_order_they_were_made_in(tmp_path):
    records = [a_record(name) for name in ("10", "2", "1")]
    for place, order in (("a", records), ("b", records[::-1])):
        folder = PairFolder(tmp_path / place)
        for record in order:
            folder.replace_record(record)
        folder.finish()
    contents = [(tmp_path / place / RECORDS_NAME).read_text() for place in "ab"]
    assert contents[0] == contents[1]
    assert [record.name for record in read_records(tmp_path / "a")] == ["1", "2", "10"]


def test_half_written_files_are_cleaned_away(tmp_path):
    folder = PairFolder(tmp_path)
    folder.replace_record(a_record())
    (tmp_path / ".b_splats.jpg.partial").write_bytes(b"half")
    folder.clean()
    assert [path.name for path in tmp_path.iterdir()] == [RECORDS_NAME]
