"""download_data: what strangers offer is checked, unpacked safely, and not fetched twice."""

import gzip
import hashlib
import io
import itertools
import json
import os
import re
import stat
import sys
import tarfile
import types
import zipfile
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from aerial_megadepth import download_data
from aerial_megadepth.download import archives
from aerial_megadepth.download.archives import unpack
from aerial_megadepth.download.sources import read_links
from tests.builders import tree
from warpset.core.errors import InputError

LINK = "https://drive.google.com/open?id=0123456789012345678901234"


def a_zip(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def a_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                archive.addfile(info)
    return path


class Drive:
    """A stand-in for gdown that serves one file from memory and counts how often."""

    def __init__(self, name: str, content: bytes):
        self.name, self.content, self.calls = name, content, 0
        self.breaks = False

    def download(self, url, output, quiet, resume):
        assert resume and output[-1] in "/\\"
        self.calls += 1
        if self.breaks:
            raise ConnectionError("the line\nbroke")
        with open(output + self.name, "wb") as file:  # noqa: PTH123
            file.write(self.content)

    download_folder = download


@pytest.fixture
def drive(monkeypatch, tmp_path):
    served = a_zip(tmp_path / "served.zip", **{"0001__a.txt": "one", "0001__b__c.txt": "two"})
    stand_in = Drive("0001.zip", served.read_bytes())
    served.unlink()
    module = types.ModuleType("gdown")
    module.__dict__.update(download=stand_in.download, download_folder=stand_in.download_folder)
    monkeypatch.setitem(sys.modules, "gdown", module)
    return stand_in


def run(root, *flags):
    return download_data.main(["--output_path", str(root), "--quiet", *flags])


def files(folder):
    """Every file below a folder and its bytes, but for the list of what is done."""
    return {name: data for name, data in tree(folder).items() if name[:10] != ".downloads"}


def test_a_shared_file_is_downloaded(tmp_path, drive):
    assert run(tmp_path, "--gdrive_link", LINK) == 0
    assert list(files(tmp_path)) == ["0001.zip"]


def test_archives_are_unpacked_kept_or_removed(tmp_path, drive):
    unpacked = {"0001/a.txt": b"one", "0001/b/c.txt": b"two"}
    assert run(tmp_path / "kept", "--gdrive_link", LINK, "--unzip") == 0
    assert files(tmp_path / "kept") == {"0001.zip": drive.content, **unpacked}
    assert run(tmp_path / "removed", "--gdrive_link", LINK, "--unzip", "--remove_zip") == 0
    assert files(tmp_path / "removed") == unpacked
    flags = ["--gdrive_link", LINK, "--unzip", "--remove_zip", "--create_subdirs"]
    assert run(tmp_path / "sub", *flags) == 0
    assert files(tmp_path / "sub") == {f"0001/{name}": data for name, data in unpacked.items()}


def test_what_is_done_is_not_fetched_again(tmp_path, drive, capsys):
    flags = ["--gdrive_link", LINK, "--unzip", "--remove_zip"]
    run(tmp_path, *flags)
    assert download_data.main(["--output_path", str(tmp_path), *flags]) == 0
    assert "there already" in capsys.readouterr().err and drive.calls == 1
    assert run(tmp_path, *flags, "--force_output") == 0 and drive.calls == 2


def test_a_broken_line_is_one_line_and_the_next_run_goes_on(tmp_path, drive, capsys):
    drive.breaks = True
    assert run(tmp_path, "--gdrive_link", LINK) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be downloaded (the line broke); the same command goes on" in line
    drive.breaks = False
    assert run(tmp_path, "--gdrive_link", LINK) == 0


def test_a_run_killed_while_unpacking_need_not_download_again(tmp_path, drive, monkeypatch):
    def killed(*_):
        raise Killed

    flags = ["--gdrive_link", LINK, "--unzip", "--remove_zip"]
    with monkeypatch.context() as patch:
        patch.setattr(download_data, "unpack", killed)
        with pytest.raises(Killed):
            run(tmp_path, *flags)
    assert run(tmp_path, *flags) == 0
    assert drive.calls == 1 and "0001/a.txt" in files(tmp_path)


class Folder:
    """A source of two archives that counts how often it is asked."""

    key, calls = "two archives", 0

    def fetch(self, folder, quiet):
        self.calls += 1
        for name in "ab":
            a_zip(folder / f"{name}.zip", **{f"{name}.txt": name})


@pytest.mark.parametrize("remove", [False, True])
def test_an_archive_to_be_removed_goes_before_the_next_is_unpacked(tmp_path, monkeypatch, remove):
    there = []

    def watched(archive, folder, quiet):
        there.append(sorted(path.name for path in archive.parent.iterdir()))
        return unpack(archive, folder, quiet)

    monkeypatch.setattr(download_data, "unpack", watched)
    placing = download_data.Placing(tmp_path, unpack=True, remove=remove, quiet=True)
    download_data.download(Folder(), placing)
    assert there == [["a.zip", "b.zip"], ["b.zip"] if remove else ["a.zip", "b.zip"]]
    assert {"a.txt", "b.txt"} <= set(files(tmp_path))


def test_a_run_killed_between_two_archives_goes_on_with_the_second(tmp_path, monkeypatch):
    source, placing = Folder(), download_data.Placing(tmp_path, True, True, quiet=True)

    def killed_at_b(archive, folder, quiet):
        if archive.name == "b.zip":
            raise Killed
        return unpack(archive, folder, quiet)

    with monkeypatch.context() as patch:
        patch.setattr(download_data, "unpack", killed_at_b)
        with pytest.raises(Killed):
            download_data.download(source, placing)
    unpacked = []
    monkeypatch.setattr(
        download_data,
        "unpack",
        lambda archive, *rest: unpacked.append(archive.name) or unpack(archive, *rest),
    )
    download_data.download(source, placing)
    assert (source.calls, unpacked) == (1, ["b.zip"])
    assert files(tmp_path) == {"a.txt": b"a", "b.txt": b"b"}


class Killed(BaseException):
    """What a kill looks like from inside."""


def killed_at_move(number):
    """`Path.replace` that does its work and ends the run at the given call."""
    calls, replace = itertools.count(1), Path.replace

    def counted(self, target):
        moved = replace(self, target)
        if next(calls) == number:
            raise Killed
        return moved

    return counted


@pytest.mark.parametrize("flags", [[], ["--unzip"], ["--unzip", "--remove_zip"]])
def test_a_run_killed_at_any_move_goes_on_without_a_download(tmp_path, drive, monkeypatch, flags):
    flags = ["--gdrive_link", LINK, *flags]
    assert run(tmp_path / "whole", *flags) == 0
    for number in itertools.count(1):
        root, drive.calls = tmp_path / str(number), 0
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed_at_move(number))
            try:
                run(root, *flags)
            except Killed:
                was_killed = True
            else:
                was_killed = False
        assert run(root, *flags) == 0 and drive.calls == 1
        assert tree(root) == tree(tmp_path / "whole")
        if not was_killed:
            break
    assert number > 2


