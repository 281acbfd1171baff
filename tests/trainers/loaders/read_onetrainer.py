"""Read an export with OneTrainer's own pipeline up to the VAE.

The arguments are the export, the side of the square that is trained, and the steps that sides of
buckets come in, in pixels. Its modules for caching and output need a model and are left out.
"""

import sys
from types import SimpleNamespace

from facts import bytes_of, facts, say
from mgds.OutputPipelineModule import OutputPipelineModule
from modules.dataLoader.mixin.DataLoaderMgdsMixin import DataLoaderMgdsMixin
from modules.dataLoader.mixin.DataLoaderText2ImageMixin import DataLoaderText2ImageMixin
from modules.util.config.TrainConfig import TrainConfig
from modules.util.enum.DataType import DataType
from modules.util.enum.ModelType import ModelType
from modules.util.TrainProgress import TrainProgress

NAMES = ["prompt", "image", "conditioning_image", "mask"]


class Loader(DataLoaderText2ImageMixin, DataLoaderMgdsMixin):
    """What its loaders share, ended where the VAE begins."""

    def _preparation_modules(self, config, model):
        return []

    def _cache_modules(self, config, model, model_setup):
        return []

    def _output_modules(self, config, model, model_setup):
        return [OutputPipelineModule(names=NAMES)]

    def _debug_modules(self, config, model):
        return []


config = TrainConfig.default_values()
config.model_type = ModelType.FLUX_FILL_DEV_1
config.concept_file_name = f"{sys.argv[1]}/concepts.json"
config.concepts = None
config.train_device = "cpu"
config.batch_size = 1
config.resolution = sys.argv[2]
config.masked_training = config.custom_conditioning_image = True
model = SimpleNamespace(train_dtype=DataType.FLOAT_32)
dataset = Loader()._create_dataset(
    config,
    model,
    None,
    TrainProgress(),
    is_validation=False,
    aspect_bucketing_quantization=int(sys.argv[3]),
)
dataset.start_next_epoch()
say(
    [
        facts(
            row["prompt"],
            bytes_of(row["image"]),
            [bytes_of(row["conditioning_image"])],
            bytes_of(row["mask"]).repeat(3, 2),
        )
        for row in dataset
    ]
)
