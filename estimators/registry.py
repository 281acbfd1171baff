"""The estimators there are: a new one is a file beside this one and a line in `ESTIMATORS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from pkgutil import resolve_name

from warpset.building.pipeline import Estimator, Segmenter
from warpset.core.geometry import SceneGeometry
from warpset.core.lens import colmap_library
from warpset.files.cache import ArrayCache

from .options import ComputeOptions

ESTIMATORS: Mapping[str, str] = {
    "vggt": "estimators.network:VGGTEstimator",
    "stereo": "estimators.stereo:StereoEstimator",
}
"""Module and class by the name that a user asks for; the first is taken where nobody asks.

A class is called with an `ArrayCache` to keep geometry in and `ComputeOptions`, and is an
`Estimator`. It is imported when the first scene needs it, for torch takes seconds.
"""


def make_estimators(options: ComputeOptions, cache_dir: Path) -> dict[str, Callable[[], Estimator]]:
    """What makes each estimator when it is first asked for, by name.

    Args:
        options: Where and how they compute.
        cache_dir: Where estimated geometry is kept.
    """
    return {name: cache(partial(_estimator, name, options, cache_dir)) for name in ESTIMATORS}


def _estimator(name: str, options: ComputeOptions, cache_dir: Path) -> Estimator:
    try:
        kind = resolve_name(ESTIMATORS[name])
    except ModuleNotFoundError as error:
        if error.name == "pycolmap":
            colmap_library(name)  # says so in one line
        raise
    return kind(ArrayCache(cache_dir), options)


def make_segmenter(options: ComputeOptions, cache_dir: Path) -> Segmenter:
    """What finds the sky.

    Raises:
        InputError: Its model is not there and cannot be fetched.
    """
    from warpset.building.sky import SkySegmenter, find_sky_model

    return SkySegmenter(find_sky_model(options.sky_model), ArrayCache(cache_dir))


def refined(cache_dir: Path, geometry: SceneGeometry) -> SceneGeometry:
    """The geometry with cameras that fit, see `estimators.refining`, which is imported for it."""
    from .refining import refined

    return refined(geometry, ArrayCache(cache_dir))
