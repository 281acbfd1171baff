"""Libraries that only some formats need, imported when first used; it knows no format."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import SplatError


def optional_module(name: str, purpose: str) -> Any:
    """Import a module of the optional dependency group `usd`.

    Args:
        name: Dotted name, as in `pxr.UsdVol`.
        purpose: What it is needed for, as the subject of the error's sentence.

    Raises:
        SplatError: The library is not installed; the text says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        library = {"pxr": "usd-core"}.get(name.split(".")[0], name)
        raise SplatError(
            f"{purpose} needs {library}, which is not installed; run `uv sync --group usd`, "
            f"or in ComfyUI `pip install {library}`"
        ) from error
