"""Stand-ins of what ComfyUI's server gives to nodes, after its documentation, and its loader."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
NOT_OF_THE_PACK = shutil.ignore_patterns(
    ".*",
    "__pycache__",
    "tests",
    "benchmarks",
    "examples",
    "docs",
    "aerial_megadepth",
    "input",
    "output",
    "*-dataset",
    "*.lock",
)


class InterruptProcessingException(Exception):
    """What ComfyUI raises where a node looks for a click on Cancel."""


class File3D:
    """What a FILE_3D socket carries on recent cores: a file, or one in memory."""

    def __init__(self, source: str | BytesIO, file_format: str = ""):
        self.source, self.format = source, file_format

    def get_source(self) -> str | BytesIO:
        return self.source

    def save_to(self, path: str) -> str:
        assert isinstance(self.source, BytesIO)
        Path(path).write_bytes(self.source.getvalue())
        return path


class CallbacksMP:
    """When a model's callbacks are called."""

    ON_DETACH = "on_detach_after"


class ModelPatcher:
    """What the server knows a model by."""

    def __init__(self, model: Any, load_device: Any, offload_device: Any):
        self.model, self.load_device, self.offload_device = model, load_device, offload_device
        self.callbacks: list[Any] = []

    def add_callback(self, call_type: str, callback: Any) -> None:
        assert call_type == CallbacksMP.ON_DETACH
        self.callbacks.append(callback)

    def detach(self, unpatch_all: bool = True) -> None:
        for callback in self.callbacks:
            callback(self, unpatch_all)


@dataclass
class Server:
    """A ComfyUI that has its folders below `root`.

    Attributes:
        root: Where its folders are.
        device: What it runs on.
        steps: Progress that its bars were moved, in order.
        cancel_after: Steps after which somebody clicks on Cancel.
        cancel_at_look: Or the look that finds it clicked.
        freed: Bytes that nodes asked it to make room for.
        loaded: Models that it put on its device.
        looks: How often nodes looked whether somebody clicked on Cancel.
    """

    root: Path
    device: str = "cpu"
    steps: list[int] = field(default_factory=list)
    cancel_after: int | None = None
    cancel_at_look: int | None = None
    freed: list[int] = field(default_factory=list)
    folders: dict[str, list[str]] = field(default_factory=dict)
    loaded: list[Any] = field(default_factory=list)
    looks: int = 0

    def install(self, monkeypatch: pytest.MonkeyPatch, with_file_3d: bool = True) -> None:
        """Make the server's modules importable, and its own `utils` and `src` come first."""
        for name in ("output", "input", "temp", "models"):
            (self.root / name).mkdir(exist_ok=True)
        comfy = _module("comfy")
        comfy.model_management = self._model_management()
        comfy.utils = _module("comfy.utils", ProgressBar=self._progress_bar())
        modules = [comfy, comfy.model_management, comfy.utils, self._folder_paths()]
        modules.append(_module("comfy.model_patcher", ModelPatcher=ModelPatcher))
        modules.append(_module("comfy.patcher_extension", CallbacksMP=CallbacksMP))
        modules += [_module("utils"), _module("src"), _module("comfy_api")]
        if with_file_3d:
            modules.append(_module("comfy_api.latest", Types=_module("Types", File3D=File3D)))
        for module in modules:
            monkeypatch.setitem(sys.modules, module.__name__, module)

    def look_for_cancel(self) -> None:
        self.looks += 1
        is_after = self.cancel_after is not None and len(self.steps) >= self.cancel_after
        if is_after or self.looks == self.cancel_at_look:
            raise InterruptProcessingException

    def _model_management(self) -> Any:
        return _module(
            "comfy.model_management",
            get_torch_device=lambda: torch.device(self.device),
            free_memory=lambda needed, device: self.freed.append(needed),
            load_models_gpu=self._load_models,
            soft_empty_cache=lambda: None,
            throw_exception_if_processing_interrupted=self.look_for_cancel,
        )

    def _load_models(self, models: list[Any], **needed: Any) -> None:
        self.freed.append(needed["memory_required"])
        self.loaded = list({*self.loaded, *models})

    def unload_models(self) -> None:
        """What a click on `Free model and node cache` does with models."""
        while self.loaded:
            self.loaded.pop().detach()

    def _progress_bar(self) -> type:
        server = self

        class ProgressBar:
            def __init__(self, total: int):
                self.total, self.current = total, 0

            def update(self, value: int) -> None:
                self.current += value
                server.steps.append(self.current)
                server.look_for_cancel()

        return ProgressBar

    def _folder_paths(self) -> Any:
        def get_filename_list(kind: str) -> list[str]:
            return sorted(
                path.relative_to(folder).as_posix()
                for folder in self.folders[kind]
                for path in Path(folder).rglob("*")
            )

        def get_full_path(kind: str, name: str) -> str | None:
            paths = (Path(folder) / name for folder in self.folders[kind])
            return next((str(path) for path in paths if path.is_file()), None)

        def get_save_image_path(prefix: str, output_dir: str) -> tuple[str, str, int, str, str]:
            folder, name = (Path(output_dir) / prefix).parent, Path(prefix).name
            folder.mkdir(parents=True, exist_ok=True)
            counter = 1 + len(list(folder.glob(f"{name}_*_*")))
            return str(folder), name, counter, Path(prefix).parent.as_posix(), prefix

        def add_model_folder_path(kind: str, folder: str, is_default: bool = False) -> None:
            self.folders.setdefault(kind, []).append(folder)

        return _module(
            "folder_paths",
            models_dir=str(self.root / "models"),
            get_output_directory=lambda: str(self.root / "output"),
            get_input_directory=lambda: str(self.root / "input"),
            get_temp_directory=lambda: str(self.root / "temp"),
            get_filename_list=get_filename_list,
            get_full_path=get_full_path,
            get_save_image_path=get_save_image_path,
            add_model_folder_path=add_model_folder_path,
        )


def _module(name: str, **content: Any) -> Any:
    module = ModuleType(name)
    module.__dict__.update(content)
    return module


def put_pack(custom_nodes: Path, name: str) -> Path:
    """Copy the project, as a user would clone it, into a folder of ComfyUI's."""
    return Path(shutil.copytree(ROOT, custom_nodes / name, ignore=NOT_OF_THE_PACK))


INSTALLED = "/ComfyUI/custom_nodes/vggt-dataset-builder"
"""A pack's module name that all runs share: kernels are compiled once for a name."""


def load_pack(folder: Path, name: str | None = None) -> Any:
    """Load a pack the way ComfyUI's `load_custom_node` does: under its path as module name.

    Args:
        folder: Where it lies.
        name: The module's name instead.
    """
    name = name or str(folder).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
