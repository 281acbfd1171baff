"""Train a tiny random Qwen-Image-Edit with AI Toolkit's `run.py` on an export's own config.

The arguments are the export, a scratch folder and the number of steps. Only what a CPU and a tiny
model need is changed in the configuration. Says the loss of each step, and how far what the VAE was
given is from the nearest of the written pictures, at worst.
"""

import runpy
import sys
from pathlib import Path

sys.modules["triton"] = None  # where it can be imported, a model class asks for a GPU

import numpy as np  # noqa: E402
import tiny_qwen_edit  # noqa: E402
import yaml  # noqa: E402
from extensions_built_in.diffusion_models import QwenImageEditPlusModel  # noqa: E402
from extensions_built_in.sd_trainer.SDTrainer import SDTrainer  # noqa: E402
from facts import say  # noqa: E402
from PIL import Image  # noqa: E402

place, work, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
tiny_qwen_edit.write(work / "model")
config = yaml.safe_load((place / "config.yaml").read_text(encoding="utf-8"))
process = config["config"]["process"][0]
process |= {"device": "cpu", "training_folder": str(work / "output"), "logging": {"log_every": 1}}
# All that a latent has room for, and on the way in and out too: random weights lead nowhere.
process["network"] |= {"linear": 64, "linear_alpha": 64, "transformer_only": False}
process["model"] |= {
    "name_or_path": str(work / "model"),
    "quantize": False,
    "quantize_te": False,
    "low_vram": False,
}
process["train"] |= {
    "optimizer": "adamw",
    "dtype": "fp32",
    "steps": steps,
    "lr": 5e-3,
    "gradient_checkpointing": False,
    "disable_sampling": True,
}
process["datasets"][0]["num_workers"] = 0
(work / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
written = [
    np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    for folder in ("target", "control1", "control2")
    for path in sorted((place / folder).glob("*.png"))
]
losses, distances = [], []
encode, calculate_loss = QwenImageEditPlusModel.encode_images, SDTrainer.calculate_loss


def encode_and_compare(self, pictures, *arguments, **options):
    """Encode, having noted how far each picture is from the nearest written one."""
    for picture in pictures:
        values = picture.detach().float().cpu().numpy() / 2 + 0.5
        near = [abs(values - file).max() for file in written if file.shape == values.shape]
        distances.append(float(min(near, default=1.0)))
    return encode(self, pictures, *arguments, **options)


def calculate_and_note(self, *arguments, **options):
    """The loss, noted."""
    loss = calculate_loss(self, *arguments, **options)
    losses.append(float(loss.detach()))
    return loss


QwenImageEditPlusModel.encode_images = encode_and_compare
SDTrainer.calculate_loss = calculate_and_note
sys.argv = ["run.py", str(work / "config.yaml")]
runpy.run_path("run.py", run_name="__main__")
say({"losses": losses, "encoded": len(distances), "distance": max(distances)})
