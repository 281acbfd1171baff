"""Textured meshes of places: how they are read, and from where they are looked at."""
