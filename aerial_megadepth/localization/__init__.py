"""Photos registered around aerial frames, and their metric depth."""

import contextlib

from warpset.core.errors import InputError
from warpset.core.lens import colmap_library

# Before the rooms import pycolmap themselves, so that SIGTERM stays Python's.
with contextlib.suppress(InputError):
    colmap_library("localization")
