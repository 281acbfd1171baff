"""Pairs in trainers' layouts."""

import dataclasses
import errno
import json
import os
import re
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.pair_builders import (
    SIZE_WH,
    a_frame_picture,
    a_scene,
    a_splats_picture,
    pixels,
    rewrite_records,
    tree,
    two_scenes,
)
from warpset.building.scores import Quality
from warpset.core.errors import FolderInUseError, InputError
from warpset.fleet.locks import sole_writer
from warpset.trainers import export_folder
from warpset.trainers.base_models import BASE_MODELS
from warpset.trainers.captions import Prompts
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.export_folder import MANIFEST_NAME
from warpset.trainers.pair_selection import Selection, find_pairs, is_validation, select_pairs
from warpset.trainers.registry import TRAINERS
from warpset.trainers.validation import read_rows

QUIET = ExportOptions(Prompts(("fix it",)), quiet=True)


def needs_webdataset(layout):
    if layout == "webdataset":
        pytest.importorskip("webdataset", reason="the group webdataset is not installed")


def export(output, place, layout="modelscope", **options):
    """Export everything; the rows, and the lines reported."""
    problems = []
    asked = dataclasses.replace(QUIET, **options)
    return export_pairs(output, layout, place, asked, report=problems.append), problems


def frames_of(pair_name, other="-"):
    """Reference and target number of a pair of `a_scene`, told from its name alone."""
    target = int(pair_name.split("_")[0])
    is_reverse = pair_name.endswith("_reverse") or target == 0
    return (target + 1 if is_reverse else target - 1), target


@pytest.mark.parametrize("layout", TRAINERS)
def test_a_loader_finds_sixteen_triplets_each_of_its_own_frames(tmp_path, layout):
    needs_webdataset(layout)
    rows, problems = export(two_scenes(tmp_path), tmp_path / "set", layout)
    reading = read_rows(TRAINERS[layout], tmp_path / "set")
    assert problems == [] == reading.faults
    assert len(rows) == 16 == len(reading.rows)
    in_order = sorted(reading.rows, key=lambda row: _number_in(row, rows))
    for row, seen in zip(rows, in_order, strict=True):
        reference, target = frames_of(row.name)
        members = {kind: pixels(member.read_bytes()) for kind, member in seen.members.items()}
        assert np.array_equal(members["target"], a_frame_picture(row.scene, target))
        if "reference" in TRAINERS[layout].members:
            assert np.array_equal(members["reference"], a_frame_picture(row.scene, reference))
        splats = a_splats_picture(row.scene, reference, target)
        assert np.array_equal(members["splats"], splats)
        assert seen.caption == "fix it"


def _number_in(seen, rows):
    """The number of a row as a loader names it; Difix names pairs instead."""
    by_name = {f"{row.scene}/{row.name}": int(row.number) for row in rows}
    return by_name.get(seen.name) or int(re.findall(r"\d+", seen.name.split("/")[-1])[0])


