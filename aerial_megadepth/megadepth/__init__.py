"""MegaDepth as it is published: models, depth, image lists."""
