"""One writer an address: a lock that lives as long as it is renewed, by conditional writes.

A lock is a file `.<folder>.lock.<number>` beside the folder. Who wants to write creates the one
after the highest, which the store grants to one alone. All others then have to be older than
`LEASE_S` by the store's clock: their owners are dead, and their locks go. Otherwise the own one
goes. So two runs never write together; where two start at once over a dead one's lock, it may be
that both step back.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator

from ...core.errors import FolderInUseError, InputError
from .address import Address
from .store import Store

LEASE_S = 120.0
"""Seconds after which a lock that is not renewed counts for nothing. Less and a run that is held up
(a suspended laptop, a slow network) loses its folder; more and a killed run keeps it for longer."""


class Lease:
    """The right to write to an address, until it ends or is lost."""

    def __init__(self, around: Store, name: str, token: bytes, shown: Address):
        self._around, self._name, self._token, self._shown = around, name, token, shown
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that nobody else has taken over.

        Raises:
            FolderInUseError: Somebody has, since this run was held up for longer than a lease.
        """
        if not self._is_held():
            raise FolderInUseError(
                f"{self._shown}: another run has taken over while this one was held up; run the "
                "same again"
            )

    def end(self) -> None:
        """Give the address free."""
        self._ended.set()
        self._thread.join()
        if self._is_held():
            self._around.remove([self._name])

    def _is_held(self) -> bool:
        return self._around.read(self._name) == self._token

    def _renew(self) -> None:
        while not self._ended.wait(LEASE_S / 4):
            with contextlib.suppress(InputError):  # the next time may reach the store
                if not self._is_held():
                    return
                self._around.replace(self._name, self._token)


@contextlib.contextmanager
def sole_writer_at(address: Address) -> Iterator[Lease]:
    """Be the only run that writes to an address.

    Raises:
        FolderInUseError: Another run is, or was killed less than a lease ago.
        InputError: The store does not answer.
    """
    around = Store(Address(str(address).rpartition("/")[0]))
    prefix = f".{address.name}.lock."
    numbers = [int(name.removeprefix(prefix)) for name in around.written_at(prefix)]
    token = secrets.token_hex(8).encode()
    own = f"{prefix}{max(numbers, default=0) + 1:06d}"
    in_use = FolderInUseError(
        f"{address}: another run is writing here, or was killed less than {LEASE_S:.0f} seconds "
        "ago; wait for that long or choose another output"
    )
    if not around.create(own, token) or around.read(own) != token:
        raise in_use
    written = around.written_at(prefix)
    now = written.pop(own, None)
    if now is None or any((now - other).total_seconds() < LEASE_S for other in written.values()):
        around.remove([own])
        raise in_use
    around.remove(written)
    lease = Lease(around, own, token, address)
    try:
        yield lease
    finally:
        lease.end()