def test_what_is_gone_is_downloaded_again(tmp_path, drive):
    flags = ["--gdrive_link", LINK, "--unzip", "--remove_zip"]
    run(tmp_path, *flags)
    (tmp_path / "0001" / "b" / "c.txt").unlink()
    assert run(tmp_path, *flags) == 0 and drive.calls == 2
    assert files(tmp_path)["0001/b/c.txt"] == b"two"


def test_a_record_of_an_earlier_version_still_says_that_all_is_there(tmp_path, drive):
    flags = ["--gdrive_link", LINK, "--unzip"]
    run(tmp_path, *flags)
    (record,) = (tmp_path / ".downloads").glob("*.json")
    record.write_text(json.dumps({"source": LINK, "files": ["0001.zip"]}))
    assert run(tmp_path, *flags) == 0 and drive.calls == 1


def test_a_torn_record_is_one_line(tmp_path, drive, capsys):
    run(tmp_path, "--gdrive_link", LINK)
    (record,) = (tmp_path / ".downloads").glob("*.json")
    record.write_text("{")
    assert run(tmp_path, "--gdrive_link", LINK) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{record}: cannot be read" in line and "remove it" in line


def test_a_page_in_place_of_an_archive_is_named_and_asked_for_again(tmp_path, drive, capsys):
    archive, name = drive.content, drive.name
    drive.name, drive.content = "open", b"<html>"
    assert run(tmp_path, "--gdrive_link", LINK, "--unzip", "--remove_zip") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{LINK}: found no archive to unpack but open" in line
    assert files(tmp_path) == {"open": b"<html>"}
    drive.name, drive.content = name, archive
    assert run(tmp_path, "--gdrive_link", LINK, "--unzip", "--remove_zip") == 0
    assert drive.calls == 2 and "0001/a.txt" in files(tmp_path)


