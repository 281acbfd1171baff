"""The export scripts: `modelscope.py`, `aitoolkit.py` and `export_dataset.py`."""

import dataclasses
import errno
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aitoolkit
import export_dataset
import modelscope
from tests.pair_builders import a_frame_picture, a_scene, pixels, rewrite_records, tree, two_scenes
from warpset.trainers import command_line as export_command_line

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "modelscope": (modelscope.main, ["--modelscope-dir"]),
    "aitoolkit": (aitoolkit.main, ["--aitoolkit-dir"]),
    "musubi": (export_dataset.main, ["--format", "musubi", "--dataset-dir"]),
}


@pytest.fixture(autouse=True)
def quiet_logging():
    """Leave the root logger as it was: scripts set it up for their own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def run(tmp_path, *flags, script="modelscope"):
    main, place_flags = SCRIPTS[script]
    place = str(tmp_path / "set")
    return main(["--output-dir", str(tmp_path / "output"), *place_flags, place, *flags])


def the_line(capsys):
    """The one line said to a user about what went wrong."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    return line


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_exports_and_then_finds_its_export_sound(tmp_path, capsys, script):
    two_scenes(tmp_path)
    whole = ["--resize", "1248x832"] if script == "modelscope" else []
    assert run(tmp_path, "--prompt", "fix it", *whole, script=script) == 0
    assert "16 pairs exported for" in capsys.readouterr().err
    assert run(tmp_path, "--validate", script=script) == 0
    assert "0 findings" in capsys.readouterr().err


def test_what_a_format_needs_besides_is_said_in_the_words_of_the_command(
    tmp_path, monkeypatch, capsys
):
    two_scenes(tmp_path)
    monkeypatch.setitem(sys.modules, "webdataset.writer", None)
    flags = ["--output-dir", str(tmp_path / "output"), "--dataset-dir", str(tmp_path / "set")]
    prompt = ["--prompt", "fix it", "--quiet"]
    assert export_dataset.main(["--format", "webdataset", *flags, *prompt]) == 1
    assert the_line(capsys) == (
        "webdataset: not installed, need it to write shards; run with uv run --group webdataset"
    )


def test_folders_are_those_of_the_readme(tmp_path, monkeypatch):
    two_scenes(tmp_path)
    monkeypatch.chdir(tmp_path)
    for main, flags in (
        (modelscope.main, []),
        (aitoolkit.main, []),
        (export_dataset.main, ["--format", "hf"]),
    ):
        assert main([*flags, "--quiet"]) == 0
    names = {"output", "modelscope-dataset", "aitoolkit-dataset", "hf-dataset"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_the_command_to_train_is_said_and_written(tmp_path, capsys):
    two_scenes(tmp_path)
    run(tmp_path)
    said, written = capsys.readouterr().err, (tmp_path / "set" / "TRAIN.md").read_text()
    for text in (said, written):
        assert f"--dataset_base_path {tmp_path / 'set'}" in text
        assert "--data_file_keys image,edit_image" in text
        assert "--extra_inputs edit_image" in text


def test_validate_says_what_it_finds_and_changes_nothing(tmp_path, capsys):
    two_scenes(tmp_path)
    run(tmp_path, "--quiet", "--resize", "1024x1024")
    (tmp_path / "set" / "3_start_2.png").unlink()
    before = tree(tmp_path / "set")
    assert run(tmp_path, "--validate", "--quiet") == 1
    assert "3_end.png: found no reference" in the_line(capsys)
    assert tree(tmp_path / "set") == before


def test_validate_goes_by_the_resolution_and_the_model_asked_for(tmp_path, capsys):
    a_scene(tmp_path / "output", photos=2)
    run(tmp_path, "--quiet", "--resize", "auto", "--base-model", "flux2-dev", script="aitoolkit")
    assert run(tmp_path, "--quiet", "--validate", script="aitoolkit") == 0
    asked = ["--quiet", "--validate", "--resolution", "768"]
    assert run(tmp_path, *asked, script="aitoolkit") == 1
    assert "768 for FLUX.2 dev trains targets of 1248x832 on 944x624" in capsys.readouterr().err
    asked += ["--base-model", "qwen-image-edit-2511"]
    assert run(tmp_path, *asked, script="aitoolkit") == 1
    assert "for Qwen-Image-Edit-2511 trains targets of 1248x832 on 960x608" in (
        capsys.readouterr().err
    )


def test_a_base_model_that_a_trainer_does_not_take_is_one_line(tmp_path, capsys):
    two_scenes(tmp_path)
    assert run(tmp_path, "--quiet", "--base-model", "kontext", script="musubi") == 1
    assert "musubi-tuner: found no way to train kontext" in the_line(capsys)
    assert not (tmp_path / "set").exists()


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert run(tmp_path) == 1
    line = the_line(capsys)
    assert "output: found no such folder, need the pairs of build_warp_dataset.py" in line


@pytest.mark.parametrize("inside", ["", "garden", "garden/pairs.jsonl"])
def test_a_folder_without_pairs_is_one_line(tmp_path, capsys, inside):
    path = tmp_path / "output" / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("") if inside.endswith("jsonl") else path.mkdir(exist_ok=True)
    assert run(tmp_path) == 1
    assert "output: found no pairs" in the_line(capsys)


def test_a_pair_with_a_missing_file_is_one_line_and_the_rest_goes_on(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "room" / "2_splats.png").unlink()
    assert run(tmp_path, "--quiet") == 1
    line = the_line(capsys)
    assert "room/2_splats.png: found no such file" in line and "pair room/2 left out" in line
    assert len(json.loads((tmp_path / "set" / "metadata.json").read_text())) == 15


def test_a_corrupt_picture_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "room" / "2_target.png").write_bytes(b"GIF89a no more")
    assert run(tmp_path, "--quiet") == 1
    assert "2_target.png: cannot be read as a picture" in the_line(capsys)


