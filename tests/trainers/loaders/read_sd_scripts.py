"""Read an export with sd-scripts' own ControlNet data set; the argument is the export."""

import argparse
import sys

import torch
from facts import bytes_of, facts, say
from library import config_util, strategy_base, strategy_sd


class Tokens(strategy_base.TokenizeStrategy):
    """In place of CLIP's: what becomes of words is not asked here."""

    def tokenize(self, text):
        """One token."""
        return [torch.zeros(1, 1)]


strategy_base.TokenizeStrategy.set_strategy(Tokens())
strategy_base.LatentsCachingStrategy.set_strategy(
    strategy_sd.SdSdxlLatentsCachingStrategy(False, False, 1, False)
)
generator = config_util.BlueprintGenerator(config_util.ConfigSanitizer(False, False, True, True))
config = config_util.load_user_config(f"{sys.argv[1]}/dataset.toml")
blueprint = generator.generate(config, argparse.Namespace(debug_dataset=False))
group, _ = config_util.generate_dataset_group_by_blueprint(blueprint.dataset_group)
group.set_current_strategies()
batches = [group[index] for index in range(len(group))]
say(
    [
        facts(
            batch["captions"][0],
            bytes_of(batch["images"][0], -1),
            [bytes_of(batch["conditioning_images"][0], -1)],
        )
        for batch in batches
    ]
)
