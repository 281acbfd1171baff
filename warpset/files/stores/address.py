"""Addresses such as `s3://bucket/folder`, told from paths; credentials never get into messages."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InputError

SCHEMES = ("s3", "gs", "hf", "memory")
"""Stores that are read: S3 and what speaks its protocol, Google's, Hugging Face's, and one in
memory, for tests. Others (`http`, `file`, `ftp`, chains with `::`) are refused."""

WRITTEN_SCHEMES = ("s3", "gs", "memory")
"""Those that grant a new file to one writer alone, which the lock asks for; a Hugging Face
repository takes commits instead."""

SECRETS = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL", re.IGNORECASE)
"""Environment variables of such names hold what no message may show."""


@dataclass(frozen=True)
class Address:
    """A folder or file in a store.

    Attributes:
        url: Without credentials and without a slash at the end.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self.url}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def scheme(self) -> str:
        """What kind of store it is in."""
        return self.url.partition("://")[0]


Place = Path | Address
"""A folder or file, here or in a store."""


def place(text: str) -> Place:
    """A path, or an address where the text starts with `<scheme>://`.

    Raises:
        InputError: The address is of a kind that is not read, or holds credentials.
    """
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Path(text)
    if "::" in text or scheme not in SCHEMES:
        known = ", ".join(f"{known}://" for known in SCHEMES[:-1])
        raise InputError(f"found an address of the kind {scheme[:20]!r}, need a path, or {known}")
    bucket, *folders = rest.rstrip("/").split("/")
    if "@" in bucket or "?" in rest:
        raise InputError(
            f"found credentials in an address ({scheme}://...), need them in the environment or "
            "in the store's own file of credentials"
        )
    if not bucket or any(part in ("", ".", "..") for part in folders):
        raise InputError(f"found the address {text!r}, need {scheme}://bucket/folder")
    return Address("/".join([f"{scheme}://{bucket}", *folders]))


def without_secrets(text: str) -> str:
    """A message of a library without what signs addresses and what the environment hides."""
    text = re.sub(r"(\w+://[^\s?'\"]+)\?[^\s'\"]+", r"\1", text)
    text = re.sub(r"(\w+://)[^\s/@'\"]+@", r"\1", text)
    for name, value in os.environ.items():
        if SECRETS.search(name) and len(value) >= 8:
            text = text.replace(value, "...")
    return " ".join(text.split())
