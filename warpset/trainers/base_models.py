"""The models that LoRAs are trained on, by the name that users choose them by; no trainer.

What a trainer calls a model, and what it does to its pictures, stands in that trainer's file;
`docs/trainers.md` shows both side by side.
"""

from __future__ import annotations

from typing import NamedTuple


class BaseModel(NamedTuple):
    """An editing model that takes the splats and the reference.

    Attributes:
        title: Its name, for people.
        repository: Where its weights are published.
        multiple_px: Sides of pictures come in multiples of this: VAE step times patch.
    """

    title: str
    repository: str
    multiple_px: int


BASE_MODELS = {
    "qwen-image-edit-2509": BaseModel("Qwen-Image-Edit-2509", "Qwen/Qwen-Image-Edit-2509", 16),
    "qwen-image-edit-2511": BaseModel("Qwen-Image-Edit-2511", "Qwen/Qwen-Image-Edit-2511", 16),
    "flux2-dev": BaseModel("FLUX.2 dev", "black-forest-labs/FLUX.2-dev", 16),
    "flux2-klein-4b": BaseModel(
        "FLUX.2 klein base 4B", "black-forest-labs/FLUX.2-klein-base-4B", 16
    ),
    "flux2-klein-9b": BaseModel(
        "FLUX.2 klein base 9B", "black-forest-labs/FLUX.2-klein-base-9B", 16
    ),
    "kontext": BaseModel("FLUX.1 Kontext dev", "black-forest-labs/FLUX.1-Kontext-dev", 16),
    "krea-2": BaseModel("Krea 2 (edit)", "krea/Krea-2-Raw", 16),
}
"""Base models by name."""
