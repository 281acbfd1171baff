"""Planes of measured depth, carried over surfaces without texture, and what refuses them."""
