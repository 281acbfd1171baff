"""What this system has of what a run may want, and what to do about the rest; asks no network."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from .device import INSTALL_ANOTHER, chosen_device, description, idle_card, nvidia_driver

LOW_DISK_BYTES = 10e9
"""VGGT-1B takes 5 GB, and a scene of 100 photos about 1 GB of geometry; raised, more are warned."""

LOW_MEMORY_BYTES = 8e9
"""VGGT-1B reads 4.6 GB of weights, and needs 1 to 2 GB for a window of two photos."""


WITHOUT_WEIGHTS = (
    "the first run that needs it fetches it from the Hub; offline, copy the file here and give it "
    "with --model PATH; instead of it, --model depth-anything/DA3-BASE (0.5 GB, Apache-2.0), "
    "--geometry stereo or recorded"
)


class OptionalGroup(NamedTuple):
    """A dependency group that a plain install does without.

    Attributes:
        modules: What it brings.
        serves: What needs it.
    """

    modules: tuple[str, ...]
    serves: str


GROUPS = {
    "photos": OptionalGroup(("pillow_jxl", "rawpy"), "JPEG XL and raw photos"),
    "record3d": OptionalGroup(("liblzfse",), "Record3D's recordings"),
    "usd": OptionalGroup(("gsply", "msgpack", "pxr"), "splats as USD, USDZ and NuRec"),
    "fleet": OptionalGroup(("ray",), "many machines with --ray"),
    "stores": OptionalGroup(("s3fs",), "scenes and pairs in buckets (s3://)"),
    "trainers": OptionalGroup(("datasets",), "layouts read back by Hugging Face datasets"),
    "viewer": OptionalGroup(("pyglet",), "the viewer's window"),
    "publish": OptionalGroup(("pyarrow",), "an index of all records in Parquet"),
    "serve": OptionalGroup(("viser",), "the viewer in a browser with --serve"),
    "mesh": OptionalGroup(("trimesh",), "aerial frames rendered from a mesh"),
    "features": OptionalGroup(("transformers",), "SuperPoint and LightGlue for aerial photos"),
    "webdataset": OptionalGroup(("webdataset",), "layouts read back by webdataset"),
    "aerial": OptionalGroup(("gdown",), "downloads of the aerial data"),
}
"""By its name in pyproject.toml."""


class Finding(NamedTuple):
    """A line of the report.

    Attributes:
        about: What was looked at.
        found: What is there.
        advice: What to do about it; empty where nothing needs to be done.
    """

    about: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n{'':<14}-> {self.advice}" if self.advice else ""
        return f"{self.about:<14}{self.found}{advice}"


def report(model: str, kernel_cache: Callable[[], Path]) -> int:
    """Print what `examine` finds; the exit code of a command that does only that."""
    for finding in examine(model, kernel_cache):
        sys.stdout.write(f"{finding}\n")
    return 0


def examine(model: str, kernel_cache: Callable[[], Path]) -> Iterator[Finding]:
    """Look at everything, one thing after the other; what cannot be told is a finding, too.

    Args:
        model: The network's weights that a run would take, as the user names them.
        kernel_cache: Starts the renderer's library and gives the folder of its compiled kernels.
    """
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "system": _system,
        "PyTorch": _torch,
        "memory": _memory,
        "kernels": lambda: _kernels(kernel_cache),
        "disk": _disk,
        "weights": lambda: _weights(model),
        "groups": _groups,
    }
    for about, look in looks.items():
        try:
            yield from look()
        except Exception as error:  # a broken install is what is looked for
            reason = f"{type(error).__name__}: {error}"
            yield Finding(about, f"cannot be told ({reason})", "install the project again")


def _system() -> Iterator[Finding]:
    yield Finding("system", f"{platform.platform()}, {platform.machine()}")
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    if find_spec("pycolmap") is None:
        advice = "COLMAP models, lens distortion and stereo need it; use another system for them"
        yield Finding("pycolmap", "not there", advice)


def _torch() -> Iterator[Finding]:
    import torch

    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
    yield Finding("PyTorch", f"{torch.__version__}, built {built}")
    device, driver = chosen_device(None), nvidia_driver()
    if device == "cpu" and driver:
        yield Finding("device", f"{description(device)}; {idle_card(driver)}", INSTALL_ANOTHER)
    elif device == "cpu":
        yield Finding("device", f"{description(device)}; no NVIDIA card or no driver of one")
    else:
        yield Finding("device", description(device))


def _memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    low = "close other programs, or give fewer photos to the network at once with --window 2"
    found = f"{_gb(memory.available)} free of {_gb(memory.total)}"
    yield Finding("memory", found, low if memory.available < LOW_MEMORY_BYTES else "")


def _kernels(kernel_cache: Callable[[], Path]) -> Iterator[Finding]:
    folder = kernel_cache()
    compiled = len(list(folder.glob("*/"))) if folder.is_dir() else 0
    first = "" if compiled else "the first run compiles the kernels, which takes a minute"
    yield Finding("kernels", f"{folder}, {compiled} modules", first)


def _disk() -> Iterator[Finding]:
    from huggingface_hub import constants

    from .cache_folder import CACHE

    places = {"here": Path.cwd(), "geometry": CACHE, "Hub's cache": Path(constants.HF_HUB_CACHE)}
    for name, folder in places.items():
        free = shutil.disk_usage(_existing(folder)).free
        low = "free some: weights take up to 5 GB, geometry of 100 photos about 1 GB"
        found = f"{_gb(free)} free {name}, {folder}"
        yield Finding("disk", found, low if free < LOW_DISK_BYTES else "")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _weights(model: str) -> Iterator[Finding]:
    from vggt.registry import NETWORKS
    from vggt.weights import cached_weights

    published = [name for network in NETWORKS for name in network.licences]
    for name in dict.fromkeys([model, *published]):
        path = Path(name) if Path(name).exists() else cached_weights(name)
        if path is not None:
            yield Finding("weights", f"{name}: {path}")
        elif name == model:
            yield Finding("weights", f"{name}: not here", WITHOUT_WEIGHTS)
    if find_spec("pycolmap") is not None:
        yield Finding("geometry", "stereo: nothing to fetch, needs texture and a camera that moved")
    yield Finding("geometry", "recorded: nothing to fetch, needs scenes with depth and cameras")
    yield _sky_model()


def _sky_model() -> Finding:
    from huggingface_hub import try_to_load_from_cache

    from warpset.building.sky import HUB_FILE, HUB_REPOSITORY

    path = try_to_load_from_cache(HUB_REPOSITORY, HUB_FILE)
    if isinstance(path, str):
        return Finding("weights", f"{HUB_FILE}: {path}")
    advice = "--filter-sky fetches it once; offline, give the file with --sky-model PATH"
    return Finding("weights", f"{HUB_FILE}: not here", advice)


def _groups() -> Iterator[Finding]:
    for name, group in GROUPS.items():
        missing = [module for module in group.modules if find_spec(module) is None]
        if missing:
            advice = f"for {group.serves}: uv sync --inexact --group {name}"
            yield Finding("group", f"{name}: without {', '.join(missing)}", advice)
        else:
            yield Finding("group", f"{name}: installed")


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
