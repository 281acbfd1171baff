"""Aerial frames and internet photos of one place to metric training pairs; it knows no network.

Every step is a command, `python -m aerial_megadepth.<step>`, that works scene by scene, skips what
is done and goes on after a bad scene. Steps import `warpset`, never `vggt` or the scripts.
"""
