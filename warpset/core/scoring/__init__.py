"""How good a pair is: what is measured of its pictures and points, in arrays; no files."""
