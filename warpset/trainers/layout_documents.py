"""The text files that trainers want beside the pictures: metadata, configurations, a card.

It knows rows by their file names; it reads and copies nothing. Everything built from names or
captions is quoted for the format that it goes into.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class ExportedRow:
    """A pair as it lies in an export.

    Attributes:
        number: Its number, padded.
        split: `train` or `validation`.
        folder: Where its files lie, relative to the export: empty or ending in a slash.
        files: Paths by kind, relative to `folder`.
        caption: What a trainer shall read.
        caption_file: Path of the file that says so, relative to `folder`; None where there is none.
        scene: Name of the scene.
        name: Name of the pair in its scene.
        size_wh: Width and height of the target.
        scores: Its scores, see `scoring.Scores`.
        licence: What the network behind its geometry lets be done with it; empty where unsaid.
    """

    number: str
    split: str
    folder: str
    files: Mapping[str, str]
    caption: str
    caption_file: str | None
    scene: str
    name: str
    size_wh: tuple[int, int]
    scores: Mapping[str, float | None]
    licence: str = ""

    def place(self, kind: str) -> str:
        """Path of one of its files, relative to the export."""
        return self.folder + self.files[kind]

    def facts(self) -> dict[str, Any]:
        """What a table of pairs says beside the pictures."""
        return {"prompt": self.caption, "scene": self.scene, "pair": self.name, **self.scores}


@dataclass(frozen=True)
class ExportContext:
    """What the documents say of the export as a whole.

    Attributes:
        place: The export's folder, absolute, because trainers run in folders of their own.
        resolutions: Sides of the squares that the trainer's pictures shall have the area of.
        default_prompt: Caption of pairs without one.
    """

    place: Path
    resolutions: Sequence[int]
    default_prompt: str

    @property
    def job_name(self) -> str:
        """What trainers call the LoRA: the folder's name, so that data sets do not share one."""
        return re.sub(r"[^A-Za-z0-9_-]+", "_", self.place.name)

    def path(self, name: str) -> str:
        """Absolute path of something in the export."""
        return (self.place / name).as_posix()


Documents = dict[str, str]
"""Texts by path relative to the export."""

Describe = Callable[[Sequence[ExportedRow], ExportContext], Documents]


def quoted(text: str) -> str:
    """A text as a double-quoted scalar of YAML and TOML; odd characters by their code point."""
    characters = (
        character
        if character.isprintable() and character not in '"\\'
        else f"\\U{ord(character):08X}"
        for character in text
    )
    return f'"{"".join(characters)}"'


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line, ASCII only, no blank lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def fenced(command: str) -> str:
    """A command as a Markdown code block that nothing in it can end."""
    fence = "```"
    while fence in command:
        fence += "`"
    return f"{fence}bash\n{command}\n{fence}\n"


def by_folder(rows: Sequence[ExportedRow]) -> dict[str, list[ExportedRow]]:
    """Rows of each side of the split, by the folder they lie in."""
    folders: dict[str, list[ExportedRow]] = {}
    for row in rows:
        folders.setdefault(row.folder, []).append(row)
    return folders


