"""Cache an export as diffusion-pipe does, with no change for a VAE; the argument is the export.

What it imports for training and for video alone, DeepSpeed and ComfyUI, is left empty.
"""

import logging
import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest.mock import MagicMock

import tomllib
import torch
from facts import bytes_of, facts, say

deepspeed = MagicMock()
deepspeed.__spec__ = ModuleSpec("deepspeed", None)  # transformers looks whether it is installed
deepspeed.utils.logging.logger = logging.getLogger("deepspeed")
for comm in (deepspeed.comm, deepspeed.comm.comm):
    comm.get_rank.return_value, comm.get_world_group.return_value = 0, None
comfy, comfy_api = MagicMock(), MagicMock()
sys.modules |= {
    "deepspeed": deepspeed,
    "deepspeed.comm": deepspeed.comm,
    "deepspeed.comm.comm": deepspeed.comm.comm,
    "deepspeed.utils": deepspeed.utils,
    "deepspeed.utils.logging": deepspeed.utils.logging,
    "comfy": comfy,
    "comfy.utils": comfy.utils,
    "comfy.sd": comfy.sd,
    "comfy.sd1_clip": comfy.sd1_clip,
    "comfy.model_management": comfy.model_management,
    "comfy_api": comfy_api,
    "comfy_api.latest": comfy_api.latest,
}

from models.base import CommonPipeline, PreprocessMediaFile  # noqa: E402
from utils.dataset import Dataset, DatasetManager  # noqa: E402


class Unchanged:
    """A model whose latents are the pictures, and which reads no words."""

    name = "flux"
    framerate = None
    pixels_round_to_multiple = CommonPipeline.pixels_round_to_multiple

    def get_vae(self):
        """Nothing to load."""
        return MagicMock()

    def get_text_encoders(self):
        """None."""
        return []

    def get_call_vae_fn(self, vae):
        """What stands for the VAE."""
        return lambda tensor, control: {"latents": tensor, "control_latents": control}

    def get_preprocess_media_file_fn(self):
        """Its own reading and resizing of pictures."""
        return PreprocessMediaFile({}, support_video=False)

    def model_specific_dataset_config_validation(self, config):
        """Nothing to ask of it."""


place = Path(sys.argv[1])
config = tomllib.loads((place / "dataset.toml").read_text(encoding="utf-8"))
torch.distributed.init_process_group(
    "gloo", init_method=f"file://{tempfile.mkdtemp()}/store", rank=0, world_size=1
)
dataset = Dataset(config, Unchanged())
manager = DatasetManager(dataset.model)
manager.register(dataset)
manager.cache()
dataset.post_init(0, 1, {None: 1}, 1, {None: 1})
batches = [dataset[index] for index in range(len(dataset))]
say(
    [
        facts(
            batch["caption"][0],
            bytes_of(batch["latents"][0]),
            [bytes_of(batch["control_latents"][0])],
            bytes_of(batch["mask"]).repeat(3, 2),
        )
        for batch in batches
    ]
)
