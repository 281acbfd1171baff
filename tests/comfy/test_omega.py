"""VGGT-Omega in the ComfyUI nodes: by its file's name, never by `auto`."""

from dataclasses import asdict

import pytest
import torch

from tests.comfy.comfy_builders import an_image, infer
from tests.vggt.omega.omega_builders import TINY_OMEGA, published_state

pytest_plugins = ["tests.comfy.comfy_fixtures"]


@pytest.fixture
def omega_file(server):
    """Lies beside the tiny VGGT-1B, and before it in the list."""
    name = "a_omega.pt"
    checkpoint = {"config": asdict(TINY_OMEGA), "state_dict": published_state()}
    torch.save(checkpoint, server.root / "models" / "vggt" / name)
    return name


@pytest.mark.parametrize("mode", ["crop", "pad_white", "tile"])
def test_a_file_of_omega_is_taken_by_its_name(pack, server, omega_file, mode):
    images = {"image_1": an_image(), "image_2": an_image(seed=1)}
    out = infer(pack, **images, weights=omega_file, preprocess_mode=mode, upsample_depth=False)
    height = 64 if mode == "pad_white" else 48
    assert out["depth"].shape == (2, height, 64, 3)
    assert server.steps == [1, 2, 3, 4]


def test_auto_does_not_take_omega_but_says_its_licence(pack, omega_file):
    expected = "^weights: auto found VGGT-Omega .FAIR Noncommercial.*choose the file by its name$"
    with pytest.raises(Exception, match=expected):
        infer(pack, image_1=an_image())
