"""A Qwen-Image-Edit-2509 of random weights, small enough to train on a CPU in a minute."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

CHANNELS = 16
LOG_VARIANCE = -20.0

MARKS = {
    "bos": "<|endoftext|>",
    "start": "<|im_start|>",
    "eos": "<|im_end|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
}


def write(folder: Path) -> None:
    """Write it as diffusers does: transformer, VAE, tokenizer, processor, text encoder."""
    torch.manual_seed(0)
    QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=64,
        out_channels=CHANNELS,
        num_layers=2,
        attention_head_dim=32,
        num_attention_heads=4,
        joint_attention_dim=32,
        axes_dims_rope=(8, 12, 12),
    ).save_pretrained(folder / "transformer")
    _vae().save_pretrained(folder / "vae")
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 1280),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
    ).save_pretrained(folder / "processor")
    _text_encoder(tokenizer).save_pretrained(folder / "text_encoder")
    index = {"_class_name": "QwenImageEditPlusPipeline"}
    (folder / "model_index.json").write_text(json.dumps(index))


def _vae():
    """A VAE that is sure of its latents: what it would draw at random could not be learnt."""
    vae = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=CHANNELS,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
    )
    with torch.no_grad():
        vae.quant_conv.weight[CHANNELS:] = 0
        vae.quant_conv.bias[CHANNELS:] = LOG_VARIANCE
    return vae


def _tokenizer():
    """One token a byte."""
    vocabulary = {character: number for number, character in enumerate(bytes_to_unicode().values())}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(MARKS.values())})
    tokenizer.pad_token = MARKS["bos"]
    tokenizer.image_token, tokenizer.video_token = MARKS["image"], MARKS["video"]
    return tokenizer


def _text_encoder(tokenizer):
    ids = {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in MARKS.items()}
    rope = {"mrope_section": [1, 1, 2], "rope_theta": 1e6}
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "vocab_size": len(tokenizer) + 8,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 32768,
                "rope_parameters": {"rope_type": "default", **rope},
                "bos_token_id": ids["bos"],
                "eos_token_id": ids["eos"],
            },
            vision_config={
                "depth": 2,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_heads": 2,
                "out_hidden_size": 32,
                "window_size": 112,
                "fullatt_block_indexes": [1],
            },
            image_token_id=ids["image"],
            video_token_id=ids["video"],
            vision_start_token_id=ids["vision_start"],
            vision_end_token_id=ids["vision_end"],
        )
    )
