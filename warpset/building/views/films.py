"""Pictures -> a film in H.264, which browsers and editors play."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from ...core.errors import InputError

FRAMES_A_SECOND = 24
CODEC = "libx264"
OPTIONS = {"crf": "16", "preset": "medium", "threads": "1"}
"""`crf` 16 hides nothing at full size; more threads would cut the pictures otherwise, so that the
film would depend on the machine."""

BT709 = 1
"""What players take large films for; without it they would show other colours."""


class Film:
    """A film that grows a picture at a time, in memory: 48 pictures of a megapixel are 2 MB.

    Args:
        size_wh: Size of the pictures; the film's sides are cut to even numbers, which the codec
            needs.

    Raises:
        InputError: PyAV lacks the encoder.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self._width, self._height = (max(2, side // 2 * 2) for side in size_wh)
        self._content = io.BytesIO()
        self._container = av.open(self._content, "w", format="mp4")
        try:
            stream: Any = self._container.add_stream(CODEC, FRAMES_A_SECOND, options=OPTIONS)
        except UnknownCodecError as error:
            raise InputError(f"PyAV {av.__version__}: lacks {CODEC}, need it for films") from error
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, "yuv420p"
        coding = stream.codec_context
        coding.colorspace = coding.color_primaries = coding.color_trc = BT709
        self._stream = stream

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Add a picture (h, w, 3)."""
        cut = np.ascontiguousarray(rgb[: self._height, : self._width])
        frame = av.VideoFrame.from_ndarray(cut, format="rgb24")
        coded = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        self._container.mux(self._stream.encode(coded))

    def content(self) -> bytes:
        """The film, to which nothing can be added any more."""
        self._container.mux(self._stream.encode())
        self._container.close()
        return self._content.getvalue()
