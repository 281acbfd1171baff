"""Clips: a photo warped into a run of views, as videos; pairs lie elsewhere."""
