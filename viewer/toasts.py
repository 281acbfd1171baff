"""Short messages that go away by themselves; where and how they are drawn is unknown."""

from __future__ import annotations

SECONDS = 2.5
SECONDS_PER_CHARACTER = 0.06


class Toast:
    """The one message that shows; a new one takes the place of the old."""

    def __init__(self) -> None:
        self._text, self._until = "", 0.0

    def show(self, text: str, now: float) -> None:
        """Show a text from now on, the longer the more there is to read."""
        self._text, self._until = text, now + SECONDS + SECONDS_PER_CHARACTER * len(text)

    def text(self, now: float) -> str | None:
        """What shows at a time in seconds; None where nothing does."""
        return self._text if now < self._until else None
