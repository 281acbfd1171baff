"""The project's renderer inside the pack; points, cameras and sockets are unknown."""

from __future__ import annotations

from ..renderer.hole_filling import HoleFillingRenderer

__all__ = ["HoleFillingRenderer"]
