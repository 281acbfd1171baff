"""Lists of scenes: what is there is made, what is not there is one line, in all steps."""

import pytest

from aerial_megadepth import (
    do_colmap_localization,
    export_scene_info,
    export_wai,
    make_pairs,
    preprocess_aerialmegadepth,
    preprocess_ge,
    preprocess_megadepth,
    qc,
)
from aerial_megadepth.megadepth.image_list import write_image_list
from aerial_megadepth.scenes.scene_list import read_scene_list
from tests.aerial.aerial_builders import MegaPhoto, a_download, a_megadepth
from tests.aerial.chain_builders import a_localized_scene
from warpset.core.errors import InputError


def test_scenes_are_listed_by_names_or_by_an_image_list(tmp_path):
    (tmp_path / "names.txt").write_text("10\n2  # the square\n\n# none\n2\n")
    write_image_list(tmp_path / "list.json", {("10", "0"): ["a"], ("2", "1"): ["b"]})
    there = {"2", "10", "3"}
    for name in ("names.txt", "list.json"):
        found = read_scene_list(tmp_path / name, there, tmp_path)
        assert (found.names, found.missing, found.is_asked) == (["2", "10"], [], True)
    assert read_scene_list(None, {"b10", "b9"}, tmp_path).names == ["b9", "b10"]


def test_what_is_listed_and_not_there_is_one_line(tmp_path):
    scenes = [f"{n:04d}" for n in range(137)]
    (tmp_path / "names.txt").write_text("\n".join(scenes))
    found = read_scene_list(tmp_path / "names.txt", {"0001", "other"}, tmp_path / "data")
    assert found.names == ["0001"] and len(found.missing) == 136
    assert found.shortfall() == (
        f"{tmp_path / 'names.txt'}: 137 scenes listed, 1 of them in {tmp_path / 'data'};"
        " not there: 0000, 0002, 0003 and 133 others"
    )
    unasked = read_scene_list(None, {"0001"}, tmp_path, (tmp_path / "list.npz", scenes))
    assert not unasked.is_asked and "list.npz: 137 scenes listed, 1 of" in unasked.shortfall()
    assert read_scene_list(None, {"0001"}, tmp_path).shortfall() == ""


@pytest.mark.parametrize("line", ["../secret", "a/b", ".hidden", "C:x", "a\\b"])
def test_a_scene_name_that_leaves_its_folder_is_refused(tmp_path, line):
    (tmp_path / "names.txt").write_text(line)
    with pytest.raises(InputError, match="need plain names"):
        read_scene_list(tmp_path / "names.txt", ["a"], tmp_path)


def test_no_scene_at_all_is_an_error(tmp_path):
    with pytest.raises(InputError, match="found no scene, need at least one"):
        read_scene_list(None, [], tmp_path)
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match=r"found none of the 2 scenes that .*names.txt lists"):
        read_scene_list(tmp_path / "names.txt", ["c"], tmp_path)


@pytest.mark.parametrize("step", [export_scene_info, export_wai, make_pairs, qc])
def test_steps_over_localized_scenes_sum_up_what_is_not_there(tmp_path, capsys, step):
    a_localized_scene(tmp_path / "data")
    (tmp_path / "names.txt").write_text("0001\n0002\n0003\n")
    flags = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
    listed = ["--scene_list", str(tmp_path / "names.txt"), "--quiet"]
    assert step.main([*flags, str(tmp_path / "out"), *listed]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "3 scenes listed, 1 of them" in line and line.endswith("not there: 0002, 0003")
    assert (tmp_path / "out" / "0001").is_dir()


def test_precomputed_pairs_of_scenes_that_are_not_there_are_said(tmp_path, capsys):
    for root, scene in (("data", "0001"), ("all", "0001"), ("all", "0002")):
        a_localized_scene(tmp_path / root, scene)
    folders = ["--megadepth_aerial_dir", str(tmp_path / "all"), "--output_dir"]
    assert make_pairs.main([*folders, str(tmp_path / "pairs"), "--quiet"]) == 0
    pairs = str(tmp_path / "pairs" / "pairs.npz")
    folders = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
    flags = [*folders, str(tmp_path / "out"), "--precomputed_pairs", pairs]
    assert preprocess_aerialmegadepth.main(flags) == 0
    assert "pairs.npz: 2 scenes listed, 1 of them" in capsys.readouterr().err


def test_videos_that_are_not_there_are_one_line(tmp_path, capsys):
    a_download(tmp_path, "0001")
    write_image_list(tmp_path / "list.json", {(f"{n:04d}", "0"): ["a"] for n in range(1, 138)})
    flags = ["--data_root", str(tmp_path), "--scene_list", str(tmp_path / "list.json"), "--quiet"]
    assert preprocess_ge.main(flags) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "137 scenes listed, 1 of them" in line and "0002, 0003, 0004 and 133 others" in line
    assert (tmp_path / "data" / "0001" / "0001.json").is_file()


def test_models_that_are_not_there_are_one_line_and_no_fault_as_nobody_asked(tmp_path, capsys):
    a_megadepth(tmp_path / "megadepth", [MegaPhoto("a.jpg", (640, 480), (640, 480))])
    images = {(f"{n:04d}", "0"): ["a.jpg"] for n in range(1, 138)}
    write_image_list(tmp_path / "list.json", images)
    flags = ["--megadepth_dir", str(tmp_path / "megadepth"), "--output_dir", str(tmp_path / "out")]
    listed = ["--megadepth_image_list", str(tmp_path / "list.json")]
    assert preprocess_megadepth.main([*flags, *listed]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "listed" in line]
    assert len(said) == 1 and "137 scenes listed, 1 of them" in said[0]


def test_localization_says_which_listed_scenes_have_no_frames(tmp_path, capsys):
    write_image_list(tmp_path / "list.json", {("0001", "0"): ["a"], ("0002", "0"): ["a"]})
    (tmp_path / "data" / "0001" / "footage").mkdir(parents=True)
    flags = ["--root_dir", str(tmp_path / "data"), "--megadepth_dir", str(tmp_path)]
    listed = ["--megadepth_image_list", str(tmp_path / "list.json")]
    assert do_colmap_localization.main([*flags, *listed]) == 1
    said = capsys.readouterr().err
    assert "2 scenes listed, 1 of them" in said and "0001.json: found no such file" in said
