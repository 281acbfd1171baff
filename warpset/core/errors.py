"""The one error that users see as a line of its own; it knows no room."""


class InputError(Exception):
    """Something a user can mend: the text says where, what was found, what is needed, what to do.

    Example: `input/garden: found 1 photo, need at least 2 to make a pair; add photos`.
    """


class FolderInUseError(InputError):
    """Another run is writing where this one was to write."""
