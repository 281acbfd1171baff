"""Read an export with DiffSynth-Studio's own data set; the argument is the export."""

import sys

from diffsynth.core.data.unified_dataset import UnifiedDataset
from facts import facts, say

place = sys.argv[1]
dataset = UnifiedDataset(
    base_path=place,
    metadata_path=f"{place}/metadata.json",
    repeat=1,
    data_file_keys=["image", "edit_image"],
    main_data_operator=UnifiedDataset.default_image_operator(
        base_path=place,
        max_pixels=1024**2,
        height=None,
        width=None,
        height_division_factor=16,
        width_division_factor=16,
    ),
)
rows = (dataset[index] for index in range(len(dataset)))
say([facts(row["prompt"], row["image"], row["edit_image"]) for row in rows])
