"""VGGT-1B: its own trunk and heads in the shared network; knows neither files nor photos.

Parameter names are those of the published checkpoint; of its heads only camera and depth are here.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from .heads.camera import CameraHead
from .heads.dense import DepthHead
from .layers.block import Block
from .layers.rotary import RotaryTable, grid_rotary
from .layers.vision_transformer import VisionTransformer
from .network import SceneAggregator, SceneConfig, SceneNetwork

REGISTERS = 4
SPECIAL_TOKENS = 1 + REGISTERS


@dataclass(frozen=True)
class VGGTConfig(SceneConfig):
    """The shape of a VGGT; the defaults are the published model of 1.2 billion parameters."""

    img_size: int = 518
    patch_size: int = 14


class Aggregator(SceneAggregator):
    """All tokens of all frames see each other, with the positions they have in their frames."""

    def __init__(self, config: VGGTConfig):
        dim, heads = config.embed_dim, config.num_heads
        encoder = VisionTransformer(
            config.img_size, config.patch_size, dim, config.dino_depth, config.dino_heads
        )
        super().__init__(config, encoder, REGISTERS)
        self.global_blocks = nn.ModuleList(
            Block(dim, heads, qk_norm=True) for _ in range(config.depth)
        )

    def _rotary(self, grid_hw: tuple[int, int]) -> RotaryTable:
        head_dim = self.config.embed_dim // self.config.num_heads
        return grid_rotary(*grid_hw, SPECIAL_TOKENS, head_dim, self.camera_token.device)

    def _mix_frames(self, layer: int, scenes: Tensor, rotary: RotaryTable) -> None:
        self.global_blocks[layer](scenes.flatten(1, 2), rotary)


class VGGT(SceneNetwork):
    """The network of `facebook/VGGT-1B`."""

    def __init__(self, config: VGGTConfig):
        width = 2 * config.embed_dim
        camera_head = CameraHead(width, config.camera_trunk_depth, config.camera_heads)
        super().__init__(config, Aggregator(config), camera_head)
        self.depth_head = DepthHead(width, config.dpt_features, config.dpt_out_channels)

    @property
    def dense(self) -> DepthHead:
        """The depth head."""
        return self.depth_head
