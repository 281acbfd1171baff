"""Pictures -> the bytes of a video, the same on every machine with the same libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError
from ...core.masks import Mask

if TYPE_CHECKING:
    from av import VideoFrame

FRAMES_A_SECOND = 16
"""What Wan's models are trained at. Trainers take the frames as they come and do not ask."""

BT709 = 1
"""What players take large films for; untagged, some would show other colours."""


def even_size(size_wh: Sequence[int]) -> tuple[int, int]:
    """The size without what an odd width or height has too much for H.264's halved colours."""
    return max(2, size_wh[0] // 2 * 2), max(2, size_wh[1] // 2 * 2)


def mask_picture(mask: Mask) -> NDArray[np.uint8]:
    """A mask (h, w) as a picture (h, w, 3), white where it is true."""
    return np.repeat(np.where(mask, np.uint8(255), np.uint8(0))[..., None], 3, axis=2)


class VideoEncoder:
    """An MP4 under construction; use it as a context, at whose end the file is whole.

    Without a rate factor the colours themselves are kept (H.264 in RGB, quantiser 0): ffmpeg's
    readers give them back to the bit, browsers show nothing. With one, colours are halved in
    resolution as usual. One thread encodes, as x264 decides otherwise with several.

    Args:
        target: Where to: a path, or what can be written and sought in.
        size_wh: Width and height; both even.
        crf: See `plan.ClipRule`.
        frames_a_second: How fast it is played.

    Raises:
        InputError: PyAV lacks the encoder.
    """

    def __init__(
        self,
        target: Path | BinaryIO,
        size_wh: tuple[int, int],
        crf: int | None,
        frames_a_second: int = FRAMES_A_SECOND,
    ) -> None:
        import av

        file = str(target) if isinstance(target, Path) else target
        self._container = av.open(file, "w", format="mp4", options={"fflags": "+bitexact"})
        self._size_wh, self._is_lossless = size_wh, crf is None
        quality = {"qp": "0"} if crf is None else {"crf": str(crf)}
        self._stream = self._add_stream("libx264rgb" if crf is None else "libx264", frames_a_second)
        self._stream.options = {**quality, "preset": "medium", "flags": "+bitexact"}

    def _add_stream(self, codec: str, frames_a_second: int) -> Any:
        import av
        from av.codec.codec import UnknownCodecError

        try:
            stream: Any = self._container.add_stream(codec, rate=frames_a_second)
        except UnknownCodecError as error:
            raise InputError(f"PyAV {av.__version__}: lacks {codec}, need it for videos") from error
        stream.width, stream.height = self._size_wh
        stream.pix_fmt = "rgb24" if self._is_lossless else "yuv420p"
        coding = stream.codec_context
        coding.thread_count = 1
        if not self._is_lossless:
            coding.colorspace = coding.color_primaries = coding.color_trc = BT709
        return stream

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
        self._container.mux(self._stream.encode(self._frame(rgb)))

    def _frame(self, rgb: NDArray[np.uint8]) -> VideoFrame:
        from av import VideoFrame
        from av.video.reformatter import Colorspace

        width, height = self._size_wh
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:height, :width]), "rgb24")
        if self._is_lossless:
            return frame
        return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
