"""Photos to scene geometry: the networks and stereo, behind one protocol."""
