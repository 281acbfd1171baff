"""A warp pair: which there are, what is known of each, the folder that holds them."""
