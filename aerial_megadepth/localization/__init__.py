"""Photos registered around aerial frames, and their metric depth."""
