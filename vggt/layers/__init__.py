"""Transformer building blocks shared by the networks; they know no checkpoint and no photo."""
