"""Points and a camera to an image, a hole mask and depth."""
