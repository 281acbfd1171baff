"""Cameras, depth and masks that a scene brings along, one file a format."""
