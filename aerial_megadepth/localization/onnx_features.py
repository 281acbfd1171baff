"""ALIKED features and LightGlue matches through onnxruntime; no database, no poses.

The models are those that COLMAP publishes with its releases; what they take and give:

- extractor: `image` (1, 3, h, w) RGB in 0..1 with sides divisible by 32, `max_keypoints`,
  `min_score`; gives `keypoints` (1, n, 2), -1 and 1 at the centres of the outermost pixels, and
  `descriptors` (1, n, d).
- matcher: `kpts0`, `kpts1` (1, n, 2), centre of the first pixel at 0, `desc0`, `desc1`,
  `image_size0`, `image_size1` (1, 2) width and height; gives `matches0` (n,), -1 for none, and
  `mscores0` (n,).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from warpset.core.errors import InputError
from warpset.files.json_files import open_regular
from warpset.stereo.features import MAX_FEATURES

from .learned_features import LearnedFeatures, LocalFeatures

MIN_KEYPOINT_SCORE = 0.2
MIN_MATCH_SCORE = 0.1
SIDE_MULTIPLE = 32

EXTRACTOR_INPUTS = {"image", "max_keypoints", "min_score"}
MATCHER_INPUTS = {"kpts0", "kpts1", "desc0", "desc1", "image_size0", "image_size1"}


class OnnxFeatures(LearnedFeatures):
    """Learned features and matches.

    Args:
        extractor: ONNX file, see the module.
        matcher: ONNX file, see the module.

    Raises:
        InputError: A file is no such model.
    """

    def __init__(self, extractor: Path, matcher: Path):
        self._paths = extractor, matcher
        self._extractor = _session(extractor, EXTRACTOR_INPUTS)
        self._matcher = _session(matcher, MATCHER_INPUTS)

    def extract(self, rgb: NDArray[np.uint8]) -> LocalFeatures:
        """See `LearnedFeatures.extract`."""
        height, width = rgb.shape[:2]
        padding = [(0, -height % SIDE_MULTIPLE), (0, -width % SIDE_MULTIPLE), (0, 0)]
        padded = np.pad(rgb, padding, mode="edge").astype(np.float32) / 255.0
        inputs = {
            "image": padded.transpose(2, 0, 1)[None],
            "max_keypoints": np.array(MAX_FEATURES, np.int64),
            "min_score": np.array(MIN_KEYPOINT_SCORE, np.float32),
        }
        last = np.array([padded.shape[1] - 1, padded.shape[0] - 1], np.float32)
        with _running(self._paths[0]):
            keypoints, descriptors = self._extractor.run(["keypoints", "descriptors"], inputs)
            xy = (np.asarray(keypoints, np.float32)[0] + 1) / 2 * last + np.float32(0.5)
            inside = np.all((xy >= 0) & (xy < [width, height]), axis=1)
            kept = np.asarray(descriptors, np.float32)[0][inside]
            return LocalFeatures(xy[inside], np.ascontiguousarray(kept))

    def match_pair(
        self, found: Sequence[LocalFeatures], sizes_wh: Sequence[tuple[int, int]]
    ) -> NDArray[np.uint32]:
        """See `LearnedFeatures.match_pair`."""
        inputs: dict[str, NDArray] = {}
        for side, (features, size_wh) in enumerate(zip(found, sizes_wh, strict=True)):
            inputs[f"kpts{side}"] = features.xy[None] - np.float32(0.5)
            inputs[f"desc{side}"] = features.descriptors[None]
            inputs[f"image_size{side}"] = np.array([size_wh], np.float32)
        with _running(self._paths[1]):
            partner, score = map(np.asarray, self._matcher.run(["matches0", "mscores0"], inputs))
            own = np.flatnonzero((partner >= 0) & (score >= MIN_MATCH_SCORE))
            return np.column_stack([own, partner[own]]).astype(np.uint32)


@contextmanager
def _running(model: Path) -> Iterator[None]:
    """Name the model that answers with something else than it should.

    Raises:
        InputError: It does, or cannot be run.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{model}: cannot be run ({reason}); use the models of COLMAP's releases"
        ) from error


def _session(path: Path, needed: set[str]) -> onnxruntime.InferenceSession:
    try:
        open_regular(path).close()
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found = {node.name for node in session.get_inputs()}
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as an ONNX model ({reason})") from error
    if found != needed:
        raise InputError(
            f"{path}: found a model that takes {', '.join(sorted(found))}, need one that takes"
            f" {', '.join(sorted(needed))}; use the models of COLMAP's releases"
        )
    return session
