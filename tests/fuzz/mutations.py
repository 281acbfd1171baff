"""Seeded faults of files: bytes, JSON, numbers, kinds of file; of no particular input."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT_SUFFIXES = {".json", ".jsonl", ".txt", ".csv", ".esp", ".yaml"}
JSON_SUFFIXES = {".json", ".esp"}

EXTREMES = (0, -1, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
WRONG_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e308, -1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf"), "", "..", "../../escaped", "/etc/passwd"),
    *("a" * 300, "a" * 100_000, "\ud800", "\0", "nul\0l", "\u202e", "{0.__class__}", "%s%n"),
    *([], {}, [[]], [[[[]]]], {"a": {"b": {}}}, [0] * 1000, [1e300] * 16, ["1"] * 4),
    *("<script>alert(1)</script>", "NaN", "1e999", "0x10", " ", "\n"),
)
OTHER_KINDS = (
    *(b"", b"\0", b"\0" * 4096, b"%!PS\n{} loop\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"),
    *(b"PK\x03\x04" + b"\0" * 60, b"GIF89a\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"),
    *(b"\x93NUMPY\x01\0v\0" + b"{" * 118, b"ply\nformat ascii 1.0\nelement vertex 9\n"),
    *(b"\x89HDF\r\n\x1a\n" + b"\xff" * 90, b"v/1\x01\x02\0\0\0", b"RIFF\xff\xff\xff\x7fWEBPVP8 "),
    *(b"[" * 100_000, b"9" * 5000, b'{"a":' * 2000, b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0"),
    *(b"nan\n" * 20, b"\x80\x04."),
)
SPARSE_BYTES = 19 * 2**30
LARGE_SUFFIXES = {".mp4", ".gz"}
"""Files that may well be so large; to go through one takes a minute."""


def spoil(path: Path, rng: random.Random) -> str:
    """Change a file in one way; says which."""
    ways = [*BYTE_WAYS, rng.choice(KIND_WAYS[path.suffix in LARGE_SUFFIXES :])]
    if path.suffix in JSON_SUFFIXES:
        ways += [_json] * 12
    elif path.suffix == ".jsonl":
        ways += [_json_line] * 12
    elif path.suffix in TEXT_SUFFIXES:
        ways += [_word] * 8
    way = rng.choice(ways)
    way(path, rng)
    return way.__name__.strip("_")


def _flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 3, 30))):
        if content:
            content[_place(content, rng)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _number(path: Path, rng: random.Random) -> None:
    content, size = bytearray(path.read_bytes()), rng.choice((1, 2, 4, 8))
    value = rng.choice(EXTREMES) % 2 ** (8 * size)
    start = _place(content, rng)
    content[start : start + size] = value.to_bytes(size, rng.choice(("little", "big")))
    path.write_bytes(content)


def _truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size + 1))


def _block(path: Path, rng: random.Random) -> None:
    content, size = path.read_bytes(), rng.choice((1, 16, 256))
    start = _place(content, rng)
    block = rng.choice((b"\0" * size, b"\xff" * size, rng.randbytes(size), content[:size]))
    rest = content[start + (size if rng.random() < 0.5 else 0) :]
    path.write_bytes(content[:start] + block + rest)


def _place(content: bytes | bytearray, rng: random.Random) -> int:
    """Somewhere, in headers more often than elsewhere."""
    end = len(content) if rng.random() < 0.5 else min(len(content), 256)
    return rng.randrange(max(1, end))


def _other(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.choice(OTHER_KINDS))


def _sparse(path: Path, _: random.Random) -> None:
    os.truncate(path, SPARSE_BYTES)


def _pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path, _: random.Random) -> None:
    path.unlink()


def _link(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice((path.name, "/etc/passwd", "/dev/zero", "nowhere", "..")))


def _word(path: Path, rng: random.Random) -> None:
    words = path.read_text(errors="replace").split(" ")
    value = rng.choice(WRONG_VALUES)
    words[rng.randrange(len(words))] = str(value)[:100_000] if value != 10**400 else "9" * 400
    path.write_bytes(" ".join(words).encode(errors="replace"))


def _json(path: Path, rng: random.Random) -> None:
    path.write_text(_spoilt(path.read_text(), rng))


def _json_line(path: Path, rng: random.Random) -> None:
    lines = path.read_text().splitlines()
    chosen = rng.randrange(len(lines))
    lines[chosen] = _spoilt(lines[chosen], rng)
    path.write_text("".join(f"{line}\n" for line in lines))


def _spoilt(text: str, rng: random.Random) -> str:
    """JSON of which one node is another, or gone."""
    content = json.loads(text)
    places: list[tuple[Any, Any]] = []
    _collect(content, places)
    container, key = rng.choice(places)
    choice = rng.random()
    if choice < 0.15:
        del container[key]
    elif choice < 0.25:
        container[key] = json.loads("[" * 400 + "]" * 400)
    elif isinstance(container, dict) and choice < 0.35:
        container[str(rng.choice(WRONG_VALUES))[:200]] = container.pop(key)
    else:
        container[key] = rng.choice(WRONG_VALUES)
    return json.dumps(content)


def _collect(node: Any, places: list[tuple[Any, Any]]) -> None:
    keys = node.keys() if isinstance(node, dict) else range(len(node))
    for key in keys:
        places.append((node, key))
        if isinstance(node[key], (dict, list)):
            _collect(node[key], places)


Way = Callable[[Path, random.Random], None]
BYTE_WAYS: list[Way] = [_flip, _flip, _flip, _number, _number, _truncate, _block, _other]
KIND_WAYS: list[Way] = [_sparse, _pipe, _folder, _gone, _link]
