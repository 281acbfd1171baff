"""Classical multi-view stereo and structure from motion."""

import contextlib

from ..core.errors import InputError
from ..core.lens import colmap_library

# Before the rooms import pycolmap themselves, so that SIGTERM stays Python's; where there is none,
# only they fail.
with contextlib.suppress(InputError):
    colmap_library("stereo")