def test_two_scenes_of_one_name_are_one_line_and_keep_the_earlier_export(tmp_path, capsys):
    two_scenes(tmp_path)
    run(tmp_path, "--quiet")
    before = tree(tmp_path / "set")
    a_scene(tmp_path / "output", "GARDEN")
    assert run(tmp_path, "--quiet") == 1
    assert "two scenes of one name" in the_line(capsys)
    assert tree(tmp_path / "set") == before


def test_records_that_name_files_elsewhere_are_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    rewrite_records(
        output / "room",
        lambda record: dataclasses.replace(
            record, files=record.files | {"target": "../garden/1_target.png"}
        ),
    )
    assert run(tmp_path, "--quiet") == 1
    assert "names a file outside its folder" in the_line(capsys)
    assert len(json.loads((tmp_path / "set" / "metadata.json").read_text())) == 8


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "No space left on device"), (errno.EXDEV, "another disk")],
)
def test_a_disk_that_takes_no_more_is_one_line(tmp_path, capsys, monkeypatch, number, words):
    two_scenes(tmp_path)
    run(tmp_path, "--quiet")
    before = tree(tmp_path / "set")

    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("warpset.trainers.export_folder.os.link", fails)
    assert run(tmp_path, "--quiet", "--link") == 1
    line = the_line(capsys)
    assert words in line and "the earlier export is as it was" in line
    assert tree(tmp_path / "set") == before


def test_a_file_in_the_exports_place_is_one_line(tmp_path, capsys):
    two_scenes(tmp_path)
    (tmp_path / "set").write_text("mine")
    assert run(tmp_path, "--quiet") == 1
    assert "set: is a file, need a folder" in the_line(capsys)
    assert (tmp_path / "set").read_text() == "mine"


