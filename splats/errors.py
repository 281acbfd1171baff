"""The one error of this package that users see as a line of its own; it knows no format."""


class SplatError(Exception):
    """Something a user can mend: the text says where, what was found, what is needed, what to do.

    Example: `room.ply: found no f_dc_0, need a Gaussian splat PLY; export one as 3DGS PLY`.
    """
