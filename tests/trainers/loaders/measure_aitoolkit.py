"""Send an export of coordinate pictures through AI Toolkit; the arguments are export and sides.

Says for each size, resolution and `match_target_res` where target and control come to lie, and how
far what the VAE is given is from the file brought to that raster.
"""

import sys
from pathlib import Path

import yaml
from aitoolkit_step import Step, batches
from coordinates import fitted, shift_px, unlike
from facts import say
from PIL import Image

place, *sides = sys.argv[1:]
config = yaml.safe_load((Path(place) / "config.yaml").read_text(encoding="utf-8"))
process = config["config"]["process"][0]


def measured(step, batch):
    """What becomes of one pair."""
    (item,) = batch.file_items
    size_wh = Image.open(item.path).size
    paths = item.control_path if isinstance(item.control_path, list) else [item.control_path]
    controls = [(control[0] + 1) / 2 for control in step.controls(batch)]
    target = fitted((batch.tensor[0] + 1) / 2, size_wh)
    fits = [fitted(control, size_wh) for control in controls]
    (control_wh,) = {fit.size_wh for fit in fits}
    return {
        "source_wh": size_wh,
        "target_wh": target.size_wh,
        "control_wh": control_wh,
        "shift_px": max(shift_px(target, fit) for fit in fits),
        "unlike": max(map(unlike, controls, paths)),
    }


rows = []
for matches in (False, True):
    process["model"]["model_kwargs"]["match_target_res"] = matches
    step = Step(process)
    for side in map(int, sides):
        found = {}
        for batch in batches(process, step, resolution=[side]):
            found |= {Image.open(batch.file_items[0].path).size: batch}
        rows += [
            {"resolution": side, "matches_target": matches, **measured(step, batch)}
            for _, batch in sorted(found.items())
        ]
say(rows)
