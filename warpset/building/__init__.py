"""A scene to pairs on disk: frames, warping, scoring, records."""
