"""AI Toolkit's own loader, and what its model classes hand to the VAE; models without weights."""

import copy
import sys
from types import SimpleNamespace

sys.modules["triton"] = None  # where it can be imported, a model class asks for a GPU

import torch  # noqa: E402
from toolkit.config_modules import ModelConfig  # noqa: E402
from toolkit.data_loader import get_dataloader_from_datasets  # noqa: E402
from toolkit.prompt_utils import PromptEmbeds  # noqa: E402
from toolkit.util.get_model import get_model_class  # noqa: E402


class EncodedError(Exception):
    """All controls have been encoded."""


class Step:
    """A training step of a model, up to its VAE.

    Args:
        process: The one process of a configuration.
    """

    def __init__(self, process):
        config = ModelConfig(**process["model"])
        self.model = get_model_class(config)("cpu", config, dtype="fp32")
        self._latent_px, self._channels = (16, 128) if "flux2" in config.arch else (8, 16)
        on_cpu = {"device": torch.device("cpu"), "dtype": torch.float32, "to": lambda *_, **__: 0}
        self.model.pipeline = SimpleNamespace(vae_scale_factor=self._latent_px)
        self.model.model = SimpleNamespace(**on_cpu)
        self.model.vae = SimpleNamespace(**on_cpu, encode=self._encode)
        self.model.encode_images = self._encode
        self._taken, self._wanted = [], 0

    def _encode(self, pictures, *_, **__):
        self._taken.append(pictures)
        if len(self._taken) == self._wanted:
            raise EncodedError
        return self._latents(pictures)

    def _latents(self, pictures):
        height, width = (side // self._latent_px for side in pictures.shape[2:])
        return torch.zeros(1, self._channels, height, width)

    def controls(self, batch):
        """What the VAE is given for the controls of a batch, each (1, 3, H, W), -1..1."""
        self._taken = []
        self._wanted = len(batch.control_tensor_list[0]) if batch.control_tensor_list else 1
        texts = PromptEmbeds(torch.zeros(1, 1, 8))
        try:
            latents = self.model.condition_noisy_latents(self._latents(batch.tensor), batch)
            self.model.get_noise_prediction(
                latents, torch.ones(1), texts, guidance_embedding_scale=1.0, batch=batch
            )
        except EncodedError:
            return self._taken
        raise AssertionError("the step ended before all controls were encoded")


def batches(process, step, **settings):
    """Batches of one pair as the toolkit's loader makes them of a configuration's data sets."""
    data_sets = [
        copy.deepcopy(data_set) | {"num_workers": 0} | settings for data_set in process["datasets"]
    ]
    return get_dataloader_from_datasets(data_sets, batch_size=1, sd=step.model)