@pytest.mark.parametrize(
    "flags",
    [
        ["--prompt", " "],
        ["--prompt", "a", "--prompt-template", "b"],
        ["--prompt-template", "{depth}"],
        ["--split", "2"],
        ["--split", "nan"],
        ["--resize", "big"],
        ["--resize", "0x10"],
        ["--number-digits", "0"],
        ["--resolution", "7"],
        ["--base-model", "sd15"],
        ["--min-coverage", "-1"],
        ["--modelscop", "x"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_two(tmp_path, capsys, flags):
    two_scenes(tmp_path)
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, *flags)
    assert stop.value.code == 2
    assert flags[0] in the_line(capsys)


def test_an_export_cannot_replace_its_own_pairs(tmp_path, capsys):
    output = two_scenes(tmp_path)
    for place in (output, tmp_path):
        with pytest.raises(SystemExit):
            modelscope.main(["--output-dir", str(output), "--modelscope-dir", str(place)])
        assert "holds --output-dir" in the_line(capsys)


def test_export_dataset_needs_a_format(capsys):
    with pytest.raises(SystemExit) as stop:
        export_dataset.main([])
    assert stop.value.code == 2
    assert "--format" in the_line(capsys)


def test_shards_take_no_links(tmp_path, capsys):
    two_scenes(tmp_path)
    with pytest.raises(SystemExit) as stop:
        export_dataset.main(
            ["--output-dir", str(tmp_path / "output"), "--format", "webdataset", "--link"]
        )
    assert stop.value.code == 2
    assert "--link: WebDataset packs pictures into shards" in the_line(capsys)


def test_a_scene_whose_name_looks_like_a_comment_can_be_listed(tmp_path):
    a_scene(tmp_path / "output", "#5 kitchen", photos=3)
    (tmp_path / "accept.txt").write_text("# seen in June\n#5 kitchen/1\n")
    assert run(tmp_path, "--accept-list", str(tmp_path / "accept.txt")) == 0
    assert len(json.loads((tmp_path / "set" / "metadata.json").read_text())) == 1


def test_lists_choose_pairs(tmp_path, capsys):
    two_scenes(tmp_path)
    (tmp_path / "accept.txt").write_text("# seen in June\ngarden/1\n\nroom/2\r\nroom/3\n")
    (tmp_path / "reject.txt").write_text("room/3\nroom/gone\n")
    lists = ["--accept-list", str(tmp_path / "accept.txt")]
    lists += ["--reject-list", str(tmp_path / "reject.txt")]
    assert run(tmp_path, *lists) == 0
    assert len(json.loads((tmp_path / "set" / "metadata.json").read_text())) == 2
    assert "1 of 2 lines name no pair, such as room/gone" in capsys.readouterr().err


def test_an_accepted_pair_that_is_not_there_is_said(tmp_path, capsys):
    two_scenes(tmp_path)
    (tmp_path / "accept.txt").write_text("garden/1\ngarden/gone\n")
    assert run(tmp_path, "--quiet", "--accept-list", str(tmp_path / "accept.txt")) == 1
    assert "1 of 2 lines name no pair, such as garden/gone" in the_line(capsys)
    (tmp_path / "accept.txt").write_text("garden/1\n" + 100_000 * "a")
    assert run(tmp_path, "--quiet", "--accept-list", str(tmp_path / "accept.txt")) == 1
    assert len(the_line(capsys)) < 1000


@pytest.mark.parametrize("flag", ["--accept-list", "--prompt-file"])
def test_a_list_that_is_not_there_is_one_line(tmp_path, capsys, flag):
    two_scenes(tmp_path)
    assert run(tmp_path, "--quiet", flag, str(tmp_path / "gone.txt")) == 1
    assert "gone.txt: cannot be read" in the_line(capsys)


def test_scores_choose_pairs(tmp_path):
    two_scenes(tmp_path)
    assert run(tmp_path, "--quiet", "--min-coverage", "0.75", "--max-coverage", "0.85") == 0
    assert len(json.loads((tmp_path / "set" / "metadata.json").read_text())) == 4


def test_a_template_fills_captions_and_metadata_alike(tmp_path):
    two_scenes(tmp_path)
    template = "camera moves {azimuth} and {elevation}"
    assert run(tmp_path, "--quiet", "--prompt-template", template) == 0
    caption = (tmp_path / "set" / "1.txt").read_text()
    assert caption == "camera moves 12 degrees left and level"
    table = json.loads((tmp_path / "set" / "metadata.json").read_text())
    assert table[0] == {
        "image": "1_end.png",
        "edit_image": ["1_start_1.png", "1_start_2.png"],
        "prompt": caption,
    }


def test_a_split_that_leaves_nothing_to_train_on_is_said(tmp_path, capsys):
    two_scenes(tmp_path)
    assert run(tmp_path, "--quiet", "--split", "1") == 1
    assert "--split 1.0 leaves no scene to train on" in the_line(capsys)


def test_a_split_without_validation_is_said(tmp_path, capsys):
    two_scenes(tmp_path)
    assert run(tmp_path, "--quiet", "--split", "0.0001") == 0
    assert "puts no scene into validation" in the_line(capsys)


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "garden" / "1_target.png").unlink()
    assert run(tmp_path, "--dry-run") == 1
    said = capsys.readouterr().err
    assert "1_target.png: found no such file" in said
    assert "15 pairs would be exported" in said
    assert not (tmp_path / "set").exists()


def test_shards_without_webdataset_are_one_line(tmp_path, capsys, monkeypatch):
    output = two_scenes(tmp_path)
    for name in ("webdataset", "webdataset.writer"):
        monkeypatch.setitem(sys.modules, name, None)
    place = ["--output-dir", str(output), "--dataset-dir", str(tmp_path / "set")]
    assert export_dataset.main(["--format", "webdataset", "--quiet", *place]) == 1
    assert "webdataset: not installed" in the_line(capsys)
    assert not (tmp_path / "set").exists()


def test_the_members_of_a_numbered_pair_belong_together(tmp_path):
    two_scenes(tmp_path)
    run(tmp_path, "--quiet", script="aitoolkit")
    place = tmp_path / "set"
    assert (pixels(place / "target/9.png") == a_frame_picture("room", 0)).all()
    assert (pixels(place / "control2/9.png") == a_frame_picture("room", 1)).all()


@pytest.mark.parametrize("script", ["modelscope", "aitoolkit", "export_dataset"])
def test_scripts_start_without_what_networks_and_rare_files_need(script):
    heavy = {"torch", "warp", "cv2", "OpenEXR", "pillow_heif", "onnxruntime", "h5py", "pycolmap"}
    code = f"import {script}, sys; print(*{heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []


def test_every_failure_to_write_names_the_flag_that_helps():
    place = export_command_line.Place("--modelscope-dir", Path("set"))
    error = OSError(errno.EROFS, os.strerror(errno.EROFS))
    assert export_command_line.describe_failure(error, place, link=False) == (
        "set: cannot be written (Read-only file system); the earlier export is as it was; "
        "make room or choose another --modelscope-dir"
    )
