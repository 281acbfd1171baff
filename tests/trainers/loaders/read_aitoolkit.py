"""Read an export with AI Toolkit's own loader; the argument is the export."""

import sys
from pathlib import Path

import yaml
from aitoolkit_step import Step, batches
from facts import bytes_of, facts, say

config = yaml.safe_load((Path(sys.argv[1]) / "config.yaml").read_text(encoding="utf-8"))
process = config["config"]["process"][0]
step = Step(process)
rows = []
for batch in batches(process, step):
    (item,) = batch.file_items
    (controls,) = batch.control_tensor_list
    rows.append(
        facts(item.caption, bytes_of(batch.tensor[0], -1), [bytes_of(each) for each in controls])
    )
say(rows)
