"""Depth Anything 3, the any-view networks: one plain transformer that learns to look across."""
