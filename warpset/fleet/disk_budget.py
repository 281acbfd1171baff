"""Room on a disk that work in several threads takes and gives back, never more than there is."""

from __future__ import annotations

from threading import Condition

from ..core.errors import InputError, Remedy


class DiskBudget:
    """So many bytes, for whoever asks first.

    Args:
        limit_bytes: How many there are.
    """

    def __init__(self, limit_bytes: int):
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._changed, self._is_closed = Condition(), False

    def take(self, amount: int, name: str) -> None:
        """Wait until there is room, and take it.

        Args:
            amount: In bytes.
            name: What it is for.

        Raises:
            InputError: It is more than there ever is, or nobody waits any more.
        """
        if amount > self.limit_bytes:
            raise InputError(
                f"{name}: needs about {amount / 1e9:.3g} GB of local disk, found "
                f"{self.limit_bytes / 1e9:.3g} GB to use",
                Remedy.LOCAL_DISK,
            )
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room(amount))
            if self._is_closed:
                raise InputError(f"{name}: not fetched, the run has ended")
            self.used_bytes += amount

    def give(self, amount: int) -> None:
        """Give bytes back; less than 0 takes them though there may be no room."""
        with self._changed:
            self.used_bytes -= amount
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _has_room(self, amount: int) -> bool:
        return self.used_bytes + amount <= self.limit_bytes
