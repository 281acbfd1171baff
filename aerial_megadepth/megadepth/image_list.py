"""Image lists: which photos of which MegaDepth model; JSON, or MegaDepth's pickled npz; no photos.

The npz holds one pickled dict, which is unpickled without running anything that it names.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from warpset.core.errors import InputError
from warpset.core.natural_order import natural_key
from warpset.files.json_files import open_regular, read_text
from warpset.files.writing import write_atomically

from .inert_npy import read_objects

ImageList = dict[tuple[str, str], list[str]]

MAX_BYTES = 2**28
MAX_NAMES = 10_000_000


def read_image_list(path: Path) -> ImageList:
    """Read an image list.

    Args:
        path: `.npz` (one pickled dict with keys (scene, model) and lists of names) or `.json`
            (`{scene: {model: [names]}}`).

    Returns:
        Names of photos by scene and number of its model, such as `("0001", "0")`; scenes in
        natural order, names as listed.

    Raises:
        InputError: The file is missing or no image list, holds other pickled objects, or names
            something that is no plain name of a file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, f"more than {MAX_BYTES} bytes")
        listed = _read_npz(path) if path.suffix.lower() == ".npz" else _read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path}: found no such image list; see --megadepth_image_list") from None
    except (OSError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _refused(path, f"a file that cannot be read ({reason})") from error
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _refused(path, reason) from error
    return _checked(listed, path)


def write_image_list(path: Path, images: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """Write an image list as JSON, in natural order of scenes and models."""
    nested: dict[str, dict[str, list[str]]] = {}
    for scene, model in sorted(images, key=lambda key: (natural_key(key[0]), natural_key(key[1]))):
        nested.setdefault(scene, {})[model] = list(images[scene, model])
    write_atomically(path, (json.dumps(nested, indent=1) + "\n").encode())


def is_plain_name(name: object) -> bool:
    """Whether this names something directly in a folder: no separator, not hidden, not `..`."""
    return (
        isinstance(name, str)
        and bool(name)
        and not name.startswith(".")
        and name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
    )


def _read_json(path: Path) -> dict[Any, Any]:
    content = json.loads(read_text(path))
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise ValueError("no object of scenes and models")
    return {(scene, k): names for scene, models in content.items() for k, names in models.items()}


def _read_npz(path: Path) -> dict[Any, Any]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) != 1 or entries[0].file_size > MAX_BYTES:
            raise ValueError("not one array of a bearable size")
        objects = read_objects(archive.read(entries[0]))
    if len(objects) != 1 or not isinstance(objects[0], dict):
        raise ValueError("no pickled dict")
    return objects[0]


def _checked(listed: Mapping[Any, Any], path: Path) -> ImageList:
    images: ImageList = {}
    count = 0
    for key, names in listed.items():
        if not isinstance(key, tuple) or len(key) != 2 or not all(map(is_plain_name, key)):
            raise _refused(path, f"a key that is no scene and model, after {len(images)} others")
        if not isinstance(names, (list, tuple)):
            raise _refused(path, f"no list of names for {'/'.join(key)}")
        count += len(names)
        if count > MAX_NAMES:
            raise _refused(path, f"more than {MAX_NAMES} names")
        bad = next((name for name in names if not is_plain_name(name)), None)
        if bad is not None:
            found = repr(bad[:80]) if isinstance(bad, str) else f"a {type(bad).__name__}"
            raise _refused(path, f"{found} for a name in {'/'.join(key)}")
        images[key[0], key[1]] = list(names)
    return {key: images[key] for key in sorted(images, key=lambda key: [*map(natural_key, key)])}


def _refused(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: found {found}; need an image list, {{scene: {{model: [names]}}}} as JSON or "
        "MegaDepth's npz of one dict of such names"
    )
