"""What a user may not read or write is said in a line, and nothing is lost."""

from functools import partial
from pathlib import Path

import pytest

import build_warp_dataset
import export_dataset
from tests.builders import a_scene, tree
from tests.fuzz.groups import build, recorded
from tests.pair_builders import two_scenes
from tests.plain_user import as_a_plain_user

DENIED = "Permission denied"


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """All paths below are of the test's folder; in the end they can be removed."""
    monkeypatch.chdir(tmp_path)
    yield
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)


@pytest.fixture
def room() -> Path:
    return a_scene(Path("in/room"), photos=3)


def status() -> int:
    return build_warp_dataset.main(["--input-dir", "in", "--output-dir", "out", "--status"])


def export(*flags: str) -> int:
    places = ["--output-dir", "output", "--dataset-dir", "set"]
    return export_dataset.main(["--format", "hf", *places, "--quiet", *flags])


def denied(path: str, mode: int, run) -> int:
    """Run something by a user of whom a file or folder takes what its mode says."""
    Path(path).chmod(mode)
    with as_a_plain_user():
        code = run()
    Path(path).chmod(0o755)
    return code


@pytest.mark.parametrize(
    ("path", "mode", "line"),
    [
        ("in", 0, f"in: cannot be looked into ({DENIED}); check its permissions"),
        ("in/room", 0, f"in/room: cannot be looked into ({DENIED}); check its permissions"),
        ("in/room/images", 0, f"in/room: cannot be looked into ({DENIED}); check its permissions"),
        ("in/room/depths/2.png", 0, f"in/room/depths/2.png: cannot be read ({DENIED}); pair 3"),
        ("in/room/transforms.json", 0, "in/room/transforms.json: cannot be read as JSON"),
        (".", 0o555, f"out: cannot be written ({DENIED})"),
    ],
)
def test_a_build_says_what_it_may_not_read_or_write_and_goes_on_once_it_may(
    room, path, mode, line, capsys
):
    assert denied(path, mode, recorded) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(line)
    assert recorded() == 0
    assert {"2_splats.jpg", "3_splats.jpg"} <= tree(Path("out/room")).keys()


def test_a_photo_that_may_not_be_read_is_left_out(room, capsys):
    assert denied("in/room/images/2.png", 0, recorded) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("in/room/images/2.png: cannot be read as a photo ([Errno 13]")
    assert "3_splats.jpg" in tree(Path("out/room"))


def test_pairs_in_a_folder_that_may_not_be_written_are_complete_or_named(room, capsys):
    assert recorded() == 0
    made = tree(Path("out/room"))
    assert denied("out/room", 0o555, recorded) == 0
    both_ways = partial(build, "--geometry", "recorded", "--bidirectional")
    assert denied("out/room", 0o555, both_ways) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"out/room: cannot be written ({DENIED})")
    assert tree(Path("out/room")) == made


def test_the_status_of_a_folder_that_may_not_be_read_is_said_to_be_hidden(room, capsys):
    assert recorded() == 0
    assert denied("out/.run/parts", 0, status) == 1
    assert capsys.readouterr().err == f"out/.run/parts: {DENIED}\n"


def test_weights_that_may_not_be_looked_for_are_named(room, capsys):
    Path("models").mkdir()
    run = partial(build, "--geometry", "vggt", "--model", "models/tiny.pt")
    assert denied("models", 0, run) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert f"models/tiny.pt: cannot be looked for ({DENIED})" in said


def test_an_export_names_the_pairs_that_may_not_be_read_and_not_its_own_folder(capsys):
    two_scenes(Path())
    assert denied("output", 0, export) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"output: cannot be looked into ({DENIED}); check its permissions"


def test_an_export_that_may_not_be_read_is_not_validated(capsys):
    two_scenes(Path())
    assert export() == 0
    capsys.readouterr()
    assert denied("set", 0, partial(export, "--validate")) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"set: cannot be looked into ({DENIED}); check its permissions"


def test_an_earlier_export_that_may_not_be_removed_is_named(capsys):
    two_scenes(Path())
    assert export() == 0
    before = tree(Path("set"))
    capsys.readouterr()
    assert denied("set/train", 0o555, export) == 0
    (said,) = capsys.readouterr().err.splitlines()
    assert said.endswith(
        "set.previous: holds the earlier export, which cannot be removed; remove it"
    )
    assert tree(Path("set")) == before
