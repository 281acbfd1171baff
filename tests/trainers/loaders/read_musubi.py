"""Read an export with musubi-tuner's own data set; the argument is the export."""

import argparse
import sys

from facts import facts, say
from musubi_tuner.dataset import config_utils
from musubi_tuner.dataset.config_utils import BlueprintGenerator, ConfigSanitizer

place = sys.argv[1]
blueprint = BlueprintGenerator(ConfigSanitizer()).generate(
    config_utils.load_user_config(f"{place}/dataset.toml"),
    argparse.Namespace(debug_dataset=False),
    architecture="qie",
)
group = config_utils.generate_dataset_group_by_blueprint(blueprint.dataset_group)
say(
    [
        facts(item.caption, item.content, item.control_content)
        for dataset in group.datasets
        for _, batch in dataset.retrieve_latent_cache_batches(1)
        for item in batch
    ]
)
