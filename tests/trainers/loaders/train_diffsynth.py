"""Train a tiny random FLUX.2 klein with DiffSynth-Studio's `train.py` on an export's own command.

The arguments are the export, a scratch folder and how often the pairs are repeated. Only what a
CPU and a tiny model need is changed in the command. Says the loss of each step, and how far what
the VAE was given is from the nearest of the written pictures, at worst.
"""

import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import torch
from diffsynth.diffusion import ModelLogger
from diffsynth.models.flux2_dit import Flux2DiT
from diffsynth.models.flux2_vae import Flux2VAE
from diffsynth.pipelines.flux2_image import Flux2ImagePipeline, Flux2Unit_EditImageEmbedder
from facts import say
from PIL import Image
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model
from transformers.convert_slow_tokenizer import bytes_to_unicode

place, work, repeats = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
LAYERS_READ = 28
"""The pipeline takes what the text encoder's layers 9, 18 and 27 say."""


def tiny_pipeline(*_, **__):
    """In place of weights from a hub."""
    torch.manual_seed(0)
    pipe = Flux2ImagePipeline(device="cpu", torch_dtype=torch.float32)
    pipe.dit = Flux2DiT(
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=96,
        axes_dims_rope=(8, 8, 8, 8),
        guidance_embeds=False,
    )
    pipe.vae = Flux2VAE(block_out_channels=(16, 16, 16, 16), layers_per_block=1, norm_num_groups=8)
    vocabulary = {character: number for number, character in enumerate(bytes_to_unicode().values())}
    pipe.tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[])
    pipe.tokenizer.add_special_tokens({"pad_token": "<|endoftext|>"})
    pipe.tokenizer.chat_template = "{{ messages[0]['content'] }}"
    pipe.text_encoder_qwen3 = Qwen3Model(
        Qwen3Config(
            vocab_size=len(pipe.tokenizer),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=LAYERS_READ,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
        )
    )
    return pipe


page = (place / "TRAIN.md").read_text(encoding="utf-8")
command = re.search(r"```bash\naccelerate launch (\S+)(.*?)```", page, re.DOTALL)
asked = shlex.split(command[2].replace("\\\n", " "))
modules = asked[asked.index("--lora_target_modules") + 1]
flags = [
    *asked,
    # All that a latent has room for, and on the way in and out too: random weights lead nowhere.
    *("--lora_rank", "128", "--lora_target_modules", f"{modules},x_embedder,proj_out"),
    *("--dataset_repeat", repeats, "--num_epochs", "1", "--learning_rate", "5e-3"),
    *("--output_path", str(work), "--dataset_num_workers", "0"),
]
written = [
    np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    for path in sorted(place.glob("*.png"))
]
size_wh = Image.open(next(place.glob("*_end.png"))).size
losses, distances = [], []
encode = Flux2VAE.encode


def encode_and_compare(self, pictures, *arguments, **options):
    """Encode, having noted how far each picture is from the nearest written one."""
    for picture in pictures:
        values = picture.detach().float().numpy() / 2 + 0.5
        near = [abs(values - file).max() for file in written if file.shape == values.shape]
        distances.append(float(min(near, default=1.0)))
    return encode(self, pictures, *arguments, **options)


def note(self, accelerator, model, save_steps=None, **values):
    """A step's loss, noted."""
    losses.append(float(values["loss"].detach()))


Flux2VAE.encode = encode_and_compare
Flux2ImagePipeline.from_pretrained = staticmethod(tiny_pipeline)
Flux2Unit_EditImageEmbedder.calculate_dimensions = lambda *_: size_wh  # 1024² px takes a GPU
ModelLogger.on_step_end = note
sys.argv = [command[1], *flags]
runpy.run_path(command[1], run_name="__main__")
say({"losses": losses, "encoded": len(distances), "distance": max(distances)})
