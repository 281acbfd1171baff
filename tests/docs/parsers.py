"""The parsers of commands, caught where they are about to read their command line."""

from __future__ import annotations

import argparse
import importlib

import pytest


class Parsing(Exception):
    """Carries the parser that a command is about to use."""


def parser_of(module: str) -> argparse.ArgumentParser:
    """What a command reads its command line with."""

    def stop(parser, *_):
        raise Parsing(parser)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Parsing) as caught:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", stop)
        importlib.import_module(module).main([])
    return caught.value.args[0]
