"""How a command ends that is told to stop: by Ctrl+C, or by SIGTERM from a queue or a container."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = b"stopped; run the same command again to go on\n"


def stop_in_one_line() -> None:
    """From now on a signal ends the process at once, with a line instead of a traceback.

    For a script's first line: loading the libraries takes seconds, and an exception that is raised
    amid an import may be swallowed there. Nothing is being made that would have to be cleaned up.
    """
    for number in SIGNALS:
        signal.signal(number, _leave)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, STOPPED)
    os._exit(1)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within, both signals raise `KeyboardInterrupt`, so that locks and half-made files go.

    Only the main thread may say what a signal does; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
