"""Introduces the network (`vggt`) to the corridor (`warpset`): photos to cached scene geometry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import torch
from tqdm import tqdm

from vggt.predict import (
    GivenCamera,
    PhotoWithCamera,
    Prediction,
    Predictor,
    VGGTPredictor,
    largest_window,
    predict_scene,
)
from vggt.preprocess import Mode
from vggt.registry import VGGT_1B, Network, network_named
from vggt.weights import ModelError, ModelFiles, aggregator_dtype, load, locate
from warpset.building.scenes import SceneInput
from warpset.core.cameras import Camera, share_of_raster
from warpset.core.errors import InputError, Remedy
from warpset.core.geometry import DepthMap, PosedPhoto, SceneGeometry
from warpset.core.lens import colmap_library
from warpset.files.cache import ArrayCache, content_key
from warpset.files.geometry_cache import GeometryCache
from warpset.files.photos import read_photo, sha256_of, upright_size
from warpset.files.pinhole_photos import read_pinhole
from warpset.recordings.registry import RECORDED

from .device import chosen_device
from .options import ComputeOptions

if TYPE_CHECKING:  # pycolmap is not on every system
    from .given_cameras import PlacedPhotos

log = logging.getLogger(__name__)

Seen = TypeVar("Seen")

VGGT = "vggt"

NEARLY_ALL = 0.98
"""Share of a photo; a network's patches leave out a few pixels of most."""

FEWEST_PLACED = 0.5
"""Share of the photos that structure from motion has to place to go before a network's cameras."""


class _Model(NamedTuple):
    """What is known of a model without its weights."""

    revision: str
    network: Network
    has_weak_cameras: bool


