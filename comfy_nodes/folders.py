"""ComfyUI's folders: weights, files to read, names to write; the files' content is unknown.

Only the standard library and ComfyUI's `folder_paths` are imported, so nothing here can be missing.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import folder_paths  # pyright: ignore[reportMissingImports]

from ..warpset.core.errors import InputError
from ..warpset.core.natural_order import sorted_naturally
from .widgets import AUTO_WEIGHTS, BY_PATH

HUB_WEIGHTS = ("facebook/VGGT-1B", "facebook/VGGT-1B-Commercial")
WEIGHTS_FOLDER = "vggt"
SKY_MODEL = "skyseg.onnx"
WEIGHTS_SUFFIXES = (".safetensors", ".pt")


def add_weights_folder() -> None:
    """Tell ComfyUI of `models/vggt`; `extra_model_paths.yaml` may add others."""
    folder = Path(folder_paths.models_dir) / WEIGHTS_FOLDER
    folder_paths.add_model_folder_path(WEIGHTS_FOLDER, str(folder))


def bring_example_photos() -> None:
    """Put the photos of the example workflows into ComfyUI's input folder, if they are not there.

    A folder that cannot be written is left as it is: the workflows then ask for other photos.
    """
    folder = Path(folder_paths.get_input_directory())
    room = Path(__file__).parents[1] / "examples" / "scenes" / "room" / "images"
    for number in (1, 2):
        source, target = room / f"0{number}.jpg", folder / f"vggt_room_{number}.jpg"
        if source.is_file() and not target.exists():
            with contextlib.suppress(OSError):
                shutil.copyfile(source, target)


def weights_choices() -> list[str]:
    """What the weights widget offers: `auto`, names on the Hub, files in `models/vggt`."""
    return [AUTO_WEIGHTS, *HUB_WEIGHTS, *_weights_files()]


def weights_source(choice: str) -> str:
    """Path of a checkpoint, or its name on the Hub."""
    if choice == AUTO_WEIGHTS:
        choice = next(iter(_weights_files()), HUB_WEIGHTS[0])
    return folder_paths.get_full_path(WEIGHTS_FOLDER, choice) or choice


def weights_fingerprint(choice: str | None) -> str:
    """Changes when the weights do; never fails.

    Args:
        choice: One of `weights_choices`; None while a link has not delivered it.
    """
    return f"{weights_file_fingerprint(choice)}, {outputs_lost()} outputs lost"


def weights_file_fingerprint(choice: str | None) -> str:
    """Changes when the weights alone do; never fails.

    Args:
        choice: As above.
    """
    return str(file_fingerprint("" if choice is None else weights_source(choice)))


def source_fingerprint(name: str | None) -> str | float:
    """Changes when the file does, or when something that nodes wrote is there no more."""
    found = file_fingerprint(name)
    return found if isinstance(found, float) else f"{found}, {outputs_lost()} outputs lost"


_written: set[Path] = set()
_lost: list[Path] = []


def outputs_lost() -> int:
    """How often a file that nodes wrote into the output folder was found to be there no more.

    A file that is made again counts on: its node would run once more for it otherwise.
    """
    gone = {path for path in _written if not path.exists()}
    _written.difference_update(gone)
    _lost.extend(gone)
    return len(_lost)


def sky_model() -> Path | None:
    """The sky model in `models/vggt`, or None where there is none."""
    path = folder_paths.get_full_path(WEIGHTS_FOLDER, SKY_MODEL)
    return Path(path) if path else None


def _weights_files() -> list[str]:
    names = folder_paths.get_filename_list(WEIGHTS_FOLDER)
    return [name for name in names if name.lower().endswith(WEIGHTS_SUFFIXES)]


def file_fingerprint(name: str | None) -> str | float:
    """Changes when the file does, as far as its size and date tell; never fails.

    ComfyUI asks before links deliver: nothing then tells whether the file changed, and an answer
    that equals no other makes the node run again.

    Args:
        name: As `existing_file` takes it; None while a link has not delivered it.
    """
    if name is None:
        return float("nan")  # a new one each time: Python takes one object to equal itself
    try:
        path = existing_file(name)
        status = path.stat()
    except (InputError, OSError):
        return str(name)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def existing_file(name: str) -> Path:
    """A file by its absolute path, or by its name in ComfyUI's output or input folder.

    Raises:
        InputError: There is none.
    """
    folders = (folder_paths.get_output_directory(), folder_paths.get_input_directory())
    for folder in folders:
        path = Path(folder) / name  # an absolute name stays as it is
        if name and path.is_file():
            return path
    raise InputError(
        f"{name or 'ply_path'}: no such file, need one by its absolute path or in ComfyUI's output "
        "or input folder; connect or type another path"
    )


def ply_choices() -> list[str]:
    """What the file widget offers: `BY_PATH`, and PLY files in the input folder and its `3d`."""
    root = Path(folder_paths.get_input_directory())
    found = sorted_naturally([*root.glob("*.ply"), *root.glob("3d/*.ply")])
    return [BY_PATH, *(path.relative_to(root).as_posix() for path in found)]


def chosen_ply(ply_path: str | None, file: str | None) -> str | None:
    """The name that one of the two widgets gives; the path's where both do.

    Args:
        ply_path: None while a link has not delivered it.
        file: One of `ply_choices`; None while a link has not delivered it.
    """
    if file is None:
        return None
    if file == BY_PATH or ply_path:
        return ply_path
    return str(Path(folder_paths.get_input_directory()) / file)


def new_output(prefix: str, suffix: str) -> Path:
    """The next free name in ComfyUI's output folder.

    Args:
        prefix: Subfolder and first part of the name, as every Save node takes it.
        suffix: Extension with its dot.

    Raises:
        InputError: The folder cannot be made.
    """
    path = _numbered(prefix, suffix, folder_paths.get_output_directory())
    _written.add(path)
    return path


def new_temporary(suffix: str) -> Path:
    """The next free name in ComfyUI's temporary folder, which ComfyUI empties when it starts."""
    return _numbered("vggt", suffix, folder_paths.get_temp_directory())


def _numbered(prefix: str, suffix: str, root: str) -> Path:
    """A free name, numbered as ComfyUI numbers."""
    try:
        folder, name, counter, *_ = folder_paths.get_save_image_path(prefix, root)
    except OSError as error:
        raise InputError(
            f"{root}: cannot be written ({error.strerror}); start ComfyUI with another folder"
        ) from error
    return Path(folder) / f"{name}_{counter:05}_{suffix}"


def in_output(path: Path) -> str:
    """The path relative to the output folder, with slashes on every system."""
    return path.relative_to(folder_paths.get_output_directory()).as_posix()


def shown_file(path: Path) -> dict[str, str]:
    """How ComfyUI's interface and history name a file of the output folder."""
    folder = Path(in_output(path)).parent.as_posix()
    subfolder = "" if folder == "." else folder
    return {"filename": path.name, "subfolder": subfolder, "type": "output"}
