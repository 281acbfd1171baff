"""One file a format of recordings; each ends in its `READER`, see `registry.READERS`."""
