"""Sky, into which no plane is carried: told from walls by colour, place and what was measured.

Nothing else can: where a surface has no texture, any depth behind its outlines fits all photos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .plane_priors import MAX_CONTRAST, Map
from .superpixels import Segments

# How rough a piece of sky may be, in units of 8-bit CIE Lab: clouds are smooth within 12 pixels.
# Raised, sky runs on over trees and buildings.
MAX_ROUGHNESS = 6.0

# Mean lightness from which a region is sky, in 8-bit CIE Lab (0 to 255). Ten photos of Sacre Coeur
# have sky of 106 to 240, unlit corners of rooms 4 to 16.
LEAST_LIGHTNESS = 80.0

# Mean b, in 8-bit CIE Lab, up to which a region is sky: just bluer than grey, which is 128. Skies
# of nine photos of Sacre Coeur have 97 to 126, the walls of hololens 131 to 133. Raised, grey walls
# behind all else are taken for sky.
MOST_YELLOW = 127.0

# Share of a region's inside that is measured, from which it is no sky: at most 1 % of clouds that
# drift from photo to photo, 9 % and more of the bright walls of photos7.
MOST_MEASURED = 0.03


def find_sky(segments: Segments, certain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) smooth, light regions at the upper edge, no yellower than grey, measured nowhere.

    Walls may look so: see `without_sky`.

    Args:
        segments: The photo in pieces.
        certain: (h, w) what was measured and matches nowhere else.
    """
    region = _regions(segments)
    inside = _inside(segments, region)

    def mean(values: NDArray, areas: NDArray) -> NDArray[np.float64]:
        return np.bincount(region, values * areas) / np.maximum(np.bincount(region, areas), 1)

    lightness, _, yellow = (mean(channel, segments.areas) for channel in segments.lab.T)
    inner_areas = segments.areas * inside
    is_blank = mean(segments.mean(certain), inner_areas) < MOST_MEASURED
    is_sky = is_blank & (np.bincount(region, inner_areas) > 0)
    is_sky &= (lightness > LEAST_LIGHTNESS) & (yellow < MOST_YELLOW)
    at_top = np.zeros(len(is_sky), bool)
    at_top[region[segments.pieces[0]]] = True
    return (is_sky & at_top)[region][segments.pieces]


def _regions(segments: Segments) -> NDArray[np.intp]:
    """(n,) the lowest piece of each smooth region, by piece; rough pieces are regions alone."""
    touching, is_smooth = segments.touching, segments.roughness < MAX_ROUGHNESS
    joined = (touching.contrast < MAX_CONTRAST) & is_smooth[touching.one]
    joined &= is_smooth[touching.other]
    one, other = touching.one[joined], touching.other[joined]
    region = np.arange(len(is_smooth))
    while np.any(region[one] != region[other]):
        lowest = np.minimum(region[one], region[other])
        np.minimum.at(region, one, lowest)
        np.minimum.at(region, other, lowest)
        region = region[region]
    return region


def _inside(segments: Segments, region: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(n,) pieces away from their region's outline, whose texture lends its depth to both sides."""
    touching = segments.touching
    parts = region[touching.one] != region[touching.other]
    inside = np.ones(len(region), bool)
    inside[touching.one[parts]] = inside[touching.other[parts]] = False
    return inside


def without_sky(inferred: Map, is_sky: NDArray[np.bool_], measured: Map) -> Map:
    """Inferred inverse depth (h, w) but for what is sky, and behind most of what was measured.

    A ceiling, or a blank wall that all else is beside, not before, may look like sky.
    """
    known = measured[measured > 0]
    middle = np.median(known) if len(known) else np.inf
    return np.where(is_sky & (inferred < middle), np.float32(0), inferred)
