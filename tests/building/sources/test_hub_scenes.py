"""Scenes on the Hugging Face Hub and in Google's buckets, at fsspec's boundary; no network."""

import io
import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from build_warp_dataset import main
from tests.builders import a_scene, tree

fsspec = pytest.importorskip("fsspec")
spec = pytest.importorskip("fsspec.spec")


class Hub(spec.AbstractFileSystem):
    """Names, listings and reading as `HfFileSystem` has them; it takes no files."""

    protocol = "hf"
    cachable = False
    files: ClassVar[dict[str, bytes]] = {}

    def ls(self, path, detail=True, **_):
        path = self._strip_protocol(path)
        found = {}
        for name, content in self.files.items():
            if name == path:
                found[name] = {"name": name, "size": len(content), "type": "file"}
            elif name.startswith(f"{path}/"):
                first, *deeper = name.removeprefix(f"{path}/").split("/")
                kind = "directory" if deeper else "file"
                entry = {"name": f"{path}/{first}", "size": len(content), "type": kind}
                found[entry["name"]] = entry
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    def _open(self, path, mode="rb", **_):
        if mode != "rb":
            raise NotImplementedError("a repository takes commits")
        return io.BytesIO(self.files[self._strip_protocol(path)])


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(Hub, "files", {})
    before = dict(fsspec.registry)
    fsspec.register_implementation("hf", Hub, clobber=True)
    yield "datasets/owner/rooms"
    if "hf" in before:
        fsspec.register_implementation("hf", before["hf"], clobber=True)


def build(source: Path | str, output: Path | str) -> int:
    places = ["--input-dir", str(source), "--output-dir", str(output)]
    return main([*places, "--device", "cpu", "--nocache", "--quiet"])


def test_scenes_of_a_hub_data_set_give_the_same_bytes_as_on_disk(tmp_path, hub):
    a_scene(tmp_path / "in" / "room")
    street = a_scene(tmp_path / "street", at=(0, 1, 0))
    shutil.make_archive(str(tmp_path / "in" / "street"), "zip", street)
    assert build(tmp_path / "in", tmp_path / "out") == 0
    Hub.files |= {f"{hub}/train/{name}": content for name, content in tree(tmp_path / "in").items()}
    assert build(f"hf://{hub}/train", tmp_path / "fetched") == 0
    assert tree(tmp_path / "fetched") == tree(tmp_path / "out")


def test_a_folder_that_the_hub_has_not_is_one_line(tmp_path, hub, capsys):
    assert build(f"hf://{hub}/test", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"hf://{hub}/test: found nothing there" in line


def test_the_group_has_what_speaks_to_googles_buckets():
    pytest.importorskip("gcsfs")
    assert "gs" in fsspec.get_filesystem_class("gs").protocol
