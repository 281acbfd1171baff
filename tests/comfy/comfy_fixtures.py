"""A stand-in ComfyUI with tiny random weights, and the pack loaded into it."""

import sys

import pytest
import torch

from tests.comfy.comfy_builders import tiny_weights
from tests.comfy.comfy_stubs import INSTALLED, Server, load_pack, put_pack


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory):
    return tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.pt")


@pytest.fixture
def one_thread():
    """Layers this small are faster without the others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pack_folder(tmp_path_factory):
    return put_pack(tmp_path_factory.mktemp("custom_nodes"), "vggt-dataset-builder")


@pytest.fixture
def server(tmp_path, monkeypatch, weights_file):
    server = Server(tmp_path)
    server.install(monkeypatch)
    (tmp_path / "models" / "vggt").mkdir(parents=True)
    (tmp_path / "models" / "vggt" / "tiny.pt").symlink_to(weights_file)
    return server


@pytest.fixture
def pack(server, pack_folder, monkeypatch, one_thread):
    """The pack in a server that has just started; rooms that know no server stay loaded."""
    for module in list(sys.modules):
        if module.startswith(f"{INSTALLED}.comfy_nodes"):
            monkeypatch.delitem(sys.modules, module)
    return load_pack(pack_folder, INSTALLED)