def test_gdown_is_one_that_knows_shared_links():
    """Before 6, it stored the page that `open?id=` shows."""
    pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r'"gdown>=(\d+)', pyproject)
    assert needed is not None and int(needed[1]) >= 6


def test_one_bad_link_leaves_the_others(tmp_path, drive, capsys):
    good = hashlib.sha256(drive.content).hexdigest()
    (tmp_path / "links.txt").write_text(
        f"# scenes\n{LINK} {'0' * 64}\n\nhttps://drive.google.com/open?id=other {good}  # 0001\n"
    )
    assert run(tmp_path / "out", "--gdrive_links_file", str(tmp_path / "links.txt")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"0001.zip has SHA-256 {good}, need {'0' * 64}" in line
    assert list(files(tmp_path / "out")) == ["0001.zip"]


def test_links_may_have_names_as_aerialmegadepth_lists_them(tmp_path):
    sum_of_it = "AB" * 32
    (tmp_path / "links.txt").write_text(
        f"0001.zip: {LINK}\nsample data: {LINK}&b=c  {sum_of_it}  # a remark\n{LINK}\n"
    )
    first, second, third = read_links(tmp_path / "links.txt")
    assert (first.link, first.sha256) == (LINK, None) == (third.link, third.sha256)
    assert (second.link, second.sha256) == (f"{LINK}&b=c", sum_of_it.lower())


@pytest.mark.parametrize(
    "text",
    [
        *("", "# none", "no link", f"name {LINK}", f": {LINK}"),
        *(f"{LINK} abc", f"{LINK} {'0' * 64} x"),
    ],
)
def test_a_text_without_links_is_one_line(tmp_path, text):
    (tmp_path / "links.txt").write_text(text)
    with pytest.raises(InputError):
        read_links(tmp_path / "links.txt")


def test_a_missing_gdown_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gdown", None)
    assert run(tmp_path, "--gdrive_link", LINK) == 1
    assert "gdown is not installed; `uv sync --group aerial`" in capsys.readouterr().err


class Hub:
    """A stand-in for the Hub that serves files with or without a sum."""

    def __init__(self, files, sums):
        self.files, self.sums, self.asked = files, sums, None

    def dataset_info(self, repo, files_metadata):
        assert repo == "owner/name" and files_metadata
        siblings = [
            SimpleNamespace(
                rfilename=name,
                lfs=SimpleNamespace(sha256=self.sums[name]) if name in self.sums else None,
            )
            for name in self.files
        ]
        return SimpleNamespace(sha="abc", siblings=siblings)

    def snapshot_download(self, repo, *, repo_type, revision, local_dir, allow_patterns):
        assert (repo_type, revision) == ("dataset", "abc")
        self.asked = allow_patterns
        for name, content in self.files.items():
            (local_dir / name).parent.mkdir(parents=True, exist_ok=True)
            (local_dir / name).write_bytes(content)


@pytest.fixture
def hub(monkeypatch):
    stand_in = Hub({"data/a.bin": b"weights", "README.md": b"card"}, {})
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: stand_in)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in.snapshot_download)
    return stand_in


def test_a_data_set_of_the_hub_keeps_its_folders(tmp_path, hub):
    hub.sums["data/a.bin"] = hashlib.sha256(b"weights").hexdigest()
    assert run(tmp_path, "--hf_repo", "owner/name", "--allow_patterns", "data/*", "*.md") == 0
    assert files(tmp_path) == {"data/a.bin": b"weights", "README.md": b"card"}
    assert hub.asked == ["data/*", "*.md"]


