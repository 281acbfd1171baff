"""Segmentation through onnxruntime, of sky and by a model of the user's; no depth, no pairs.

The public skyseg model (`skyseg.onnx` of JianyuanWang/skyseg on the Hugging Face Hub) scores each
pixel of a 320x320 picture; scores are stretched to 0..1 per picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from huggingface_hub import hf_hub_download
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import InputError, Remedy
from ..core.masks import Mask
from ..files.cache import ArrayCache, content_key
from ..files.photos import read_photo, sha256_of, upright_size
from .options import MAX_MODEL_BYTES

Scores = NDArray[np.uint8]

HUB_REPOSITORY, HUB_FILE = "JianyuanWang/skyseg", "skyseg.onnx"
INPUT_SIDE = 320
IMAGE_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGE_STD = np.array([0.229, 0.224, 0.225], np.float32)

BATCH = 8
HUB_TIMEOUT_S = 8.0


def find_sky_model(path: Path | None) -> Path:
    """The model's file: the one given, else from the Hub, fetched once into its cache.

    Raises:
        InputError: It is not there and cannot be fetched.
    """
    if path is not None:
        check_model_file(path, Remedy.SKY_MODEL)
        return path
    try:
        return Path(hf_hub_download(HUB_REPOSITORY, HUB_FILE, etag_timeout=HUB_TIMEOUT_S))
    except Exception as error:
        reason = type(error).__name__
        raise InputError(
            f"{HUB_REPOSITORY}: {HUB_FILE} cannot be fetched ({reason}); go online once",
            Remedy.SKY_MODEL,
        ) from error


def check_model_file(path: Path, remedy: Remedy | None = None) -> None:
    """Raise an InputError if there is no file that can be an ONNX model, before it is read."""
    if not path.is_file():
        raise InputError(f"{path}: found no such file, need an ONNX model", remedy)
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise InputError(f"{path}: more than {MAX_MODEL_BYTES} bytes, no ONNX model is", remedy)


class SkySegmenter:
    """Scores photos for sky, each only once.

    Args:
        model: The ONNX file.
        arrays: Where scores are kept, by the content of photo and model.

    Raises:
        InputError: The file is no such model.
    """

    def __init__(self, model: Path, arrays: ArrayCache):
        self._arrays, self._model, self._model_sha256 = arrays, model, sha256_of(model)
        self._session, self._input, self._shape = _opened(model, "sky")

    def score(self, photo: Path) -> Scores:
        """Scores of one photo, see `scores`."""
        return next(self.scores([photo]))

    def scores(self, photos: Sequence[Path]) -> Iterator[Scores]:
        """Scores (320, 320) uint8 over each whole photo, in their order; more is more sky.

        Raises:
            InputError: A photo cannot be read.
        """
        takes_any_batch = not isinstance(self._shape[0], int)
        step = BATCH if takes_any_batch else 1
        for start in range(0, len(photos), step):
            yield from self._batch(photos[start : start + step])

    def _batch(self, photos: Sequence[Path]) -> list[Scores]:
        keys = [content_key(photo=sha256_of(path), sky=self._model_sha256) for path in photos]
        known = [self._arrays.load(key) for key in keys]
        new = [index for index, arrays in enumerate(known) if arrays is None]
        if new:
            pictures = np.stack([_normalised(read_photo(photos[index])) for index in new])
            answers = self._answers(pictures)
            for index, answer in zip(new, answers, strict=True):
                known[index] = {"scores": _stretched(answer)}
                self._arrays.store(keys[index], {"scores": _stretched(answer)})
        return [arrays["scores"] for arrays in known if arrays is not None]

    def _answers(self, pictures: NDArray[np.float32]) -> NDArray:
        """What the model says of pictures (n, 3, 320, 320): (n, 320, 320)."""
        answers = _run(self._model, self._session, self._input, pictures)
        shape = (len(pictures), INPUT_SIDE, INPUT_SIDE)
        if answers.size != np.prod(shape) or not np.isfinite(answers).all():
            raise InputError(
                f"{self._model}: answered with {answers.dtype} of {answers.shape}, need a finite "
                f"number for each of {INPUT_SIDE}x{INPUT_SIDE} pixels",
                Remedy.SKY_MODEL,
            )
        return answers.reshape(shape)


class MaskModel:
    """What a model of the user's leaves out of photos, for instance people.

    It takes what the sky's takes, (1, 3, 320, 320), and answers with one number a pixel, on any
    raster over the whole photo: above a half is left out.

    Args:
        model: The ONNX file.
        grow_px: Pixels of the photo by which what is left out grows, since silhouettes are rough.

    Raises:
        InputError: The file is no such model.
    """

    def __init__(self, model: Path, grow_px: int):
        check_model_file(model)
        self._model, self._grow_px = model, grow_px
        self._session, self._input, _ = _opened(model, "mask")
        self.left_out = cache(self._left_out)

    def kept(self, photo: Path) -> Mask:
        """Which pixels (h, w) of a photo it keeps.

        Raises:
            InputError: The photo cannot be read, or the model's answer is no picture.
        """
        answer = self.left_out(photo).astype(np.uint8)
        left_out = cv2.resize(answer, upright_size(photo), interpolation=cv2.INTER_NEAREST)
        side = 2 * self._grow_px + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        return ~np.asarray(cv2.dilate(left_out, kernel), bool)

    def _left_out(self, photo: Path) -> Mask:
        picture = _normalised(read_photo(photo))[None]
        answer = _run(self._model, self._session, self._input, picture).squeeze()
        if answer.ndim != 2 or not np.isfinite(answer).all():
            raise InputError(
                f"{self._model}: answered with {answer.dtype} of {answer.shape}, need one number "
                "a pixel"
            )
        return np.greater(answer, 0.5)


def _opened(model: Path, of: str) -> tuple[onnxruntime.InferenceSession, str, list[int | str]]:
    """An ONNX file, and name and shape of its one input.

    Raises:
        InputError: It is no such file.
    """
    try:
        session = onnxruntime.InferenceSession(str(model), providers=_providers())
        (model_input,) = session.get_inputs()
        name, shape = model_input.name, model_input.shape
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{model}: no {of} model of one input ({reason})") from error
    return session, name, shape


def _run(
    model: Path, session: onnxruntime.InferenceSession, name: str, pictures: NDArray[np.float32]
) -> NDArray:
    """The first answer of a model to pictures.

    Raises:
        InputError: It takes no such pictures, or answers with something else than numbers.
    """
    try:
        answer = np.asarray(session.run(None, {name: pictures})[0])
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise InputError(f"{model}: cannot be run ({reason})") from error
    if answer.dtype.kind not in "fbiu":
        raise InputError(f"{model}: answered with {answer.dtype}, need numbers")
    return answer


def _providers() -> list[str]:
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in onnxruntime.get_available_providers()]


def _normalised(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3, 320, 320), normalised by ImageNet's mean and standard deviation."""
    side = (INPUT_SIDE, INPUT_SIDE)
    small = np.asarray(Image.fromarray(rgb).resize(side, Image.Resampling.BILINEAR), np.float32)
    return ((small / 255 - IMAGE_MEAN) / IMAGE_STD).transpose(2, 0, 1)


def _stretched(answer: NDArray) -> Scores:
    """An answer stretched to 0..255; one without any contrast sees no sky."""
    spread = np.ptp(answer)
    if not spread > 0:
        return np.zeros(answer.shape, np.uint8)
    return np.rint((answer - answer.min()) / spread * 255).astype(np.uint8)
