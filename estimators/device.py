"""Which device computes."""

from __future__ import annotations

from warpset.core.errors import InputError, Remedy


def chosen_device(asked: str | None) -> str:
    """The device asked for, as torch names it, else CUDA where there is one.

    Raises:
        InputError: CUDA was asked for and there is none.
    """
    import torch  # takes seconds, which a wrong command line need not wait for

    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("found no CUDA device", Remedy.DEVICE)
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")
