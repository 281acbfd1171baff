"""What becomes of depth between its source and the points: checks, errors on purpose."""
