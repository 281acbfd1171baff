"""VGGT in our own words: photos as arrays in, cameras and depth out; knows no scene and no pair."""
