"""Send coordinate pictures through a trainer's reader; the arguments are the reader and its own.

Captions are the sizes of the pictures, such as `540x360`. Says for each where the target and its
controls come to lie, in place of what the reader would say.
"""

import runpy
import sys

import facts
from coordinates import fitted, shift_px


def measured(caption, target, controls, mask=None) -> dict:
    """What becomes of one pair, whose pixels (H, W, 3) go from 0 to 255."""
    size_wh = tuple(map(int, caption.split("x")))
    target, *controls = (
        fitted(pixels.transpose(2, 0, 1) / 255, size_wh) for pixels in (target, *controls)
    )
    (control_wh,) = {fit.size_wh for fit in controls}
    return {
        "source_wh": size_wh,
        "target_wh": target.size_wh,
        "control_wh": control_wh,
        "shift_px": round(max(shift_px(target, fit) for fit in controls), 2),
    }


facts.facts = measured
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