def test_modelscope_has_the_names_of_its_readme(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set")
    expected = {MANIFEST_NAME, "metadata.json", "metadata.jsonl", "TRAIN.md"}
    for number in range(1, 17):
        names = ("start_1.png", "start_2.png", "end.png")
        expected |= {f"{number}_{name}" for name in names} | {f"{number}.txt"}
    assert set(tree(tmp_path / "set")) == expected


def test_ai_toolkit_has_the_names_of_its_readme(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "aitoolkit")
    expected = {MANIFEST_NAME, "config.yaml", "TRAIN.md"}
    for number in range(1, 17):
        expected |= {f"{place}/{number}.png" for place in ("control1", "control2", "mask")}
        expected |= {f"target/{number}.png", f"target/{number}.txt"}
    assert set(tree(tmp_path / "set")) == expected


def test_first_numbers_follow_the_natural_order_of_scenes_and_pairs(tmp_path):
    for name in ("s10", "s2"):
        a_scene(tmp_path / "output", name, photos=3)
    rows, _ = export(tmp_path / "output", tmp_path / "set")
    assert [(row.number, row.scene, row.name) for row in rows] == [
        ("1", "s2", "0"),
        ("2", "s2", "1"),
        ("3", "s2", "1_reverse"),
        ("4", "s2", "2"),
        ("5", "s10", "0"),
        ("6", "s10", "1"),
        ("7", "s10", "1_reverse"),
        ("8", "s10", "2"),
    ]


def test_a_pair_keeps_its_number_when_scenes_come_before_and_after_it(tmp_path):
    output = tmp_path / "output"
    a_scene(output, "m", photos=3)
    before, _ = export(output, tmp_path / "set")
    a_scene(output, "a", photos=2)
    a_scene(output, "z", photos=2)
    after, _ = export(output, tmp_path / "set")
    numbers = {(row.scene, row.name): row.number for row in after}
    assert {(row.scene, row.name): row.number for row in before}.items() <= numbers.items()
    assert sorted(map(int, numbers.values())) == list(range(1, 9))


def test_a_pair_that_comes_back_has_the_number_it_had(tmp_path):
    output, aside = two_scenes(tmp_path), tmp_path / "aside"
    before, _ = export(output, tmp_path / "set")
    (output / "garden").rename(aside)
    export(output, tmp_path / "set")
    aside.rename(output / "garden")
    after, _ = export(output, tmp_path / "set")
    assert [row.number for row in before] == [row.number for row in after]


def test_numbers_are_padded_on_request(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", number_digits=5)
    assert (tmp_path / "set" / "00016_end.png").is_file()


@pytest.mark.parametrize("layout", TRAINERS)
def test_the_same_export_gives_the_same_bytes(tmp_path, layout):
    needs_webdataset(layout)
    output = two_scenes(tmp_path)
    export(output, tmp_path / "set", layout)
    first = tree(tmp_path / "set")
    export(output, tmp_path / "set", layout)
    assert tree(tmp_path / "set") == first


def test_stale_files_go_and_foreign_files_stay(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place, "aitoolkit")
    foreign = {"notes.md": b"mine", "target/_latent_cache/1.safetensors": b"\0"}
    for name, content in foreign.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    (place / "link").symlink_to("notes.md")
    shutil.rmtree(output / "room")
    export(output, place, "aitoolkit")
    after = tree(place)
    assert not any(re.match(r"\w+/(9|1\d)\.", name) for name in after)
    assert {name: after[name] for name in foreign} == foreign
    assert (place / "link").is_symlink()


@pytest.mark.parametrize(
    ("change", "stays"), [("nothing", True), ("a scene", True), ("a picture", False)]
)
@pytest.mark.parametrize(
    ("layout", "cached"),
    [
        ("simpletuner", "cache/splats/1.pt"),
        ("simpletuner", "target/aspect_ratio_bucket_indices_train-target.json"),
        ("aitoolkit", "target/_latent_cache/1.safetensors"),
        ("aitoolkit", "target/_t_e_cache/1.safetensors"),
        ("aitoolkit", "target/_clip_vision_cache/1.safetensors"),
        ("aitoolkit", "target/.aitk_size.json"),
        ("musubi", "cache/1_0096x0064_qie.safetensors"),
        ("diffusion-pipe", "target/cache/flux/metadata/metadata.arrow"),
        ("sd-scripts", "target/metadata_cache.json"),
        ("sd-scripts", "target/1_te_outputs.npz"),
    ],
)
def test_a_trainers_cache_goes_where_a_picture_changed(tmp_path, change, stays, layout, cached):
    """Trainers find what they computed by the picture's name alone."""
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place, layout)
    latent = place / cached
    latent.parent.mkdir(parents=True, exist_ok=True)
    latent.write_bytes(b"latent")
    (place / "notes.md").write_bytes(b"mine")
    if change == "a scene":
        a_scene(output, "yard", photos=3)
    elif change == "a picture":
        Image.fromarray(a_frame_picture("x", 9)).save(output / "room" / "2_splats.png")
    export(output, place, layout)
    assert latent.exists() == stays
    assert (place / "notes.md").read_bytes() == b"mine"


def test_musubis_cached_texts_go_with_the_captions(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place, "musubi")
    cached = place / "cache" / "1_qie_te.safetensors"
    cached.parent.mkdir()
    cached.write_bytes(b"text")
    export(output, place, "musubi", prompts=Prompts(("another",)))
    assert not cached.exists()


def test_simpletuner_is_told_to_combine_both_controls(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "simpletuner", base_model="flux2-dev")
    backends = json.loads((tmp_path / "set" / "multidatabackend.json").read_text())
    strategies = {b["id"]: b["caption_strategy"] for b in backends if "caption_strategy" in b}
    assert strategies == {
        "train-target": "textfile",
        "train-splats": None,
        "train-reference": None,
        "train-mask": None,
    }
    types = {b["id"]: b.get("conditioning_type") for b in backends}
    assert types["train-splats"] == types["train-reference"] == "reference_strict"
    assert types["train-mask"] == "mask"
    command = (tmp_path / "set" / "TRAIN.md").read_text()
    assert "--conditioning_multidataset_sampling combined" in command
    assert "--model_flavour dev" in command


def test_simpletuner_is_given_no_mask_where_it_would_take_the_splats_for_it(tmp_path, caplog):
    export(two_scenes(tmp_path), tmp_path / "set", "simpletuner", base_model="qwen-image-edit-2511")
    backends = json.loads((tmp_path / "set" / "multidatabackend.json").read_text())
    assert backends[0]["conditioning_data"] == ["train-splats", "train-reference"]
    assert "masks are not listed" in (tmp_path / "set" / "TRAIN.md").read_text()
    assert "the first control alone" in caplog.text and "masks are not listed" in caplog.text


def test_masks_are_weights_where_the_loss_is_multiplied_by_them(tmp_path):
    output = two_scenes(tmp_path)
    export(output, tmp_path / "set", "simpletuner")
    mask, weights = pixels(output / "garden/0_mask.png"), pixels(tmp_path / "set/mask/1.png")
    assert {*np.unique(mask)} == {0, 255} and {*np.unique(weights)} == {128, 255}
    assert np.array_equal(weights == 255, mask == 255)


def test_difix_is_given_the_run_name_that_its_parser_requires(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "difix")
    assert "--tracker_run_name set" in (tmp_path / "set" / "TRAIN.md").read_text()


def test_simpletuner_evaluates_on_the_validation_side(tmp_path):
    for number in range(6):
        a_scene(tmp_path / "output", f"s{number}", photos=2)
    export(tmp_path / "output", tmp_path / "set", "simpletuner", validation_share=0.5)
    backends = json.loads((tmp_path / "set" / "multidatabackend.json").read_text())
    kinds = {b["id"]: b["dataset_type"] for b in backends}
    assert (kinds["train-target"], kinds["validation-target"]) == ("image", "eval")
    assert "--eval_dataset_id validation-target" in (tmp_path / "set" / "TRAIN.md").read_text()


def config_of(place):
    """The process of an AI Toolkit configuration."""
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((place / "config.yaml").read_text())["config"]["process"][0]


@pytest.mark.parametrize(
    ("resize", "matches"), [((1248, 832), False), ((640, 480), True), ("auto-512", True)]
)
def test_ai_toolkits_controls_take_the_targets_area_where_that_helps(tmp_path, resize, matches):
    a_scene(tmp_path / "output", photos=2)
    export(tmp_path / "output", tmp_path / "set", "aitoolkit", resize=resize)
    process = config_of(tmp_path / "set")
    assert process["model"]["model_kwargs"] == ({"match_target_res": True} if matches else {})
    assert process["train"]["cache_text_embeddings"] is True
    assert process["datasets"][0]["resolution"] == [512 if resize == "auto-512" else 1024]


@pytest.mark.parametrize("layout", [name for name in TRAINERS if TRAINERS[name].models])
def test_every_base_model_of_a_trainer_has_its_texts(tmp_path, layout):
    output = a_scene(tmp_path / "output", photos=2).parent
    for model in TRAINERS[layout].models:
        place = tmp_path / model
        export(output, place, layout, base_model=model)
        page = (place / "TRAIN.md").read_text()
        assert BASE_MODELS[model].title in page and "## Use the LoRA" in page
        assert read_rows(TRAINERS[layout], place).faults == []


def test_diffsynth_is_told_what_the_2511_model_needs(tmp_path):
    output = a_scene(tmp_path / "output", photos=2).parent
    export(output, tmp_path / "old", base_model="qwen-image-edit-2509")
    export(output, tmp_path / "new", base_model="qwen-image-edit-2511")
    assert "--zero_cond_t" not in (tmp_path / "old" / "TRAIN.md").read_text()
    assert "--zero_cond_t" in (tmp_path / "new" / "TRAIN.md").read_text()


def test_ai_toolkit_reads_a_caption_with_commas_as_it_was_given(tmp_path, caplog):
    output = a_scene(tmp_path / "output", photos=2).parent
    caption = "camera moves left, closer, then up"
    export(output, tmp_path / "set", "aitoolkit", prompts=Prompts((caption,)))
    text = (tmp_path / "set" / "target" / "1.txt").read_text()
    assert ", ".join(text.split(",")) == caption
    assert {row.caption for row in read_rows(TRAINERS["aitoolkit"], tmp_path / "set").rows} == {
        caption
    }
    assert caplog.text == ""
    export(output, tmp_path / "odd", "aitoolkit", prompts=Prompts(("1,5 m left",)))
    assert "AI Toolkit adds one, such as '1, 5 m left'" in caplog.text


def test_data_sets_of_other_folders_train_loras_of_other_names(tmp_path):
    yaml = pytest.importorskip("yaml")
    output, names = two_scenes(tmp_path), set()
    for folder in ("warm set", "cold-set"):
        export(output, tmp_path / folder, "aitoolkit")
        config = yaml.safe_load((tmp_path / folder / "config.yaml").read_text())["config"]
        names.add(config["name"])
        assert config["process"][0]["sample"]["neg"] == ""
    assert names == {"warm_set", "cold-set"}


def test_a_caption_with_dashes_makes_no_flag_of_a_sample(tmp_path):
    yaml = pytest.importorskip("yaml")
    caption = "fix it --wide gaps"
    export(two_scenes(tmp_path), tmp_path / "set", "aitoolkit", prompts=Prompts((caption,)))
    config = yaml.safe_load((tmp_path / "set" / "config.yaml").read_text())["config"]
    samples = config["process"][0]["sample"]["samples"]
    assert not any("--" in sample["prompt"] for sample in samples)
    assert (tmp_path / "set" / "target" / "1.txt").read_text() == caption


def test_a_foreign_file_is_not_overwritten(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    place.mkdir()
    (place / "3_end.png").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"3_end\.png: was not written by an earlier export"):
        export(output, place)
    assert tree(place) == {"3_end.png": b"mine"}


def test_a_folder_with_another_layout_is_refused(tmp_path):
    output = two_scenes(tmp_path)
    export(output, tmp_path / "set", "modelscope")
    with pytest.raises(InputError, match="holds an export for modelscope"):
        export(output, tmp_path / "set", "aitoolkit")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"layout": "modelscope", "files": ["../output/garden/1_target.png"]}',
        '{"layout": "modelscope", "files": ["/etc/passwd"]}',
        '{"layout": "modelscope", "files": [7]}',
        '{"layout": "modelscope", "numbers": {"garden/1": -4}}',
        '{"layout": "modelscope", "numbers": {"garden/0": 1, "garden/1": 1}}',
    ],
)
def test_a_manifest_that_is_none_of_ours_is_refused(tmp_path, content):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    place.mkdir()
    (place / MANIFEST_NAME).write_text(content)
    with pytest.raises(InputError, match="cannot be read as a list of exported files"):
        export(output, place)
    assert (output / "garden" / "1_target.png").is_file()