def test_a_file_with_another_sum_is_removed_and_named(tmp_path, hub, capsys):
    hub.sums["data/a.bin"] = "0" * 64
    assert run(tmp_path, "--hf_repo", "owner/name") == 1
    assert "a.bin has SHA-256" in capsys.readouterr().err
    assert not files(tmp_path)


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--gdrive_link", LINK, "--remove_zip"],
        ["--gdrive_link", LINK, "--create_subdirs"],
        ["--gdrive_link", LINK, "--allow_patterns", "*"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(tmp_path, capsys, flags):
    with pytest.raises(SystemExit) as ended:
        run(tmp_path, *flags)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


LEAVING = ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil", "\\evil", "a:b"]


@pytest.mark.parametrize("name", LEAVING)
@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_a_path_that_leaves_the_folder_is_refused_and_nothing_unpacked(tmp_path, name, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good.txt", "good")
            archive.writestr(name, "evil")
    else:
        members = [("good.txt", b"good"), (name, b"evil")]
        a_tar(path, members, "w" if kind == "tar" else "w:gz")
    with pytest.raises(InputError, match="leaves its folder; nothing of it was unpacked"):
        unpack(path, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    members = [("good.txt", b"good"), ("link", (kind, "good.txt"))]
    with pytest.raises(InputError, match="a link or device"):
        unpack(a_tar(tmp_path / "a.tar.gz", members), tmp_path / "out", quiet=True)


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="a link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "out", quiet=True)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    path, zeros = tmp_path / f"bomb.{kind}", bytes(2**23)
    a_zip(path, zeros=zeros) if kind == "zip" else a_tar(path, [("zeros", zeros)])
    with pytest.raises(InputError, match="its size does not explain"):
        unpack(path, tmp_path / "out", quiet=True)


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    path = a_zip(tmp_path / "a.zip", **{f"{n}.txt": "" for n in range(4)})
    with pytest.raises(InputError, match="more than"):
        unpack(path, tmp_path / "out", quiet=True)


def test_a_tar_header_cannot_ask_for_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**16)
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    (tmp_path / "a.tgz").write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT)))
    with pytest.raises(InputError, match="a header of 1073741824 bytes"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", quiet=True)


def test_hidden_files_stay_out(tmp_path):
    path = a_zip(tmp_path / "a.zip", **{".step.json": "x", ".git__config": "x", "a.txt": "a"})
    assert unpack(path, tmp_path / "out", quiet=True) == [tmp_path / "out" / "a.txt"]
    assert files(tmp_path / "out") == {"a.txt": b"a"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", b"\x1f\x8b\x08broken"])
def test_a_broken_archive_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        unpack(tmp_path / name, tmp_path / "out", quiet=True)
    assert "cannot be unpacked" in str(error.value) and "\n" not in str(error.value)


def test_a_torn_archive_leaves_nothing(tmp_path):
    path = a_zip(tmp_path / "a.zip", a="a" * 5000, b=bytes(range(256)) * 20)
    broken = bytearray(path.read_bytes())
    broken[40:60] = bytes(20)
    path.write_bytes(broken)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_refused_archive_stays_refused_with_code_1(tmp_path, drive, capsys):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil.txt", "evil")
    drive.content = (tmp_path / "evil.zip").read_bytes()
    for _ in range(2):
        assert run(tmp_path / "out", "--gdrive_link", LINK, "--unzip") == 1
        assert "refused '../evil.txt'" in capsys.readouterr().err
    assert not (tmp_path / "evil.txt").exists() and not files(tmp_path / "out")


def test_a_second_download_of_the_same_says_so(tmp_path, drive, capsys, monkeypatch):
    def meanwhile(url, output, quiet, resume):
        assert run(tmp_path, "--gdrive_link", LINK) == 1
        drive.download(url, output, quiet, resume)

    monkeypatch.setattr(sys.modules["gdown"], "download", meanwhile)
    assert run(tmp_path, "--gdrive_link", LINK) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "another run is writing here" in line and drive.calls == 1


def test_a_pipe_is_no_archive_and_nobody_waits_for_it(tmp_path):
    for name in ("a.zip", "a.tar.gz"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="cannot be unpacked .*no regular file"):
            unpack(tmp_path / name, tmp_path / "out")


def test_an_archive_of_nothing_is_refused(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"\0" * 4096)
    with pytest.raises(InputError, match="a.tar: found no file in it"):
        unpack(tmp_path / "a.tar", tmp_path / "out", quiet=True)


def test_a_tar_that_is_damaged_between_its_members_is_refused(tmp_path):
    members = [(name, bytes(range(256)) * 4) for name in "abc"]
    path = a_tar(tmp_path / "a.tar", members, mode="w")
    content = bytearray(path.read_bytes())
    content[1536:1540] = b"\xff" * 4  # the head of the second member, which follows 1024 bytes
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked .*no end of the tar"):
        unpack(path, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_the_checksum_of_a_packed_tar_is_compared(tmp_path):
    path = a_tar(tmp_path / "a.tar.gz", [("a", b"1"), ("b", b"2")])
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked .*CRC"):
        unpack(path, tmp_path / "out", quiet=True)
