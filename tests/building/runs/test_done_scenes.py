"""Scenes of a store that are done are not fetched again; any others are."""

import secrets
import shutil
from pathlib import Path

import pytest

from build_warp_dataset import main
from tests.builders import TOLD, a_scene, tree
from warpset.building.pipeline import Backends
from warpset.building.runs import done_scenes
from warpset.building.runs.done_scenes import would_give
from warpset.core.errors import InputError
from warpset.files.stores.store import Store

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def stored(tmp_path):
    """A folder in a store with a scene as a folder and one as a zip; what is made of it here."""
    fs, root = fsspec.filesystem("memory"), f"/{secrets.token_hex(4)}"
    room, street = a_scene(tmp_path / "in" / "room"), a_scene(tmp_path / "street", at=(0, 1, 0))
    for name, content in tree(room).items():
        fs.pipe_file(f"{root}/in/room/{name}", content)
    packed = Path(shutil.make_archive(str(tmp_path / "in" / "street"), "zip", street))
    fs.pipe_file(f"{root}/in/street.zip", packed.read_bytes())
    yield fs, root
    fs.rm(root, recursive=True)


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Names of the scenes that are fetched."""
    names = []
    fetch, fetch_file = Store.fetch, Store.fetch_file

    def seen(store, files, folder):
        if "/in/" in str(store.address):
            names.append(store.address.name)
        fetch(store, files, folder)

    def seen_file(store, target):
        names.append(store.address.name)
        fetch_file(store, target)

    monkeypatch.setattr(Store, "fetch", seen)
    monkeypatch.setattr(Store, "fetch_file", seen_file)
    return names


def build(root: str, output: str, *flags: str) -> int:
    paths = ["--input-dir", f"memory:/{root}/in", "--output-dir", output]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


def pairs(fs, root: str) -> dict[str, bytes]:
    names = {path.removeprefix(f"{root}/out/"): path for path in fs.find(f"{root}/out")}
    return {name: fs.cat_file(path) for name, path in names.items() if not TOLD.fullmatch(name)}


@pytest.mark.parametrize("flags", [(), ("--stage-gb", "0.1")])
@pytest.mark.parametrize("goes_to", ["store", "folder"])
def test_scenes_that_are_done_are_not_fetched_again(
    stored, fetched, flags, goes_to, tmp_path, capsys
):
    fs, root = stored
    output = f"memory:/{root}/out" if goes_to == "store" else str(tmp_path / "out")
    found = lambda: pairs(fs, root) if goes_to == "store" else tree(tmp_path / "out")  # noqa: E731
    assert build(root, output, *flags) == 0
    assert sorted(fetched) == ["room", "street.zip"]
    first, said = found(), capsys.readouterr().err.splitlines()[-1]
    fetched.clear()
    assert build(root, output, *flags) == 0
    assert fetched == [] and found() == first
    again = capsys.readouterr().err.splitlines()
    assert "0 pairs written, 4 there already" in again[-2] and again[-1] == said  # of the quality


def test_a_scene_is_fetched_where_anything_is_otherwise(stored, fetched, capsys):
    fs, root = stored
    output = f"memory:/{root}/out"

    def fetched_by(code: int, *flags: str) -> list[str]:
        fetched.clear()
        assert build(root, output, *flags) == code
        return sorted(fetched)

    assert fetched_by(0) == ["room", "street.zip"]
    whole = pairs(fs, root)
    fs.rm_file(f"{root}/out/room/2_splats.jpg")
    assert fetched_by(0) == ["room"] and pairs(fs, root) == whole
    assert fetched_by(0, "--bidirectional") == ["room", "street.zip"]
    assert fetched_by(0, "--bidirectional", "--force_output") == ["room", "street.zip"]
    assert fetched_by(0, "--bidirectional") == []
    photo = f"{root}/in/room/images/2.png"
    fs.pipe_file(photo, fs.cat_file(f"{root}/in/room/images/1.png"))
    assert fetched_by(1, "--bidirectional") == ["room"]
    assert "was made with" in capsys.readouterr().err


def test_a_scene_with_a_problem_says_it_in_every_run(stored, fetched, capsys):
    fs, root = stored
    fs.pipe_file(f"{root}/in/room/images/3.png", b"no photo")
    for _ in range(2):
        fetched.clear()
        assert build(root, f"memory:/{root}/out") == 1
        assert "3.png: cannot be read" in capsys.readouterr().err
    assert fetched == ["room"]


def test_a_scene_that_is_killed_while_it_is_made_again_is_not_taken_for_done(
    stored, fetched, monkeypatch
):
    fs, root = stored
    assert build(root, f"memory:/{root}/out") == 0
    with monkeypatch.context() as patch:
        patch.setattr(done_scenes.DoneScenes, "note", lambda *_: None)  # a kill ends it before
        build(root, f"memory:/{root}/out", "--force_output")
    fetched.clear()
    assert build(root, f"memory:/{root}/out") == 0
    assert sorted(fetched) == ["room", "street.zip"]


def test_a_store_that_tells_no_versions_has_its_scenes_fetched(stored, fetched, monkeypatch):
    fs, root = stored
    monkeypatch.setattr("warpset.files.stores.store.VERSIONS", ())
    for _ in range(2):
        assert build(root, f"memory:/{root}/out") == 0
    assert len(fetched) == 4


class AnEstimator:
    def __init__(self, revision: str = "a"):
        self._revision = revision

    @property
    def revision(self) -> str:
        if not self._revision:
            raise InputError("no weights")
        return self._revision


@pytest.mark.parametrize(
    ("asked", "source", "revision", "refines", "same"),
    [
        ("auto", "net", "a", False, True),
        ("net", "net", "a", False, True),
        ("auto", "net", "b", False, False),
        ("other", "net", "a", False, False),
        ("gone", "gone", "", False, False),
        ("missing", "missing", "a", False, False),
        ("auto", "net", "a", True, False),
        ("auto", "net", "a, cameras refined", True, True),
        ("auto", "recorded", "transforms.json", False, True),
        ("auto", "recorded", "transforms.json", True, False),
        ("recorded", "recorded", "transforms.json, cameras refined", True, True),
        ("recorded", "recorded", "transforms.json, cameras refined", False, False),
    ],
)
def test_another_network_or_refinement_is_another_geometry(asked, source, revision, refines, same):
    make = {"net": AnEstimator, "other": AnEstimator, "gone": lambda: AnEstimator("")}
    none = lambda *_: None  # noqa: E731
    backends = Backends(make, none, none, none, none if refines else None)  # pyright: ignore
    assert would_give(backends, asked, {"source": source, "revision": revision}) == same
