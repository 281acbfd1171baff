"""Photos in, depth and cameras out, window by window; knows no files and no pairs.

Neighbouring windows share one frame. Each window has a world and a scale of its own; through the
shared frame, whose camera and depth both windows know, all are brought into the first one's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from .checkpoint import ModelError
from .network import SceneNetwork
from .poses import decode_poses, encode_poses, in_first_frame
from .preprocess import Mode, ModelImage, Rgb, preprocess

log = logging.getLogger(__name__)

Depth = NDArray[np.float32]

SMALLEST_WINDOW = 2
MEMORY_SHARE = 0.7
"""Of the free memory, what a window may take."""

CPU_ALLOCATOR_WORDS = ("can't allocate memory", "not enough memory")
"""How torch's CPU allocator says that memory is short; its error has no class of its own."""

BYTES_PER_TOKEN_CHANNEL = 100
"""Peak memory of a forward pass per token and embedding channel, measured, rounded up."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """One frame.

    Attributes:
        depth: (h, w) float32 z-depth in the scale of the scene, 0 = unknown.
        confidence: (h, w) float32, 1 and more.
        K: (3, 3) of the depth's raster, pixel centres at +0.5.
        photo_K: (3, 3) of the photo's raster.
        cam_from_world: (4, 4), OpenCV axes.
    """

    depth: Depth
    confidence: Depth
    K: NDArray[np.float64]
    photo_K: NDArray[np.float64]
    cam_from_world: NDArray[np.float64]


class GivenCamera(NamedTuple):
    """A camera that is known before a network looks.

    Attributes:
        K: (3, 3) of the photo's raster, pixel centres at +0.5.
        cam_from_world: (4, 4), OpenCV axes, in any unit.
    """

    K: NDArray[np.floating]
    cam_from_world: NDArray[np.floating]


class PhotoWithCamera(NamedTuple):
    """A photo (h, w, 3) uint8 whose camera is given."""

    rgb: Rgb
    camera: GivenCamera


Seen = TypeVar("Seen", contravariant=True)
"""What a predictor is shown of a frame: a photo, or one with its camera."""


class Predictor(Protocol[Seen]):
    """What is seen in one window to its predictions, in a world of the window's own."""

    def __call__(self, photos: Sequence[Seen], /) -> list[Prediction]:
        """Predict all frames together."""
        ...


class VGGTPredictor:
    """The network as a predictor.

    Args:
        model: The network.
        mode: How photos are fitted, see `preprocess`.
    """

    def __init__(self, model: SceneNetwork, mode: Mode):
        self.model: SceneNetwork = model
        self._mode: Mode = mode

    def __call__(self, photos: Sequence[Rgb], /) -> list[Prediction]:
        """Predict photos (h, w, 3) uint8 together."""
        return self._predict(photos, None)

    def with_cameras(self, photos: Sequence[PhotoWithCamera], /) -> list[Prediction]:
        """Predict photos together; their cameras help a network that takes some.

        It predicts cameras of its own all the same.
        """
        cameras = [photo.camera for photo in photos] if self.model.takes_cameras else None
        return self._predict([photo.rgb for photo in photos], cameras)

    def _predict(
        self, photos: Sequence[Rgb], cameras: Sequence[GivenCamera] | None
    ) -> list[Prediction]:
        config = self.model.config
        images = preprocess(photos, self._mode, config.img_size, config.patch_size)
        predictions = predict_images(self.model, images, cameras)
        return [_without_padding(*pair) for pair in zip(images, predictions, strict=True)]


def predict_images(
    model: SceneNetwork,
    images: Sequence[ModelImage],
    cameras: Sequence[GivenCamera] | None = None,
) -> list[Prediction]:
    """One forward pass over images of one size (h, w); depth is unknown in their padding.

    Args:
        model: The network.
        images: What it looks at.
        cameras: Those of the photos, for a network that takes them.

    Raises:
        ModelError: What the network says makes no cameras or no depth.
    """
    stacked = torch.from_numpy(np.stack([image.rgb for image in images]))
    device = next(model.parameters()).device
    given = () if cameras is None else (_encoded(images, cameras).to(device),)
    output = model(stacked.to(device).permute(0, 3, 1, 2).float() / 255.0, *given)
    K, cam_from_world = decode_poses(output["pose_enc"][0].cpu().numpy(), images[0].rgb.shape[:2])
    depth = output["depth"][0, ..., 0].cpu().numpy()
    has_cameras = np.isfinite(K).all() and np.isfinite(cam_from_world).all()
    if not has_cameras or not np.isfinite(depth).any():
        raise ModelError(
            "the network predicts cameras or depth that are not finite, need numbers; its weights "
            "are damaged, fetch them again"
        )
    confidence = output["depth_conf"][0].cpu().numpy()
    return [
        _prediction(image, *frame)
        for image, *frame in zip(images, depth, confidence, K, cam_from_world, strict=True)
    ]


def _encoded(images: Sequence[ModelImage], cameras: Sequence[GivenCamera]) -> torch.Tensor:
    """Pose encodings (1, S, 9) of the photos' cameras on the images' rasters."""
    pairs = zip(images, cameras, strict=True)
    K = np.stack([np.linalg.inv(image.photo_from_model) @ camera.K for image, camera in pairs])
    poses = in_first_frame(
        np.stack([camera.cam_from_world for camera in cameras]).astype(np.float64)
    )
    return torch.from_numpy(encode_poses(K, poses, images[0].rgb.shape[:2])).float()[None]