class VGGTEstimator:
    """The network as an estimator of whole scenes; weights are read when a scene needs them.

    Args:
        arrays: Where geometry is kept.
        options: Where and how the network is run.
    """

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
        cameras = "" if self._cameras == "network" else f" cameras {self._cameras}"
        return f"{model} {self._mode} {precision} window {window}{cameras}"

    @property
    def may_leave_out(self) -> bool:
        """Whether photos may turn out to have no geometry: those that cannot be placed."""
        return self._cameras in ("auto", "sfm")

    @property
    def takes_recorded_cameras(self) -> bool:
        """Whether cameras that the scene records decide the geometry."""
        return self._cameras in ("auto", "recorded")

    @property
    def _cameras(self) -> str:
        """Where cameras come from; `auto` remains for a network whose own are weak."""
        asked = self._options.cameras
        return "network" if asked == "auto" and not self._model.has_weak_cameras else asked

    @cached_property
    def _model(self) -> _Model:
        """What the model is; where it cannot be had now, what it was last.

        Geometry that is in the cache already then needs no model.
        """
        key = content_key(model=self._options.model)
        try:
            files = self._files
            model = _Model(files.revision, files.network, self._weakness(files))
        except InputError:
            if (remembered := self._arrays.load(key)) is None:
                raise
            network = network_named(str(remembered.get("network", VGGT_1B.name)))
            weak = bool(remembered.get("has_weak_cameras", False))
            return _Model(str(remembered["revision"]), network, weak)
        named = {**model._asdict(), "network": model.network.name}
        self._arrays.store(key, {entry: np.array(value) for entry, value in named.items()})
        return model

    @staticmethod
    def _weakness(files: ModelFiles) -> bool:
        try:
            return files.has_weak_cameras
        except ModelError as error:
            raise InputError(str(error), Remedy.MODEL) from error

    @property
    def _mode(self) -> Mode:
        try:
            return self._model.network.mode(self._options.mode)
        except ModelError as error:
            raise InputError(str(error)) from error

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos; the scale is that of recorded cameras, else arbitrary.

        Raises:
            InputError: The model cannot be had, a photo cannot be read, or the cameras asked for
                cannot be had or depth cannot be brought to agree with them.
        """
        cache = GeometryCache(self._arrays, self._key(scene))
        if (cached := cache.load(scene.photos)) is None:
            try:
                self._fill(cache, scene)
            except MemoryError as error:
                raise InputError(f"{scene.path}: {error}", Remedy.DEVICE) from error
            except ModelError as error:
                raise InputError(f"{scene.path}: {error}", Remedy.MODEL) from error
            cached = cache.load(scene.photos)
        assert cached is not None, "was filled just now"
        licence = self._model.network.licence_of(self._options.model)
        geometry = SceneGeometry(
            *(cached.frames, VGGT, self.revision, cached.plan, cached.left_out, licence),
            cameras=cached.cameras,
        )
        if scene.recording is None or not cached.cameras.startswith(RECORDED):
            return geometry
        return replace(geometry, world_offset=scene.recording.world_offset)

    def _key(self, scene: SceneInput) -> str:
        parts = {}
        if self.takes_recorded_cameras and scene.recording is not None:
            parts["cameras"] = [frame.key for frame in scene.recorded_frames()]
        photos = [sha256_of(photo) for photo in scene.photos]
        return content_key(source=VGGT, revision=self.revision, photos=photos, **parts)

    @cached_property
    def _files(self) -> ModelFiles:
        try:
            return locate(self._options.model)
        except ModelError as error:
            raise InputError(str(error), Remedy.MODEL) from error
        except OSError as error:
            line = f"{error.filename}: cannot be looked for ({error.strerror})"
            raise InputError(line, Remedy.MODEL) from error

    @cached_property
    def _predictor(self) -> VGGTPredictor:
        log.info(f"{self._options.model}: reading weights")
        try:
            given = self._cameras != "network"
            model = load(self._files, self._device, self._options.precision, given)
        except ModelError as error:
            raise InputError(str(error), Remedy.MODEL) from error
        log.info(f"{self._options.model}: {self._files.network.name}; {self._files.licence}")
        return VGGTPredictor(model, self._mode)

    def _fill(self, cache: GeometryCache, scene: SceneInput) -> None:
        placed, instead = None, ""
        try:
            placed = self._placed(scene)
        except InputError as error:
            if self._cameras != "auto":
                raise
            instead = "the network's own, as no others could be had"
            log.warning(f"{error}; takes the network's own cameras instead")
        if placed is None:
            self._fill_plain(cache, scene, instead)
        else:
            self._fill_placed(cache, scene, placed)

    def _placed(self, scene: SceneInput) -> PlacedPhotos | None:
        """The photos with the cameras that depth is wanted for; None for the network's own.

        Raises:
            InputError: There are none, or too few to bring depth to agree with them.
        """
        alone = len(scene.photos) < 2  # in the viewer: any camera agrees with its depth
        if self._cameras == "network" or (alone and self._cameras == "auto"):
            return None
        colmap_library(str(scene.path))
        from .given_cameras import needed_poses, placed_photos, recorded_poses, require_points

        if self._cameras == "recorded":
            posed = needed_poses(scene)
        else:
            posed = recorded_poses(scene) if self._cameras == "auto" else None
        placed = placed_photos(scene, posed)
        count, found = len(scene.photos), len(placed.posed)
        if self._cameras == "auto" and found < FEWEST_PLACED * count:
            raise InputError(
                f"{scene.path}: structure from motion places {found} of {count} photos"
            )
        require_points(placed)
        log.info(f"{scene.path.name}: depth for cameras that are {placed.source}")
        return placed

    def _fill_plain(self, cache: GeometryCache, scene: SceneInput, cameras: str) -> None:
        photos, name = scene.photos, scene.path.name
        windows, shares = [], []
        seen = self._predictor, lambda index: read_photo(photos[index])
        frames = self._predicted(*seen, len(photos), name, windows)
        for index, frame in enumerate(frames):
            photo, depth_map = _on_photo(photos[index], frame)
            cache.put(index, photo, depth_map)
            shares.append(share_of_raster(photo.camera, depth_map.camera))
        self._say_what_is_cut_off(name, shares)
        cache.finish(len(photos), _plan(windows), cameras=cameras)

    def _fill_placed(self, cache: GeometryCache, scene: SceneInput, placed: PlacedPhotos) -> None:
        from .given_cameras import DepthFitter

        posed, name = placed.posed, scene.path.name
        windows, shares = [], []

        def keep(position: int, depth_map: DepthMap) -> None:
            cache.put(placed.indices[position], posed[position], depth_map)

        def read(position: int) -> PhotoWithCamera:
            camera = posed[position].camera
            given = GivenCamera(camera.K, camera.cam_from_world)
            return PhotoWithCamera(read_pinhole(posed[position], camera), given)

        fitter, predict = DepthFitter(placed, keep), self._predictor.with_cameras
        frames = self._predicted(predict, read, len(posed), name, windows)
        for position, frame in enumerate(frames):
            depth_map = _for_camera(posed[position].camera, frame)
            fitter.add(position, depth_map)
            shares.append(share_of_raster(posed[position].camera, depth_map.camera))
        self._say_what_is_cut_off(name, shares)
        cache.finish(len(scene.photos), _plan(windows), placed.left_out, fitter.finish())

    def _predicted(
        self,
        predictor: Predictor[Seen],
        read: Callable[[int], Seen],
        count: int,
        name: str,
        windows: list[range],
    ) -> Iterator[Prediction]:
        """Predictions in order behind a progress bar; windows are added as they are predicted."""
        window = self._options.window
        window = largest_window(self._predictor.model) if window is None else window
        frames = predict_scene(predictor, read, count, window, windows.append)
        disable = self._options.quiet
        bar = tqdm(frames, desc=f"{name} depth", unit="frame", total=count, disable=disable)
        for frame in bar:
            bar.set_postfix(window=f"{windows[-1].start + 1}-{windows[-1].stop}")
            yield frame

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


def _for_camera(camera: Camera, frame: Prediction) -> DepthMap:
    """A prediction's depth as a known camera's, which is on the photo's raster."""
    height, width = frame.depth.shape
    depth_from_photo = frame.K @ np.linalg.inv(frame.photo_K)
    depth_camera = camera.on_raster((width, height), depth_from_photo)
    return DepthMap(frame.depth, frame.confidence, depth_camera)


def _plan(windows: Sequence[range]) -> str:
    sizes = dict.fromkeys(len(frames) for frames in windows)
    return f"windows of {' and '.join(map(str, sizes))} frames"
