"""Which views are worth pairing, and the files that say so."""
