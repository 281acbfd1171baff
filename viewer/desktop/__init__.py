"""The viewer in a window of its own."""
