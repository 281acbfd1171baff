"""Pictures -> the bytes of a video, the same on every machine with the same libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import OutputContainer

FRAMES_A_SECOND = 16
"""What Wan's models are trained at. Trainers take the frames as they come and do not ask."""


def even_size(size_wh: Sequence[int]) -> tuple[int, int]:
    """The size without what an odd width or height has too much for H.264's halved colours."""
    return size_wh[0] // 2 * 2, size_wh[1] // 2 * 2


class VideoEncoder:
    """An MP4 under construction; use it as a context, at whose end the file is whole.

    Without a rate factor the colours themselves are kept (H.264 in RGB, quantiser 0): ffmpeg's
    readers give them back to the bit, browsers show nothing. With one, colours are halved in
    resolution as usual. One thread encodes, as x264 decides otherwise with several.

    Args:
        path: Where to.
        size_wh: Width and height; both even.
        crf: See `plan.ClipRule`.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], crf: int | None):
        import av
        from av.container import OutputContainer

        container = av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"})
        self._container: OutputContainer = cast(OutputContainer, container)
        self._width, self._height = size_wh
        codec, options = ("libx264rgb", {"qp": "0"}) if crf is None else ("libx264", {})
        self._stream = self._container.add_stream(codec, rate=FRAMES_A_SECOND)
        self._stream.width, self._stream.height = size_wh
        self._stream.pix_fmt = "rgb24" if crf is None else "yuv420p"
        self._stream.codec_context.thread_count = 1
        rate = options if crf is None else {"crf": str(crf)}
        self._stream.options = {**rate, "preset": "medium", "flags": "+bitexact"}

    def __enter__(self) -> VideoEncoder:
        """Itself."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write what is pending, unless something went wrong, and close the file."""
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Add a picture (h, w, 3); what sticks out to the right and below is cut off."""
        import av

        picture = np.ascontiguousarray(rgb[: self._height, : self._width])
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
