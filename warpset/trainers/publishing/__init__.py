"""Pairs as one data set: an index of all records, near-duplicates, a card, a push to the Hub."""
