"""Classical multi-view stereo and structure from motion."""