def fill_the_disk(monkeypatch, after):
    """Let copying fail after some files."""
    copied, copy = [], shutil.copyfile

    def failing(source, target):
        copied.append(target)
        if len(copied) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return copy(source, target)

    monkeypatch.setattr(export_folder.shutil, "copyfile", failing)


def test_a_full_disk_leaves_the_earlier_export_whole(tmp_path, monkeypatch):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place)
    before = tree(place)
    a_scene(output, "yard")
    fill_the_disk(monkeypatch, after=20)
    with pytest.raises(OSError):
        export(output, place)
    assert tree(place) == before
    assert {path.name for path in tmp_path.iterdir()} == {"output", "set"}


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_rename_leaves_the_earlier_export_whole(tmp_path, monkeypatch, failing):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place)
    before, renames, rename = tree(place), [], type(place).rename

    def fails_once(path, target):
        renames.append(path)
        if len(renames) == failing:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return rename(path, target)

    monkeypatch.setattr(type(place), "rename", fails_once)
    with pytest.raises(OSError):
        export(output, place, prompts=Prompts(("another",)))
    assert tree(place) == before
    assert {path.name for path in tmp_path.iterdir()} == {"output", "set"}


def test_a_kill_between_the_two_renames_is_mended_by_the_next_export(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place)
    (place / "notes.md").write_bytes(b"mine")
    before = tree(place)
    place.rename(tmp_path / ".set.previous")
    (tmp_path / ".set.partial").mkdir()
    (tmp_path / ".set.partial" / "half").write_bytes(b"written")
    export(output, place)
    assert tree(place) == before
    assert {path.name for path in tmp_path.iterdir()} == {"output", "set"}


