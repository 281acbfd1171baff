"""One file a trainer: the files it wants, the texts beside them, how its loader reads them back."""
