"""Introduces the network (`vggt`) to the corridor (`warpset`): photos to cached scene geometry."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from vggt.predict import Prediction, VGGTPredictor, largest_window, predict_scene
from vggt.preprocess import Mode
from vggt.registry import VGGT_1B, Network, network_named
from vggt.weights import ModelError, ModelFiles, aggregator_dtype, load, locate
from warpset.building.scenes import SceneInput
from warpset.core.cameras import Camera, share_of_raster
from warpset.core.errors import InputError, Remedy
from warpset.core.geometry import DepthMap, PosedPhoto, SceneGeometry
from warpset.files.cache import ArrayCache, content_key
from warpset.files.geometry_cache import GeometryCache
from warpset.files.photos import read_photo, sha256_of, upright_size

from .device import chosen_device
from .options import ComputeOptions

log = logging.getLogger(__name__)

VGGT = "vggt"

NEARLY_ALL = 0.98
"""Share of a photo; a network's patches leave out a few pixels of most."""


class _Model(NamedTuple):
    """What is known of a model without its weights."""

    revision: str
    network: Network


class VGGTEstimator:
    """The network as an estimator of whole scenes; weights are read when a scene needs them.

    Args:
        arrays: Where geometry is kept.
        options: Where and how the network is run.
    """

    may_leave_out = False
    takes_recorded_cameras = False

    def __init__(self, arrays: ArrayCache, options: ComputeOptions):
        self._arrays, self._options = arrays, options
        self._device = torch.device(chosen_device(options.device))

    @property
    def revision(self) -> str:
        """Model, its revision, and how it is run.

        Raises:
            InputError: The model cannot be had, or does not fit photos in the way asked for.
        """
        options = self._options
        dtype = aggregator_dtype(options.precision, self._device)
        window = "auto" if options.window is None else options.window
        precision = str(dtype).removeprefix("torch.")
        model = f"{options.model}@{self._model.revision}"
        return f"{model} {self._mode} {precision} window {window}"

    @cached_property
    def _model(self) -> _Model:
        """What the model is; where it cannot be had now, what it was last.

        Geometry that is in the cache already then needs no model.
        """
        key = content_key(model=self._options.model)
        try:
            model = _Model(self._files.revision, self._files.network)
        except InputError:
            if (remembered := self._arrays.load(key)) is None:
                raise
            name = str(remembered.get("network", VGGT_1B.name))
            return _Model(str(remembered["revision"]), network_named(name))
        named = {"revision": model.revision, "network": model.network.name}
        self._arrays.store(key, {entry: np.array(value) for entry, value in named.items()})
        return model

    @property
    def _mode(self) -> Mode:
        try:
            return self._model.network.mode(self._options.mode)
        except ModelError as error:
            raise InputError(str(error)) from error

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos, in one world of arbitrary scale.

        Raises:
            InputError: The model cannot be had, or a photo cannot be read.
        """
        key = content_key(
            source=VGGT,
            revision=self.revision,
            photos=[sha256_of(photo) for photo in scene.photos],
        )
        cache = GeometryCache(self._arrays, key)
        if (cached := cache.load(scene.photos)) is None:
            try:
                self._fill(cache, scene.photos, scene.path.name)
            except MemoryError as error:
                raise InputError(f"{scene.path}: {error}", Remedy.DEVICE) from error
            except ModelError as error:
                raise InputError(f"{scene.path}: {error}", Remedy.MODEL) from error
            cached = cache.load(scene.photos)
        assert cached is not None, "was filled just now"
        licence = self._model.network.licence_of(self._options.model)
        return SceneGeometry(cached.frames, VGGT, self.revision, cached.plan, licence=licence)

    @cached_property
    def _files(self) -> ModelFiles:
        try:
            return locate(self._options.model)
        except ModelError as error:
            raise InputError(str(error), Remedy.MODEL) from error

    @cached_property
    def _predictor(self) -> VGGTPredictor:
        log.info(f"{self._options.model}: reading weights")
        try:
            model = load(self._files, self._device, self._options.precision)
        except ModelError as error:
            raise InputError(str(error), Remedy.MODEL) from error
        log.info(f"{self._options.model}: {self._files.network.name}; {self._files.licence}")
        return VGGTPredictor(model, self._mode)

    def _fill(self, cache: GeometryCache, photos: Sequence[Path], name: str) -> None:
        predictor, window = self._predictor, self._options.window
        window = largest_window(predictor.model) if window is None else window
        windows: list[range] = []
        frames = predict_scene(
            predictor, lambda i: read_photo(photos[i]), len(photos), window, windows.append
        )
        disable, shares = self._options.quiet, []
        bar = tqdm(frames, desc=f"{name} depth", unit="frame", total=len(photos), disable=disable)
        for index, frame in enumerate(bar):
            bar.set_postfix(window=f"{windows[-1].start + 1}-{windows[-1].stop}")
            photo, depth_map = _on_photo(photos[index], frame)
            cache.put(index, photo, depth_map)
            shares.append(share_of_raster(photo.camera, depth_map.camera))
        self._say_what_is_cut_off(name, shares)
        sizes = dict.fromkeys(len(frames) for frames in windows)
        cache.finish(len(photos), plan=f"windows of {' and '.join(map(str, sizes))} frames")

    def _say_what_is_cut_off(self, name: str, shares: Sequence[float]) -> None:
        """Say that photos have depth on a part only, given the share of each that has."""
        cut = [share for share in shares if share < NEARLY_ALL]
        if cut:
            whole = "; the mode pad takes them whole" if self._mode == "crop" else ""
            log.info(
                f"{name}: the preprocess mode {self._mode} cuts the ends off {len(cut)} photos, "
                f"{min(cut):.0%} of the most elongated one gets depth{whole}"
            )


def _on_photo(path: Path, frame: Prediction) -> tuple[PosedPhoto, DepthMap]:
    height, width = frame.depth.shape
    depth_camera = Camera(frame.K, frame.cam_from_world, (width, height))
    photo_camera = Camera(frame.photo_K, frame.cam_from_world, upright_size(path))
    depth_map = DepthMap(frame.depth, frame.confidence, depth_camera)
    return PosedPhoto(path, photo_camera), depth_map
