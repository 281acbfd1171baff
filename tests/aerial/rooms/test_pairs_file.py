"""Files of pairs: round trips, published files with pickled names, and files that are none."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from aerial_megadepth import make_pairs
from aerial_megadepth.pairs.pairs_file import PAIR, PAIRS_NAME, ScenePairs, read_pairs, write_pairs
from aerial_megadepth.pairs.scene_pairs import covisible_pairs
from tests.aerial.chain_builders import a_localized_scene
from warpset.core.errors import InputError


def some_pairs(images=("a.jpg", "b.jpg", "c.jpg"), pairs=((0, 1), (1, 2))) -> ScenePairs:
    scores = np.linspace(0.2, 0.8, len(pairs)).astype(np.float32)
    return ScenePairs(list(images), np.array(pairs, np.intp).reshape(-1, 2), scores)


def published(path, scenes, images, owners, pairs) -> None:
    """A file as AerialMegaDepth publishes it: names as pickled objects, with gaps."""
    np.savez(
        path,
        scenes=np.array(scenes, object),
        images=np.array(images, object),
        images_scene_name=np.array(owners, object),
        pairs=np.array(pairs, PAIR),
    )


def test_pairs_come_back_as_they_were(tmp_path):
    scenes = {"10": some_pairs(), "2": some_pairs(("x.jpeg", "y.jpeg"), ((0, 1),))}
    write_pairs(tmp_path / PAIRS_NAME, scenes)
    with np.load(tmp_path / PAIRS_NAME, allow_pickle=False) as stored:
        assert stored["scenes"].tolist() == ["2", "10"]
        assert stored["pairs"].dtype.names == ("scene_id", "im1_id", "im2_id", "score")
        scene, one, other, score = stored["pairs"][-1]
        assert stored["images_scene_name"][one] == stored["scenes"][scene] == "10"
        assert [stored["images"][one], stored["images"][other]] == ["b.jpg", "c.jpg"]
        assert score == np.float32(0.8)
    read = read_pairs(tmp_path / PAIRS_NAME)
    for name, pairs in scenes.items():
        assert read[name].images == pairs.images
        assert np.array_equal(read[name].pairs, pairs.pairs)
        assert np.array_equal(read[name].scores, pairs.scores)


def test_published_files_with_pickled_names_and_gaps_are_read(tmp_path):
    path = tmp_path / "train.npz"
    images = ["a.jpeg", None, np.str_("b.jpg.jpg"), "c.jpg"]
    owners = ["0001", None, "0001", "0002"]
    published(path, ["0001", "0002"], images, owners, [(0, 0, 2, 0.5)])
    read = read_pairs(path)
    assert read["0001"].images == ["a.jpeg", "b.jpg.jpg"]
    assert read["0001"].pairs.tolist() == [[0, 1]]
    assert len(read["0002"].pairs) == 0


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


@pytest.mark.parametrize(
    ("images", "pairs", "found"),
    [
        (["a.jpg", Bomb()], [(0, 0, 1, 0.5)], "builtins.print"),
        (["../a.jpg", "b.jpg"], [(0, 0, 1, 0.5)], "found the name '../a.jpg'"),
        (["a.jpg", "b.jpg"], [(0, 0, 2, 0.5)], "an index beyond the 2 names"),
        (["a.jpg", "b.jpg"], [(3, 0, 1, 0.5)], "an index beyond the 1 names"),
        (["a.jpg", None], [(0, 0, 1, 0.5)], "pairs an image that is not its own"),
    ],
)
def test_files_that_would_run_code_or_lead_elsewhere_are_refused(
    tmp_path, capsys, images, pairs, found
):
    path = tmp_path / "bad.npz"
    published(path, ["0001"], images, ["0001"] * len(images), pairs)
    with pytest.raises(InputError) as refused:
        read_pairs(path)
    assert found in str(refused.value) and "\n" not in str(refused.value)
    assert capsys.readouterr().out == ""


def test_what_is_no_file_of_pairs_is_said_in_one_line(tmp_path):
    for name, content in (("none", None), ("text", b"hello"), ("pickle", pickle.dumps({}))):
        path = tmp_path / f"{name}.npz"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match="make_pairs") as refused:
            read_pairs(path)
        assert "\n" not in str(refused.value)
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        array = io.BytesIO()
        np.save(array, np.zeros(3))
        archive.writestr("scenes.npy", array.getvalue())
    with pytest.raises(InputError, match="cannot be read as pairs"):
        read_pairs(tmp_path / "other.npz")


def test_pairs_among_fewer_images_keep_their_scores():
    kept = some_pairs().among(["c.jpg", "b.jpg"])
    assert kept.pairs.tolist() == [[1, 0]] and kept.scores.tolist() == [np.float32(0.8)]


def test_pairs_are_those_that_share_enough_in_order():
    shares = np.array([[1, 0.6, 0.2], [0.4, 1, 0], [0.1, 0, 1]], np.float32)
    pairs = covisible_pairs(["a", "b", "c"], shares, min_score=0.1)
    assert pairs.pairs.tolist() == [[0, 1], [0, 2]]
    assert pairs.scores.tolist() == pytest.approx([0.5, 0.15])
    assert len(covisible_pairs(["a", "b", "c"], shares, min_score=0.0).pairs) == 2


def test_make_pairs_finds_neighbours_and_joins_all_scenes(tmp_path, capsys):
    for scene in ("0001", "0002"):
        a_localized_scene(tmp_path / "data", scene)
    flags = [
        "--megadepth_aerial_dir",
        str(tmp_path / "data"),
        "--output_dir",
        str(tmp_path / "out"),
    ]
    assert make_pairs.main([*flags, "--min_score", "0.6"]) == 0
    said = capsys.readouterr().err
    assert "0001: " in said and "pairs of 2 scenes" in said
    joined = read_pairs(tmp_path / "out" / PAIRS_NAME)
    assert sorted(joined) == ["0001", "0002"]
    pairs = joined["0001"]
    assert pairs.images == [f"{n}.jpg" for n in range(5)]
    assert {(0, 1), (1, 2), (2, 3), (3, 4)} <= set(map(tuple, pairs.pairs.tolist()))
    assert (pairs.scores >= 0.6).all()
    assert make_pairs.main([*flags, "--min_score", "0.6"]) == 0
    assert "2 there already" in capsys.readouterr().err


def test_no_localized_scene_is_one_line(tmp_path, capsys):
    flags = ["--megadepth_aerial_dir", str(tmp_path), "--output_dir", str(tmp_path / "out")]
    assert make_pairs.main(flags) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_pipe_holds_no_pairs_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pairs.npz")
    with pytest.raises(InputError, match="cannot be read as pairs .*no regular file"):
        read_pairs(tmp_path / "pairs.npz")


def test_a_file_whose_packed_bytes_are_damaged_is_one_line(tmp_path):
    path = tmp_path / "pairs.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("scenes", "images", "images_scene_name", "pairs"):
            archive.writestr(f"{name}.npy", bytes(1000))
    start = 30 + len("scenes.npy")  # behind the first member's header
    content = bytearray(path.read_bytes())
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as pairs"):
        read_pairs(path)


def test_a_zip_of_another_version_is_one_line(tmp_path):
    path = tmp_path / "pairs.npz"
    np.savez(path, scenes=["0001"])
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\1\2") + 6] = 127  # the version that the directory asks for
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as pairs .*version 12.7"):
        read_pairs(path)
