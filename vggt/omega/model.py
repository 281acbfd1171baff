"""VGGT-Omega: its own trunk and heads in the shared network; knows neither files nor photos.

Parameter names are those of the published checkpoint, but for its `bias_mask` buffers, which are
multiplied into the biases when it is read.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from ..layers.block import Block
from ..layers.rotary import RotaryTable
from ..network import SceneAggregator, SceneConfig, SceneNetwork
from .camera import SinglePassCameraHead
from .dense import ShufflingDenseHead
from .rotary import CentredRotary
from .vision_transformer import DinoV3


@dataclass(frozen=True)
class OmegaConfig(SceneConfig):
    """The shape of a VGGT-Omega; the defaults are the published model of 512 pixels.

    Attributes:
        register_tokens: Special tokens of a frame besides the camera's.
        register_blocks: Layers in which frames see only each other's special tokens.
    """

    img_size: int = 512
    patch_size: int = 16
    register_tokens: int = 16
    register_blocks: tuple[int, ...] = (2, 6, 9, 14, 20)


class OmegaAggregator(SceneAggregator):
    """Frames see each other without positions, in some layers through special tokens alone."""

    def __init__(self, config: OmegaConfig):
        dim, heads = config.embed_dim, config.num_heads
        encoder = DinoV3(config.patch_size, dim, config.dino_depth, config.dino_heads)
        super().__init__(config, encoder, config.register_tokens)
        self.rope_embed = CentredRotary(dim // heads)
        self.inter_frame_blocks = nn.ModuleList(
            Block(dim, heads, qk_norm=True) for _ in range(config.depth)
        )
        self.register_blocks = frozenset(config.register_blocks)

    def _rotary(self, grid_hw: tuple[int, int]) -> RotaryTable:
        return self.rope_embed(grid_hw, self.special_tokens)

    def _mix_frames(self, layer: int, scenes: Tensor, rotary: RotaryTable) -> None:
        block = self.inter_frame_blocks[layer]
        if layer not in self.register_blocks:
            block(scenes.flatten(1, 2))
            return
        special = scenes[:, :, : self.special_tokens]
        mixed = block(special.clone().flatten(1, 2))
        special.copy_(mixed.unflatten(1, special.shape[1:3]))


class VGGTOmega(SceneNetwork):
    """The network of `facebook/VGGT-Omega`."""

    def __init__(self, config: OmegaConfig):
        width = 2 * config.embed_dim
        camera_head = SinglePassCameraHead(width, config.camera_trunk_depth, config.camera_heads)
        super().__init__(config, OmegaAggregator(config), camera_head)
        self.dense_head = ShufflingDenseHead(
            width, config.dpt_features, config.dpt_out_channels, config.patch_size
        )
        self.camera_tokens = slice(0, self.aggregator.special_tokens)

    @property
    def dense(self) -> ShufflingDenseHead:
        """The dense head."""
        return self.dense_head
