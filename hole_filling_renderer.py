"""`HoleFillingRenderer`: coloured points and a camera in, an image without holes out."""

from renderer.hole_filling import HoleFillingRenderer, RenderedView

__all__ = ["HoleFillingRenderer", "RenderedView"]
