"""Text is read and written as UTF-8 on every system, Windows included."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ELSEWHERE = {"tests", "output", "input"}
CODE = sorted(
    path
    for path in ROOT.rglob("*.py")
    if path.relative_to(ROOT).parts[0] not in ELSEWHERE and "/." not in path.as_posix()
)


def calls_without_encoding(source: str) -> Iterator[int]:
    """Lines that open a text file, or read or write one whole, in the system's encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if any(word.arg == "encoding" for word in node.keywords):
            continue
        if name == "read_text" and not node.args:
            yield node.lineno
        if name == "write_text" and len(node.args) == 1 and not _is_path(node.args[0]):
            yield node.lineno
        if isinstance(node.func, ast.Name) and name == "open" and not _is_binary(node):
            yield node.lineno


def _is_path(argument: ast.expr) -> bool:
    """Whether it is `folder / name`, as pycolmap's `write_text` takes it, and no text."""
    return isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Div)


def _is_binary(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_files_are_opened_with_an_encoding(path):
    assert not list(calls_without_encoding(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    ["path.read_text()", 'path.write_text("a")', 'open("a")', 'open("a", "w")'],
)
def test_a_call_without_an_encoding_is_found(line):
    assert list(calls_without_encoding(line)) == [1]


@pytest.mark.parametrize("line", ['open("a", "rb")', 'path.read_text(encoding="utf-8")'])
def test_a_call_with_an_encoding_or_of_bytes_passes(line):
    assert not list(calls_without_encoding(line))