def _prediction(
    image: ModelImage, depth: Depth, confidence: Depth, K: NDArray, cam_from_world: NDArray
) -> Prediction:
    left, top, right, bottom = image.valid_box
    known = np.zeros(depth.shape, bool)
    known[top:bottom, left:right] = np.isfinite(depth[top:bottom, left:right])
    return Prediction(
        depth=np.where(known, depth, np.float32(0)),
        confidence=np.where(known, confidence, np.float32(1)),
        K=K,
        photo_K=image.photo_from_model @ K,
        cam_from_world=cam_from_world,
    )


def _without_padding(image: ModelImage, prediction: Prediction) -> Prediction:
    left, top, right, bottom = image.valid_box
    inside = np.s_[top:bottom, left:right]
    to_inside = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    return replace(
        prediction,
        depth=prediction.depth[inside],
        confidence=prediction.confidence[inside],
        K=to_inside @ prediction.K,
    )


def largest_window(model: SceneNetwork) -> int:
    """How many frames fit the free memory of the model's device in one window."""
    config, device = model.config, next(model.parameters()).device
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free = psutil.virtual_memory().available
    tokens = (config.img_size // config.patch_size) ** 2
    per_frame = tokens * config.embed_dim * BYTES_PER_TOKEN_CHANNEL
    return max(SMALLEST_WINDOW, int(MEMORY_SHARE * free / per_frame))


def predict_scene(
    predictor: Predictor[Seen],
    read: Callable[[int], Seen],
    count: int,
    window: int,
    on_window: Callable[[range], None],
) -> Iterator[Prediction]:
    """Predict a scene of any length in bounded memory; frames come out in order.

    Both photos of neighbouring frames always lie in one window. Windows change the result, as
    a frame sees less of the scene. A window that does not fit the memory is halved.

    Args:
        predictor: Predicts what is seen in one window.
        read: Gives what is seen of a frame by index, such as its photo (h, w, 3) uint8.
        count: Number of frames.
        window: Frames a window; 0 or at least `count` for the whole scene at once.
        on_window: Told the frames of each window that has been predicted.

    Raises:
        MemoryError: Two frames do not fit.
    """
    window = max(SMALLEST_WINDOW, window or count)
    start, shared = 0, None
    while start < max(1, count - 1):
        stop = min(start + window, count)
        try:
            frames = predictor([read(index) for index in range(start, stop)])
        except (RuntimeError, MemoryError) as error:
            window = _smaller_window(stop - start, error)
            continue
        on_window(range(start, stop))
        if shared is not None:
            frames = joined(frames, shared)
        yield from frames if stop == count else frames[:-1]
        start, shared = stop - 1, frames[-1]
        if stop == count:
            return


def _smaller_window(window: int, error: Exception) -> int:
    is_out_of_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in CPU_ALLOCATOR_WORDS
    )
    if not is_out_of_memory:
        raise error
    if window <= SMALLEST_WINDOW:
        raise MemoryError("two photos do not fit the memory") from error
    log.warning(f"a window of {window} frames does not fit the memory; going on with {window // 2}")
    return max(SMALLEST_WINDOW, window // 2)


def joined(window: Sequence[Prediction], shared: Prediction) -> list[Prediction]:
    """Bring a window into the world of another that ends with its first frame.

    The scale is the median ratio of the shared frame's two depth maps over the more confident
    half of its pixels; rotation and translation are those that make its two cameras one.

    Args:
        window: Predictions in the window's own world and scale.
        shared: Its first frame as predicted in the other world.
    """
    scale = _scale_ratio(shared, window[0])
    world_from_shared = np.linalg.inv(shared.cam_from_world)
    to_scaled_camera = window[0].cam_from_world.copy()
    to_scaled_camera[:3, 3] *= scale
    world_from_window = world_from_shared @ to_scaled_camera
    window_from_world = np.linalg.inv(world_from_window)
    return [_moved(frame, window_from_world, scale) for frame in window]


def _moved(frame: Prediction, window_from_world: NDArray, scale: float) -> Prediction:
    cam_from_window = frame.cam_from_world.copy()
    cam_from_window[:3, 3] *= scale
    return replace(
        frame,
        depth=frame.depth * np.float32(scale),
        cam_from_world=cam_from_window @ window_from_world,
    )


def _scale_ratio(one: Prediction, other: Prediction) -> float:
    shape_hw = np.minimum(one.depth.shape, other.depth.shape)
    depths = [_middle(frame.depth, shape_hw) for frame in (one, other)]
    confidence = np.minimum(*(_middle(frame.confidence, shape_hw) for frame in (one, other)))
    known = (depths[0] > 0) & (depths[1] > 0)
    if not known.any():
        return 1.0
    trusted = known & (confidence >= np.median(confidence[known]))
    return float(np.median(depths[0][trusted].astype(np.float64) / depths[1][trusted]))


def _middle(raster: Depth, shape_hw: NDArray[np.int_]) -> Depth:
    """The middle of a raster: what one photo shows in windows that crop it differently."""
    top, left = (np.array(raster.shape) - shape_hw) // 2
    return raster[top : top + shape_hw[0], left : left + shape_hw[1]]
