"""Several photos' points in one view: what wins, what blends, and that order does not matter."""

from itertools import permutations

import numpy as np
import pytest

from renderer.making import make_renderer
from tests.builders import a_camera, a_photo
from warpset.building.pairs.fusing import Comparison, Reference, fused
from warpset.core.geometry import DepthMap
from warpset.core.masks import Mask
from warpset.core.points import FramePoints, lift, splat_size
from warpset.core.scoring.exposure import LINEAR

CAMERA = a_camera()


def a_reference(depth=2.0, at=(0.0, 0.0, 0.0), rgb=None, kept: Mask | None = None) -> Reference:
    """A photo of a wall, or of what is kept of it."""
    camera = a_camera(at=at)
    picture = a_photo() if rgb is None else np.full((48, 64, 3), rgb, np.uint8)
    view = DepthMap(np.full((48, 64), depth, np.float32), None, camera)
    cloud = lift(view, picture, np.ones((48, 64), bool) if kept is None else kept)
    return Reference(picture, FramePoints(cloud, splat_size(view.depth, camera), None), camera)


def seen(*references: Reference, comparison: Comparison | None = None):
    renderer = make_renderer(CAMERA.size_wh, 20.0, "cpu")
    return fused(references, CAMERA, renderer, True, comparison)


def left_half() -> Mask:
    kept = np.zeros((48, 64), bool)
    kept[:, :32] = True
    return kept


def test_the_nearest_surface_wins():
    near, far = a_reference(1.5, rgb=200, kept=left_half()), a_reference(3.0, rgb=90)
    view = seen(far, near).view
    assert (view.rgb[:, 2:30] == 200).all() and (view.rgb[:, 36:62] == 90).all()
    assert not view.hole.any()
    np.testing.assert_allclose(view.depth[:, 2:30], 1.5, rtol=1e-5)


def test_colours_blend_within_a_surface():
    view = seen(a_reference(2.0, rgb=100), a_reference(2.01, rgb=140)).view
    assert np.abs(view.rgb[2:-2, 2:-2].astype(int) - 120).max() <= 2


def three_ragged_references() -> list[Reference]:
    """Three views of a rough scene, each with a third of its points missing at random."""
    rng = np.random.default_rng(4)
    return [
        a_reference(depth, (0.1 * n, 0.05 * n, 0.0), rgb, rng.random((48, 64)) < 0.66)
        for n, (depth, rgb) in enumerate([(2.0, None), (2.6, 70), (1.7, 180)])
    ]


def test_every_order_gives_the_same_bytes():
    references = three_ragged_references()
    views = [seen(*order).view for order in permutations(references)]
    for view in views[1:]:
        assert all(np.array_equal(*each) for each in zip(view, views[0], strict=True))


def test_what_several_cover_is_what_each_covers_alone():
    references = three_ragged_references()
    alone = [~seen(one).view.hole for one in references]
    assert all(0.5 < one.mean() < 1 for one in alone)
    for count in (2, 3):
        view = seen(*references[:count]).view
        assert np.array_equal(~view.hole, np.logical_or.reduce(alone[:count]))
        assert not view.depth[view.hole].any() and (view.depth[~view.hole] > 0).all()


class Odd:
    """A renderer that loses the left half, or finds it, where it draws more than a photo has."""

    def __init__(self, loses: bool):
        self.s0, self._renderer = 0.0, make_renderer(CAMERA.size_wh, 20.0, "cpu")
        self._loses = loses

    def render_view(self, points, *arguments):
        view = self._renderer.render_view(points, *arguments)
        if len(points) > 48 * 64 or not self._loses:
            view.hole[left_half()] = self._loses == (len(points) > 48 * 64)
            view.rgb[left_half() & view.hole] = 0
        return view


def test_what_is_lost_together_is_taken_from_the_nearest_alone():
    near, far = a_reference(1.5, rgb=200), a_reference(3.0, rgb=90)
    view = fused([far, near], CAMERA, Odd(loses=True)).view
    assert not view.hole.any() and (view.rgb[:, :30] == 200).all()
    np.testing.assert_allclose(view.depth, 1.5, rtol=1e-5)


def test_what_is_found_together_alone_counts_as_a_hole():
    found = fused([a_reference(), a_reference(3.0)], CAMERA, Odd(loses=False))
    assert np.array_equal(found.view.hole, left_half())
    assert np.array_equal(found.first.hole, left_half())
    assert not found.view.depth[left_half()].any() and not found.view.confidence[left_half()].any()


def darkened(rgb: np.ndarray, factor: float) -> np.ndarray:
    """A picture with its linear light multiplied."""
    return np.searchsorted(LINEAR, LINEAR[rgb] * factor).clip(0, 255).astype(np.uint8)


def test_others_are_made_as_bright_as_the_first():
    target = a_photo() // 3 + 80
    first = a_reference()
    first = Reference(target, first.points._replace(cloud=_in(first, target)), first.camera)
    dark = darkened(target, 0.5)
    other = Reference(dark, first.points._replace(cloud=_in(first, dark)), first.camera)
    plain = seen(first, other).view.rgb.astype(int)
    found = seen(first, other, comparison=Comparison(target, None))
    assert np.abs(plain - target).mean() > 8
    assert np.abs(found.view.rgb.astype(int) - target).mean() < 1.5
    assert np.array_equal(found.references[0].picture, target)
    assert np.abs(found.references[1].picture.astype(int) - target).mean() < 1.5


def _in(reference: Reference, rgb: np.ndarray):
    return reference.points.cloud._replace(rgb=rgb.reshape(-1, 3))


def test_light_that_cannot_be_told_is_left_as_it_is():
    first, other = a_reference(rgb=100), a_reference(rgb=50)
    nowhere = Comparison(first.picture, np.zeros((48, 64), bool))
    assert [one.picture[0, 0, 0] for one in seen(first, other, comparison=nowhere).references] == [
        pytest.approx(100),
        pytest.approx(50),
    ]
