"""Files that are about a whole scene beside its pairs, and what they were made from."""
