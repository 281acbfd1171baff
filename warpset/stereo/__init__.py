"""Classical multi-view stereo and structure from motion."""

import contextlib

from ..core.colmap_library import colmap_library
from ..core.errors import InputError

# Before the rooms import pycolmap themselves, so that SIGTERM stays Python's; where there is none,
# only they fail.
with contextlib.suppress(InputError):
    colmap_library("stereo")
