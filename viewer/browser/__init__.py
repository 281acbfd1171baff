"""The viewer in a browser: the only folder that imports viser."""
