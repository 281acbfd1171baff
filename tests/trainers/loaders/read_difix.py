"""Ask Difix3D+'s own data set for a pair; the argument is the export."""

import sys

from dataset import PairedDataset
from facts import say

place = sys.argv[1]
try:
    said = sorted(PairedDataset(f"{place}/data.json", "train")[0])
except UnboundLocalError as error:
    said = [str(error)]
say(said)
