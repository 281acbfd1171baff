"""Depth Anything 3: its trunk and heads in the shared network; knows neither files nor photos."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..heads.dense import DepthHead, PlainSkipUnit
from ..network import SceneNetwork, SceneOutput
from .camera import CameraDecoder, CameraEncoder
from .trunk import DA3Config, DA3Trunk

SMALL = DA3Config(
    embed_dim=384,
    num_heads=6,
    dpt_features=64,
    dpt_out_channels=(48, 96, 192, 384),
)
BASE = DA3Config()
LARGE = DA3Config(
    embed_dim=1024,
    depth=24,
    num_heads=16,
    dpt_features=256,
    dpt_out_channels=(256, 512, 1024, 1024),
    dpt_layers=(11, 15, 19, 23),
    start=8,
)
GIANT = DA3Config(
    embed_dim=1536,
    depth=40,
    num_heads=24,
    dpt_features=256,
    dpt_out_channels=(256, 512, 1024, 1024),
    dpt_layers=(19, 27, 33, 39),
    start=13,
    gated=True,
)
SIZES: Mapping[str, DA3Config] = {"small": SMALL, "base": BASE, "large": LARGE, "giant": GIANT}
"""The published shapes; the -1.1 versions have the same."""


class DepthAnything3(SceneNetwork):
    """The network of `depth-anything/DA3-SMALL`, -BASE, -LARGE and -GIANT."""

    config: DA3Config
    aggregator: DA3Trunk

    def __init__(self, config: DA3Config):
        width = 2 * config.embed_dim
        super().__init__(config, DA3Trunk(config), CameraDecoder(width))
        self.depth_head = DepthHead(
            width, config.dpt_features, config.dpt_out_channels, PlainSkipUnit
        )
        if config.takes_cameras:
            self.camera_encoder = CameraEncoder(config.embed_dim, config.camera_encoder_heads)

    @property
    def takes_cameras(self) -> bool:
        """See `SceneNetwork`."""
        return self.config.takes_cameras

    @property
    def dense(self) -> DepthHead:
        """The depth head."""
        return self.depth_head

    @torch.inference_mode()
    def forward(self, images: Tensor, cameras: Tensor | None = None) -> SceneOutput:
        """Predict from images (S, 3, H, W) or (B, S, 3, H, W), RGB in 0..1.

        Args:
            images: Sides are multiples of the patch.
            cameras: Given ones, pose encodings (B, S, 9) of camera-from-world in the world of the
                first frame, in the unit that `poses.in_first_frame` gives them; needs
                `takes_cameras`. The cameras that come back are predicted all the same.
        """
        images = images if images.ndim == 5 else images[None]
        tokens = None if cameras is None else self.camera_encoder(cameras)
        return self._output(images, self.aggregator(images, tokens))
