"""Where scenes come from: folders, zips and videos, each as a folder of photos."""
