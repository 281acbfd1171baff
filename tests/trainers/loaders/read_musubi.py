"""Read an export with musubi-tuner's own data set, up to the VAE; the argument is the export."""

import argparse
import sys

from facts import bytes_of, facts, say
from musubi_tuner.dataset import config_utils
from musubi_tuner.dataset.config_utils import BlueprintGenerator, ConfigSanitizer
from musubi_tuner.qwen_image_cache_latents import preprocess_contents_qwen_image

place = sys.argv[1]
blueprint = BlueprintGenerator(ConfigSanitizer()).generate(
    config_utils.load_user_config(f"{place}/dataset.toml"),
    argparse.Namespace(debug_dataset=False),
    architecture="qie",
)
group = config_utils.generate_dataset_group_by_blueprint(blueprint.dataset_group)
rows = []
for dataset in group.datasets:
    for _, batch in dataset.retrieve_latent_cache_batches(1):
        contents, (controls,) = preprocess_contents_qwen_image(batch, is_layered=False)
        target = bytes_of(contents[0, :, 0], -1)
        rows.append(facts(batch[0].caption, target, [bytes_of(each, -1) for each in controls]))
say(rows)