def describe_modelscope(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.json` and `.jsonl` for DiffSynth-Studio, and `TRAIN.md` with the command.

    DiffSynth-Studio, `UnifiedDataset`: paths are relative to `--dataset_base_path`; a list in
    `edit_image` gives several; the `.jsonl` reader stops at a blank line.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        table = [
            {
                "image": row.files["target"],
                "edit_image": [row.files["splats"], row.files["reference"]],
                "prompt": row.caption,
            }
            for row in members
        ]
        documents[f"{folder}metadata.json"] = json.dumps(table, indent=1) + "\n"
        documents[f"{folder}metadata.jsonl"] = json_lines(table)
    command = diffsynth_command(context)
    documents["TRAIN.md"] = (
        "# Train on this dataset\n\nIn a clone of DiffSynth-Studio:\n\n" + fenced(command)
    )
    return documents


def diffsynth_command(context: ExportContext) -> str:
    """The command line that trains a LoRA of Qwen-Image-Edit-2509 with DiffSynth-Studio.

    After `examples/qwen_image/model_training/lora/Qwen-Image-Edit-2509.sh` there.
    """
    model = "Qwen/Qwen-Image"
    parts = {
        "dataset_base_path": context.path(""),
        "dataset_metadata_path": context.path("metadata.json"),
        "data_file_keys": "image,edit_image",
        "extra_inputs": "edit_image",
        "max_pixels": str(max(context.resolutions) ** 2),
        "dataset_repeat": "50",
        "model_id_with_origin_paths": ",".join(
            (
                f"{model}-Edit-2509:transformer/diffusion_pytorch_model*.safetensors",
                f"{model}:text_encoder/model*.safetensors",
                f"{model}:vae/diffusion_pytorch_model.safetensors",
            )
        ),
        "learning_rate": "1e-4",
        "num_epochs": "5",
        "remove_prefix_in_ckpt": "pipe.dit.",
        "output_path": f"./models/train/{context.job_name}",
        "lora_base_model": "dit",
        "lora_target_modules": "to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj,to_out.0,"
        "to_add_out,img_mlp.net.2,img_mod.1,txt_mlp.net.2,txt_mod.1",
        "lora_rank": "32",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    flags += ["--use_gradient_checkpointing", "--find_unused_parameters"]
    script = "accelerate launch examples/qwen_image/model_training/train.py"
    return " \\\n  ".join([script, *flags])


def describe_musubi(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` and `dataset.toml` for musubi-tuner.

    musubi-tuner, "Dataset Configuration": numbered `control_path_0`, `control_path_1`; a cache
    folder of its own is required. Without `control_resolution` controls are cut to the target's
    bucket, with it to one of their own, where the warp no longer lines up. Relative paths are
    looked for in the working folder first, so these are absolute.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        documents[f"{folder}metadata.jsonl"] = json_lines(
            {
                "image_path": context.path(row.place("target")),
                "control_path_0": context.path(row.place("splats")),
                "control_path_1": context.path(row.place("reference")),
                "caption": row.caption,
            }
            for row in members
        )
        side = max(context.resolutions)
        documents[f"{folder}dataset.toml"] = (
            f"[general]\nresolution = [{side}, {side}]\nbatch_size = 1\n"
            "enable_bucket = true\nbucket_no_upscale = true\n\n[[datasets]]\n"
            f"image_jsonl_file = {quoted(context.path(f'{folder}metadata.jsonl'))}\n"
            f"cache_directory = {quoted(context.path(f'{folder}cache'))}\n"
        )
    return documents


def describe_simpletuner(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`multidatabackend.json` for SimpleTuner, and `TRAIN.md` with the settings it wants besides.

    SimpleTuner, "Dataloader configuration file" and "Qwen Image Edit Quickstart": one conditioning
    dataset a control, same file names, `reference_strict` for crops that match the target's. Of
    several conditioning datasets it takes one at random unless it is told to combine them.
    """
    documents = {
        f"{folder}multidatabackend.json": json.dumps(
            _simpletuner_backends(folder, members[0].split, context), indent=2
        )
        + "\n"
        for folder, members in by_folder(rows).items()
    }
    command = simpletuner_command(context)
    documents["TRAIN.md"] = (
        "# Train on this dataset\n\nIn a clone of SimpleTuner, beside the settings of its Qwen "
        "Image Edit Quickstart:\n\n" + fenced(command)
    )
    return documents


def simpletuner_command(context: ExportContext) -> str:
    """The flags of SimpleTuner that hang on this data set: both controls at once, for edit-v2."""
    parts = {
        "model_family": "qwen_image",
        "model_flavour": "edit-v2",
        "data_backend_config": context.path("multidatabackend.json"),
        "conditioning_multidataset_sampling": "combined",
        "output_dir": f"output/{context.job_name}",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    return " \\\n  ".join(["simpletuner train", *flags])


def _simpletuner_backends(folder: str, split: str, context: ExportContext) -> list[dict[str, Any]]:
    def pictures(kind: str, **settings: object) -> dict[str, Any]:
        return {
            "id": f"{split}-{kind}",
            "type": "local",
            **settings,
            "instance_data_dir": context.path(f"{folder}{kind}"),
            "cache_dir_vae": context.path(f"{folder}cache/{kind}"),
            "resolution": max(context.resolutions),
            "resolution_type": "pixel_area",
            "crop": False,
        }

    control = {
        "dataset_type": "conditioning",
        "caption_strategy": None,
        "conditioning_type": "reference_strict",
        "source_dataset_id": f"{split}-target",
    }
    captions = {
        "id": f"{split}-captions",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": context.path(f"{folder}cache/captions"),
    }
    conditioning = [f"{split}-splats", f"{split}-reference"]
    return [
        pictures(
            "target",
            dataset_type="image",
            caption_strategy="textfile",
            conditioning_data=conditioning,
        ),
        pictures("splats", **control),
        pictures("reference", **control),
        captions,
    ]


def describe_difix(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`data.json` for Difix3D+: `train` and `test`, each by an id of its own.

    Difix3D+, README, "Training", and `PairedDataset`: paths are opened as they stand.
    """
    data: dict[str, dict[str, Any]] = {"train": {}, "test": {}}
    for row in rows:
        data["train" if row.split == TRAIN else "test"][f"{row.scene}/{row.name}"] = {
            "image": context.path(row.place("splats")),
            "target_image": context.path(row.place("target")),
            "ref_image": context.path(row.place("reference")),
            "prompt": row.caption,
        }
    return {"data.json": json.dumps(data, indent=1) + "\n"}


def describe_hf(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` a split and a dataset card for Hugging Face's ImageFolder.

    datasets, "Create an image dataset": columns named `*_file_name` become image columns; paths
    are relative to the `metadata.jsonl`; folders `train` and `validation` are splits. Types are
    told from the values, split by split: a scene named like a date would become one, so scene and
    pair share a column.
    """
    documents = {"README.md": _card(rows)}
    folders = by_folder(rows)
    scores = _scores_of_every(folders.values())
    for folder, members in folders.items():
        documents[f"{folder}metadata.jsonl"] = json_lines(
            {f"{kind}_file_name": path for kind, path in row.files.items()}
            | {"prompt": row.caption, "pair": f"{row.scene}/{row.name}"}
            | {score: row.scores[score] for score in scores}
            for row in members
        )
    return documents


def _scores_of_every(splits: Iterable[Sequence[ExportedRow]]) -> list[str]:
    """Scores that some row of every split has: a column of nulls would have another type there."""
    known = [
        {name for row in rows for name, score in row.scores.items() if score is not None}
        for rows in splits
    ]
    return sorted(set.intersection(*known))


def _card(rows: Sequence[ExportedRow]) -> str:
    splits = sorted({row.split for row in rows})
    configs = "".join(f"  - split: {split}\n    path: {split}/**\n" for split in splits)
    counts = "".join(
        f"| {split} | {sum(row.split == split for row in rows)} | "
        f"{len({row.scene for row in rows if row.split == split})} |\n"
        for split in splits
    )
    return (
        "---\npretty_name: Warp pairs\ntask_categories:\n- image-to-image\n"
        f"configs:\n- config_name: default\n  data_files:\n{configs}---\n\n"
        "# Warp pairs\n\n"
        "Each row holds three pictures of one place: `splats` (the points of `reference` seen from "
        "the target's camera), `reference` and `target`, what the camera saw. The scores compare "
        "`splats` with `target` where points cover it.\n\n"
        f"| split | pairs | scenes |\n|---|---|---|\n{counts}" + _licence_section(rows)
    )


def _licence_section(rows: Sequence[ExportedRow]) -> str:
    licences = sorted({row.licence for row in rows} - {""})
    if not licences:
        return ""
    return (
        "\n## Licence\n\nDepth and cameras come from a network whose licence may bind what is made "
        "with it:\n\n" + "".join(f"- {licence}\n" for licence in licences)
    )
