"""Cameras, rasters, lens, geometry, points and masks; nothing here reads or writes a file."""
