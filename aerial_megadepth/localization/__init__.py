"""Photos registered around aerial frames, and their metric depth."""

import sys

from warpset.core.errors import InputError
from warpset.core.lens import colmap_library

from .. import is_step_being_started

# Before the rooms import pycolmap themselves, so that SIGTERM stays Python's.
try:
    colmap_library("localized scenes")
except InputError as missing:
    if is_step_being_started:
        sys.exit(str(missing))
    raise ImportError(str(missing)) from missing