def test_an_export_set_aside_is_not_removed_for_a_folder_that_is_none(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    export(output, place)
    place.rename(tmp_path / ".set.previous")
    place.mkdir()
    with pytest.raises(InputError, match=r"\.set\.previous: .* set aside"):
        export(output, place)
    assert (tmp_path / ".set.previous" / "1_end.png").is_file()


def test_nothing_is_written_in_a_dry_run(tmp_path):
    rows, _ = export(two_scenes(tmp_path), tmp_path / "set", dry_run=True)
    assert len(rows) == 16
    assert {path.name for path in tmp_path.iterdir()} == {"output"}


def test_links_share_the_files_of_the_pairs(tmp_path):
    output = two_scenes(tmp_path)
    rows, _ = export(output, tmp_path / "set", "hf", link=True)
    for row in rows:
        original = output / row.scene / f"{row.name}_target.png"
        assert original.samefile(tmp_path / "set" / row.place("target"))


def test_copies_do_not_share_them(tmp_path):
    output = two_scenes(tmp_path)
    export(output, tmp_path / "set", "modelscope")
    assert not (output / "garden" / "0_target.png").samefile(tmp_path / "set" / "1_end.png")


def test_a_picture_that_needs_exif_is_turned_upright(tmp_path):
    output = two_scenes(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("splats", "target", "reference"):
        path = output / "garden" / f"1_{kind}.png"
        Image.fromarray(np.rot90(pixels(path))).save(path, exif=exif)
    path = output / "garden" / "1_mask.png"
    mask = pixels(path)
    Image.fromarray(np.rot90(mask)).save(path, exif=exif)
    export(output, tmp_path / "set", "aitoolkit", link=True)
    assert np.array_equal(pixels(tmp_path / "set/target/2.png"), a_frame_picture("garden", 1))
    assert np.array_equal(pixels(tmp_path / "set/mask/2.png"), mask)
    with Image.open(tmp_path / "set/target/2.png") as image:
        assert image.getexif().get(0x0112, 1) == 1


def test_extensions_become_lower_case(tmp_path):
    folder = a_scene(tmp_path / "output", photos=2)
    for path in folder.glob("*.png"):
        path.rename(path.with_suffix(".PNG"))
    rewrite_records(
        folder,
        lambda record: dataclasses.replace(
            record, files={kind: name[:-3] + "PNG" for kind, name in record.files.items()}
        ),
    )
    export(tmp_path / "output", tmp_path / "set", "aitoolkit")
    assert (tmp_path / "set/control1/1.png").is_file()


def test_all_pictures_of_a_pair_are_cropped_alike(tmp_path):
    """A gradient to the right, cropped to a square: every member keeps the middle third."""
    rows, _ = export(two_scenes(tmp_path), tmp_path / "set", "aitoolkit", resize=(32, 32))
    for row in rows:
        target, reference = (
            pixels(tmp_path / "set" / row.place(kind)) for kind in ("target", "reference")
        )
        assert target.shape == reference.shape == (32, 32, 3)
        assert np.array_equal(target[..., 2], reference[..., 2])
        uncropped = a_frame_picture(row.scene, 0)[0, :, 2].astype(int)
        assert abs(int(target[0, 0, 2]) - uncropped[16]) <= 3
        assert abs(int(target[0, -1, 2]) - uncropped[-17]) <= 3
        assert pixels(tmp_path / "set" / row.place("mask")).shape == (32, 32)
        assert set(np.unique(pixels(tmp_path / "set" / row.place("mask")))) <= {0, 255}


def test_a_size_preset_resizes_to_its_nearest_size(tmp_path):
    a_scene(tmp_path / "output", photos=2)
    rows, _ = export(tmp_path / "output", tmp_path / "set", resize="qwen")
    assert {row.size_wh for row in rows} == {(1248, 832)}
    assert pixels(tmp_path / "set/1_start_1.png").shape == (832, 1248, 3)


def test_a_picture_that_has_its_size_already_is_taken_over_as_it_is(tmp_path):
    output = two_scenes(tmp_path)
    export(output, tmp_path / "set", resize=SIZE_WH, link=True)
    assert (output / "garden" / "0_target.png").samefile(tmp_path / "set" / "1_end.png")


def test_pictures_of_several_sizes_cannot_be_cropped_alike(tmp_path):
    output = two_scenes(tmp_path)
    Image.fromarray(a_frame_picture("garden", 0, (50, 50))).save(output / "garden/1_reference.png")
    rows, problems = export(output, tmp_path / "set", resize=(32, 32))
    assert len(rows) == 15
    (problem,) = problems
    assert "1_reference.png: is 50x50 pixels, need the 96x64" in problem


@pytest.mark.parametrize("fault", ["missing", "corrupt", "no file named", "odd extension"])
def test_a_pair_that_cannot_be_exported_is_named_and_left_out(tmp_path, fault):
    output = two_scenes(tmp_path)
    path = output / "garden" / "2_splats.png"
    if fault == "missing":
        path.unlink()
    elif fault == "corrupt":
        path.write_bytes(path.read_bytes()[:-60])
    elif fault == "no file named":
        _change_files(output / "garden", "2", lambda files: {"target": files["target"]})
    else:
        path.rename(path.with_suffix(".sh"))
        _change_files(output / "garden", "2", lambda files: files | {"splats": "2_splats.sh"})
    rows, problems = export(output, tmp_path / "set")
    assert len(rows) == 15
    (problem,) = problems
    assert "2_splats" in problem and problem.endswith("pair garden/2 left out")
    assert [row.number for row in rows] == [str(number) for number in range(1, 16)]


def _change_files(folder, name, change):
    rewrite_records(
        folder,
        lambda record: (
            dataclasses.replace(record, files=change(record.files))
            if record.name == name
            else record
        ),
    )


def test_masks_are_left_out_unless_every_pair_has_one(tmp_path, caplog):
    a_scene(tmp_path / "output", "garden")
    a_scene(tmp_path / "output", "room", with_masks=False)
    export(tmp_path / "output", tmp_path / "set", "aitoolkit")
    assert not (tmp_path / "set" / "mask").exists()
    assert "mask_path" not in (tmp_path / "set" / "config.yaml").read_text()
    assert "8 of 16 pairs have no mask" in caplog.text


def test_without_a_prompt_there_are_no_caption_files_and_no_empty_captions(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "modelscope", prompts=Prompts())
    assert not list((tmp_path / "set").glob("*.txt"))
    table = json.loads((tmp_path / "set" / "metadata.json").read_text())
    assert {row["prompt"] for row in table} == {TRAINERS["modelscope"].default_prompt}


def test_simpletuner_gets_captions_in_any_case(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "simpletuner", prompts=Prompts())
    captions = {path.read_text() for path in (tmp_path / "set" / "target").glob("*.txt")}
    assert captions == {TRAINERS["simpletuner"].default_prompt}


def test_a_scenes_own_prompt_comes_first(tmp_path):
    output = two_scenes(tmp_path)
    (output / "room" / "prompt.txt").write_text("a room\n")
    rows, _ = export(output, tmp_path / "set")
    assert {(row.scene, row.caption) for row in rows} == {("garden", "fix it"), ("room", "a room")}


def test_a_scene_with_an_empty_prompt_is_left_out(tmp_path):
    output = two_scenes(tmp_path)
    (output / "room" / "prompt.txt").write_text("\n")
    rows, problems = export(output, tmp_path / "set")
    assert {row.scene for row in rows} == {"garden"}
    assert len(problems) == 1 and problems[0].endswith("scene room left out")


def split_of(names, share=0.3):
    return {name: is_validation(name, share) for name in names}


def test_the_split_hangs_on_the_scenes_name_alone():
    names = [f"scene{number}" for number in range(1000)]
    split = split_of(names)
    assert 0.25 < sum(split.values()) / 1000 < 0.35
    assert split_of(names[::7]).items() <= split.items()
    wider = split_of(names, 0.5)
    assert all(wider[name] for name in names if split[name])


@pytest.mark.parametrize("layout", TRAINERS)
def test_a_split_keeps_scenes_together_and_every_pair(tmp_path, layout):
    needs_webdataset(layout)
    for number in range(6):
        a_scene(tmp_path / "output", f"s{number}", photos=2)
    rows, _ = export(tmp_path / "output", tmp_path / "set", layout, validation_share=0.5)
    sides = {
        split: {row.scene for row in rows if row.split == split}
        for split in ("train", "validation")
    }
    assert sides["train"] and sides["validation"] and not sides["train"] & sides["validation"]
    assert len(read_rows(TRAINERS[layout], tmp_path / "set").rows) == 12


def test_a_split_without_sides_changes_no_name(tmp_path):
    assert not is_validation("garden", None)
    assert not is_validation("garden", 0.0)
    assert is_validation("garden", 1.0)


def test_selection_goes_by_scores_and_lists(tmp_path):
    pairs = find_pairs(two_scenes(tmp_path), print)

    def names(**wanted):
        return {
            pair.key for pair in select_pairs(pairs, Selection(**wanted)) if pair.scene == "room"
        }

    assert names(quality=Quality((("min-coverage", 0.75),))) == {
        "room/0",
        "room/1",
        "room/1_reverse",
    }
    assert names(quality=Quality((("max-coverage", 0.55),))) == {"room/4"}
    assert names(quality=Quality((("min-psnr", 23),))) == {"room/3", "room/3_reverse", "room/4"}
    assert names(accepted=frozenset({"room/2"})) == {"room/2"}
    assert "room/2" not in names(rejected=frozenset({"room/2"}))
    with pytest.raises(InputError, match="none is left"):
        names(quality=Quality((("min-coverage", 1.0),)))


def test_pairs_without_the_score_do_not_pass_its_bound(tmp_path):
    a_scene(tmp_path / "output", scores={"coverage": 0.5, "psnr": None})
    pairs = find_pairs(tmp_path / "output", print)
    with pytest.raises(InputError):
        select_pairs(pairs, Selection(Quality((("min-psnr", 1),))))


def test_rejected_pairs_are_not_found(tmp_path):
    folder = a_scene(tmp_path / "output")
    rewrite_records(
        folder,
        lambda record: (
            dataclasses.replace(record, rejected="dark", files={}) if record.name == "1" else record
        ),
    )
    assert "garden/1" not in {pair.key for pair in find_pairs(tmp_path / "output", print)}


@pytest.mark.parametrize("odd", [{"scores": [1]}, {"scores": {"coverage": "much"}}, {"cameras": 3}])
def test_a_scene_whose_records_make_no_sense_is_left_out(tmp_path, odd):
    a_scene(tmp_path / "output", "garden")
    a_scene(tmp_path / "output", "room", **odd)
    problems = []
    pairs = find_pairs(tmp_path / "output", problems.append)
    assert {pair.scene for pair in pairs} == {"garden"}
    assert len(problems) == 1 and "scene room left out" in problems[0]


def test_two_scenes_of_one_name_are_refused(tmp_path):
    for name in ("Garden", "garden"):
        a_scene(tmp_path / "output", name, photos=2)
    with pytest.raises(InputError, match="two scenes of one name, Garden and garden"):
        find_pairs(tmp_path / "output", print)


def test_hf_rows_carry_scores_and_every_picture_column(tmp_path):
    export(two_scenes(tmp_path), tmp_path / "set", "hf")
    lines = (tmp_path / "set" / "train" / "metadata.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    for kind in ("splats", "reference", "target", "mask"):
        assert (tmp_path / "set" / "train" / row[f"{kind}_file_name"]).is_file()
    assert (row["pair"], row["coverage"]) == ("garden/0", 0.9)


def test_a_score_that_a_split_has_nowhere_is_no_column(tmp_path):
    output = two_scenes(tmp_path)
    rewrite_records(
        output / "room",
        lambda record: dataclasses.replace(record, scores={**record.scores, "psnr": None}),
    )
    export(output, tmp_path / "set", "hf", validation_share=0.13)
    rows = [
        json.loads(line)
        for split in ("train", "validation")
        for line in (tmp_path / "set" / split / "metadata.jsonl").read_text().splitlines()
    ]
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    assert "coverage" in rows[0] and "psnr" not in rows[0] and "ssim" not in rows[0]


def test_a_score_of_no_known_name_is_no_column_and_takes_no_column_s_place(tmp_path):
    a_scene(tmp_path / "output", photos=3)
    seen = iter([{"pair": 3, "psnr": 20.0}])
    rewrite_records(
        tmp_path / "output" / "garden",
        lambda record: dataclasses.replace(record, scores=next(seen, record.scores)),
    )
    export(tmp_path / "output", tmp_path / "set", "hf")
    lines = (tmp_path / "set" / "train" / "metadata.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["pair"].partition("/")[0] for row in rows} == {"garden"}
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}


def test_a_licence_is_text_on_the_hf_card_whatever_it_holds(tmp_path):
    licence = "<script>alert(1)</script>\n# [free](javascript:x) & *all*"
    a_scene(tmp_path / "output", photos=2, geometry={"licence": licence})
    export(tmp_path / "output", tmp_path / "set", "hf")
    card = (tmp_path / "set" / "README.md").read_text()
    assert "<script>" not in card and "\n# [" not in card
    assert (
        "- &lt;script&gt;alert(1)&lt;/script&gt; \\# \\[free\\](javascript:x) &amp; \\*all\\*"
        in card
    )


def test_the_hf_card_names_the_licences_that_the_records_name(tmp_path):
    output = two_scenes(tmp_path)
    export(output, tmp_path / "free", "hf")
    assert "Licence" not in (tmp_path / "free" / "README.md").read_text()
    geometry = {"source": "vggt", "revision": "x", "plan": "", "licence": "for research only"}
    rewrite_records(output / "room", lambda record: dataclasses.replace(record, geometry=geometry))
    export(output, tmp_path / "bound", "hf")
    card = (tmp_path / "bound" / "README.md").read_text()
    assert card.count("- for research only\n") == 1 and "## Licence\n" in card


def test_odd_names_and_prompts_are_quoted_in_every_document(tmp_path):
    yaml = pytest.importorskip("yaml")
    tomllib = pytest.importorskip("tomllib")
    place = tmp_path / 'a "set": #```\n- x'
    caption = 'say "hi": {x} # \\ \u2028 \x7f 🌲 ```'
    a_scene(tmp_path / "output", "s", photos=2)
    documents = {}
    for layout in ("aitoolkit", "musubi", "modelscope"):
        export(tmp_path / "output", place / layout, layout, prompts=Prompts((caption,)))
        documents |= {
            name: content.decode()
            for name, content in tree(place / layout).items()
            if "." in name and not name.endswith("png")
        }
    process = yaml.safe_load(documents["config.yaml"])["config"]["process"][0]
    assert process["datasets"][0]["folder_path"] == (place / "aitoolkit/target").as_posix()
    assert process["sample"]["samples"][0]["prompt"] == caption
    assert process["datasets"][0]["flip_x"] is False
    dataset = tomllib.loads(documents["dataset.toml"])["datasets"][0]
    assert dataset["image_jsonl_file"] == (place / "musubi/metadata.jsonl").as_posix()
    assert json.loads(documents["metadata.json"])[0]["prompt"] == caption
    assert documents["metadata.json"].isascii() and documents["metadata.jsonl"].isascii()
    assert documents["TRAIN.md"].count("\n````\n") == 1


def test_webdataset_itself_reads_the_shards(tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    export(two_scenes(tmp_path), tmp_path / "set", "webdataset")
    shard = str(tmp_path / "set" / "train-000000.tar")
    samples = list(webdataset.WebDataset(shard, shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [str(number) for number in range(1, 17)]
    assert np.array_equal(pixels(samples[0]["target.png"]), a_frame_picture("garden", 0))
    assert samples[0]["txt"] == b"fix it"
    assert json.loads(samples[0]["json"])["pair"] == "0"


def test_diffusion_pipe_gets_the_pictures_own_sizes_and_evaluates_on_the_other_side(tmp_path):
    tomllib = pytest.importorskip("tomllib")
    for number in range(6):
        a_scene(tmp_path / "output", f"s{number}", photos=2)
    place = tmp_path / "set"
    export(tmp_path / "output", place, "diffusion-pipe", validation_share=0.5)
    data = tomllib.loads((place / "dataset.toml").read_text())
    assert data["size_buckets"] == [[96, 64, 1]]
    (directory,) = data["directory"]
    assert directory["path"] == (place / "target").as_posix()
    assert directory["control_path"] == (place / "splats").as_posix()
    assert directory["mask_path"] == (place / "mask").as_posix()
    assert (place / "validation" / "dataset.toml").as_posix() in (place / "TRAIN.md").read_text()


def test_onetrainer_gets_a_png_condition_and_a_concept_a_side(tmp_path):
    folder = a_scene(tmp_path / "output", "s0", photos=2)
    for path in folder.glob("*_splats.png"):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    rewrite_records(
        folder,
        lambda record: dataclasses.replace(
            record, files=record.files | {"splats": record.files["splats"][:-3] + "jpg"}
        ),
    )
    for number in range(1, 6):
        a_scene(tmp_path / "output", f"s{number}", photos=2)
    rows, _ = export(tmp_path / "output", tmp_path / "set", "onetrainer", validation_share=0.5)
    for row in rows:
        with Image.open(tmp_path / "set" / row.place("splats")) as image:
            assert image.format == "PNG"
    concepts = json.loads((tmp_path / "set" / "concepts.json").read_text())
    assert {concept["type"] for concept in concepts} == {"STANDARD", "VALIDATION"}
    assert not any(concept["image"]["enable_random_flip"] for concept in concepts)


def test_the_zip_holds_starts_ends_and_captions_by_number(tmp_path):
    rows, _ = export(two_scenes(tmp_path), tmp_path / "set", "zip")
    with zipfile.ZipFile(tmp_path / "set" / "train.zip") as archive:
        names = set(archive.namelist())
        expected = {
            f"{row.number}_{place}.png" for row in rows for place in ("start", "start2", "end")
        }
        assert names == expected | {f"{row.number}.txt" for row in rows}
        assert archive.testzip() is None
        assert np.array_equal(pixels(archive.read("1_end.png")), a_frame_picture("garden", 0))
        assert archive.read("16.txt") == b"fix it"


def test_sd_scripts_gets_splats_as_the_condition(tmp_path):
    tomllib = pytest.importorskip("tomllib")
    export(two_scenes(tmp_path), tmp_path / "set", "sd-scripts", resize="auto-512")
    data = tomllib.loads((tmp_path / "set" / "dataset.toml").read_text())
    (subset,) = data["datasets"][0]["subsets"]
    assert subset["conditioning_data_dir"] == (tmp_path / "set" / "splats").as_posix()
    assert data["general"]["resolution"] == 512


def test_a_second_export_into_one_folder_is_refused_and_harms_nothing(tmp_path):
    pairs, place = two_scenes(tmp_path), tmp_path / "set"
    export(pairs, place, "aitoolkit")
    before = tree(place)
    with sole_writer(place):
        with pytest.raises(FolderInUseError, match="another run is writing here"):
            export(pairs, place, "aitoolkit", prompts=Prompts(("another",)))
    assert tree(place) == before
    assert export(pairs, place, "aitoolkit")[1] == []
