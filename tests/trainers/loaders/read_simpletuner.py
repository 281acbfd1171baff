"""Read an export with SimpleTuner's own data sets, sampler and collation; the argument is it.

Where a batch would have latents and text embeddings from its caches, it has the pictures that would
be encoded, and no words.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock

import torch
from accelerate import Accelerator
from diffusers import FlowMatchEulerDiscreteScheduler
from facts import bytes_of, facts, say
from simpletuner.helpers.caching.text_embeds import TextEmbeddingCache
from simpletuner.helpers.caching.vae import VAECache, prepare_sample
from simpletuner.helpers.configuration.cmd_args import parse_cmdline_args
from simpletuner.helpers.data_backend.factory import configure_multi_databackend
from simpletuner.helpers.models.registry import ModelRegistry
from simpletuner.helpers.training import collate
from simpletuner.helpers.training.state_tracker import StateTracker
from torchvision.transforms.functional import to_tensor

place, work = Path(sys.argv[1]), tempfile.mkdtemp()
page = (place / "TRAIN.md").read_text(encoding="utf-8")
command = re.search(r"```bash\nsimpletuner train(.*?)```", page, re.DOTALL)[1]
flags = shlex.split(command.replace("\\\n", " "))
settings = dict(zip(flags[::2], flags[1::2], strict=True)) | {
    "--model_type": "lora",
    "--optimizer": "adamw_bf16",
    "--pretrained_model_name_or_path": work,
    "--train_batch_size": "1",
    "--max_train_steps": "10",
    "--num_train_epochs": "0",
    "--output_dir": f"{work}/output",
    "--cache_dir": f"{work}/cache",
}
args = parse_cmdline_args([f"{name}={value}" for name, value in settings.items()])
FlowMatchEulerDiscreteScheduler().save_pretrained(f"{work}/scheduler")
accelerator = Accelerator(cpu=True)
StateTracker.set_args(args)
StateTracker.set_accelerator(accelerator)
StateTracker.set_config_path(work)
model = ModelRegistry.get(args.model_family)(args, accelerator)
model.check_user_config()
model.get_vae = lambda: MagicMock(dtype=torch.float32)
model.encode_dropout_caption = lambda *_, **__: {}
StateTracker.set_model(model)


def pictures(paths, data_set, model):
    """What would be encoded."""
    samples = (prepare_sample(data_backend_id=data_set, filepath=path) for path in paths)
    return [to_tensor(image.convert("RGB")) for image, *_ in samples]


VAECache.process_buckets = lambda *_, **__: None
TextEmbeddingCache.compute_embeddings_for_prompts = lambda *_, **__: None
collate.compute_latents = pictures
collate.compute_prompt_embeddings = lambda *_: {}
configure_multi_databackend(args, accelerator, [MagicMock()], [MagicMock()], model)
data_set = StateTracker.get_data_backend("train-target")
batches = iter(data_set["train_dataloader"])
rows = []
for _ in range(sum(map(len, data_set["metadata_backend"].aspect_ratio_bucket_indices.values()))):
    batch = next(batches)
    masks = batch["loss_mask_type"] == "mask"
    # Latents are packed in here, which pictures cannot be.
    prepared = model.prepare_batch_conditions({**batch, "conditioning_latents": None}, {})
    row = facts(
        batch["prompts"][0],
        bytes_of(batch["latent_batch"][0]),
        [bytes_of(each[0]) for each in batch["conditioning_latents"]],
        bytes_of(prepared["conditioning_pixel_values"][0], -1) if masks else None,
    )
    if hasattr(model, "_prepare_edit_batch_v2"):
        prepared = model.prepare_batch_conditions(dict(batch), {})
        prepared |= {"latents": batch["latent_batch"], "prompt_embeds": torch.zeros(1)}
        row["controls"] = len(model._prepare_edit_batch_v2(prepared)["control_latent_list"][0])
    rows.append(row)
say(rows)
