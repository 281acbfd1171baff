"""What every network keeps: shapes, scenes of a batch apart, the order of frames, precision."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

from tests.vggt.da3.da3_builders import a_tiny_da3
from tests.vggt.network_builders import OUTPUTS, a_lively_vggt, relative_error, some_images
from tests.vggt.omega.omega_builders import a_tiny_omega
from vggt.network import SceneNetwork
from vggt.weights import storage_dtypes


class Kind(NamedTuple):
    """A network to be tested.

    Attributes:
        make: Makes it, with the same random weights each time.
        patch: Side of its patches in pixels.
        order: An order of four frames that changes nothing but the order of what comes out. The
            first frame is the world of VGGT-1B and VGGT-Omega; Depth Anything 3 chooses its own.
        tolerance: Of a prediction, relative to its largest value.
        bfloat16_tolerance: The same for the aggregator in bfloat16.
    """

    make: Callable[[], SceneNetwork]
    patch: int
    order: tuple[int, ...]
    tolerance: float
    bfloat16_tolerance: float

    def images(self, frames: int, seed: int = 0) -> torch.Tensor:
        """Images of four by three patches."""
        return some_images(frames, (4 * self.patch, 3 * self.patch), seed)


KINDS = {
    "vggt": Kind(a_lively_vggt, 14, (0, 3, 1, 2), 1e-5, 0.05),
    "omega": Kind(a_tiny_omega, 16, (0, 3, 1, 2), 1e-5, 0.05),
    "da3": Kind(a_tiny_da3, 14, (2, 3, 1, 0), 2e-5, 0.1),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture(scope="module")
def network(kind):
    return kind.make()


def test_outputs_are_float32_in_the_stated_shapes(kind, network):
    images = kind.images(3)
    found, (height, width) = network(images), images.shape[-2:]
    assert {name: tuple(found[name].shape) for name in OUTPUTS} == {
        "pose_enc": (1, 3, 9),
        "depth": (1, 3, height, width, 1),
        "depth_conf": (1, 3, height, width),
    }
    assert all(found[name].dtype == torch.float32 for name in OUTPUTS)
    assert (found["depth"] > 0).all()
    assert (found["depth_conf"] > 1).all()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_scenes_of_a_batch_know_nothing_of_each_other(kind, network, frames):
    scenes = [kind.images(frames, seed=1), kind.images(frames, seed=2)]
    together = network(torch.stack(scenes))
    for index, scene in enumerate(scenes):
        alone = network(scene)
        for name in OUTPUTS:
            error = relative_error(together[name][index], alone[name][0])
            assert error < kind.tolerance, name


def test_frames_may_come_in_another_order(kind, network):
    images, order = kind.images(4), list(kind.order)
    straight, shuffled = network(images), network(images[order])
    for name in OUTPUTS:
        assert relative_error(shuffled[name], straight[name][:, order]) < kind.tolerance, name


def test_a_prediction_leaves_images_and_network_as_they_were(kind, network):
    images = kind.images(2)
    before = images.clone()
    first = network(images)
    network(some_images(3, (2 * kind.patch, 4 * kind.patch)))
    again = network(images)
    assert torch.equal(images, before)
    for name in OUTPUTS:
        assert torch.equal(first[name], again[name]), name


def test_an_aggregator_in_bfloat16_changes_the_prediction_little_but_does(kind, network):
    half = kind.make()
    dtypes = storage_dtypes(half, torch.bfloat16)
    state = {name: tensor.to(dtypes[name]) for name, tensor in half.state_dict().items()}
    half.load_state_dict(state, assign=True)
    images = kind.images(2)  # from three on Depth Anything 3 may choose another frame for its world
    exact, found = network(images), half(images)
    for name in OUTPUTS:
        assert found[name].dtype == torch.float32
        assert 0 < relative_error(found[name], exact[name]) < kind.bfloat16_tolerance, name


@pytest.mark.parametrize("off_wh", [(0, -1), (-1, 0)])
def test_sides_that_are_no_multiples_of_the_patch_are_refused(kind, network, off_wh):
    width, height = (4 * kind.patch + off_wh[0], 3 * kind.patch + off_wh[1])
    with pytest.raises(ValueError, match=f"{width}x{height}, need multiples of {kind.patch}"):
        network(some_images(1, (width, height)))
