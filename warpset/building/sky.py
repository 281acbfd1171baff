"""Semantic sky segmentation through onnxruntime; it knows no depth and no pairs.

The public skyseg model (`skyseg.onnx` of JianyuanWang/skyseg on the Hugging Face Hub) scores each
pixel of a 320x320 picture; scores are stretched to 0..1 per picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from huggingface_hub import hf_hub_download
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import InputError, Remedy
from ..files.cache import ArrayCache, content_key
from ..files.photos import read_photo, sha256_of

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
        if not path.is_file():
            raise InputError(f"{path}: found no such file, need an ONNX model", Remedy.SKY_MODEL)
        return path
    try:
        return Path(hf_hub_download(HUB_REPOSITORY, HUB_FILE, etag_timeout=HUB_TIMEOUT_S))
    except Exception as error:
        reason = type(error).__name__
        raise InputError(
            f"{HUB_REPOSITORY}: {HUB_FILE} cannot be fetched ({reason}); go online once",
            Remedy.SKY_MODEL,
        ) from error


class SkySegmenter:
    """Scores photos for sky, each only once.

    Args:
        model: The ONNX file.
        arrays: Where scores are kept, by the content of photo and model.

    Raises:
        InputError: The file is no such model.
    """

    def __init__(self, model: Path, arrays: ArrayCache):
        self._arrays, self._model_sha256 = arrays, sha256_of(model)
        try:
            self._session = onnxruntime.InferenceSession(str(model), providers=_providers())
            (self._input,) = self._session.get_inputs()
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{model}: no sky model of one input ({reason})") from error

    def score(self, photo: Path) -> Scores:
        """Scores of one photo, see `scores`."""
        return next(self.scores([photo]))

    def scores(self, photos: Sequence[Path]) -> Iterator[Scores]:
        """Scores (320, 320) uint8 over each whole photo, in their order; more is more sky.

        Raises:
            InputError: A photo cannot be read.
        """
        takes_any_batch = not isinstance(self._input.shape[0], int)
        step = BATCH if takes_any_batch else 1
        for start in range(0, len(photos), step):
            yield from self._batch(photos[start : start + step])

    def _batch(self, photos: Sequence[Path]) -> list[Scores]:
        keys = [content_key(photo=sha256_of(path), sky=self._model_sha256) for path in photos]
        known = [self._arrays.load(key) for key in keys]
        new = [index for index, arrays in enumerate(known) if arrays is None]
        if new:
            pictures = np.stack([_normalised(read_photo(photos[index])) for index in new])
            answers = np.asarray(self._session.run(None, {self._input.name: pictures})[0])
            for index, answer in zip(new, answers.reshape(len(new), INPUT_SIDE, -1), strict=True):
                known[index] = {"scores": _stretched(answer)}
                self._arrays.store(keys[index], {"scores": _stretched(answer)})
        return [arrays["scores"] for arrays in known if arrays is not None]


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
