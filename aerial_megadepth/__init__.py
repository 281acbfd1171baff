"""Aerial frames and internet photos of one place to metric training pairs; it knows no network.

Every step is a command, `python -m aerial_megadepth.<step>`, that works scene by scene, skips what
is done and goes on after a bad scene. Steps import `warpset`, never `vggt` or the scripts.
"""

import sys

from warpset.fleet.stopping import stop_in_one_line

is_step_being_started = sys.argv[0] == "-m"
"""Whether this is imported for a step: there is no door yet to say what is wrong."""

if is_step_being_started:  # loading its libraries takes seconds
    stop_in_one_line()
