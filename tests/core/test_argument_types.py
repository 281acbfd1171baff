"""What every command's help says, and how it says that something is wrong."""

from importlib import import_module

import pytest

from warpset.core.argument_types import OneLineParser


def test_help_says_only_defaults_that_say_something():
    parser = OneLineParser(prog="door")
    parser.add_argument("--sigma", default=20.0, help="where it fades")
    parser.add_argument("--device", default=None, help="where to compute")
    parser.add_argument("--dry-run", action="store_true", help="only look")
    told = parser.format_help()
    assert "where it fades (default: 20.0)" in told
    assert told.count("(default: ") == 1


def test_examples_at_the_end_of_the_help_keep_their_lines():
    examples = "examples:\n  door --input a\n      one place\n"
    assert OneLineParser(prog="door", epilog=examples).format_help().endswith(examples)


def test_a_description_of_one_paragraph_is_wrapped():
    told = OneLineParser(prog="door", description="word " * 60).format_help()
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    "door", ["modelscope", "aitoolkit", "export_dataset", "review_dataset"], ids=str
)
def test_doors_that_work_on_folders_here_refuse_addresses_by_name(door, capsys):
    places = ["s3://bucket/pairs"]
    flags = places if door == "review_dataset" else ["--output-dir", *places]
    flags += ["--format", "hf"] if door == "export_dataset" else []
    with pytest.raises(SystemExit) as end:
        import_module(door).main(flags)
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert "found an address of the kind 's3', need a path on this machine" in line
