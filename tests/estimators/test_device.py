"""The line that names the device, and the one about a card that lies idle."""

import ctypes

import pytest
import torch

from estimators import device
from estimators.device import NvidiaDriver, description, named_device, nvidia_driver
from warpset.core.errors import InputError

needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


class FakeDriver:
    """A driver's library with so many cards; the second number is what `cuInit` answers."""

    def __init__(self, cards, init=0):
        self.cards, self.init = cards, init

    def cuInit(self, _flags):
        return self.init

    def cuDeviceGetCount(self, count):
        count._obj.value = self.cards
        return 0

    def cuDriverGetVersion(self, version):
        version._obj.value = 12080
        return 0


@pytest.mark.parametrize(
    ("library", "found"),
    [
        (FakeDriver(2), NvidiaDriver(2, "12.8")),
        (FakeDriver(0), None),
        (FakeDriver(1, init=100), None),
    ],
)
def test_the_driver_says_its_cards_and_its_cuda(monkeypatch, library, found):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    assert nvidia_driver() == found


def test_a_system_without_a_driver_has_no_card(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert nvidia_driver() is None


def test_the_processor_is_named_with_its_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert description("cpu") == "cpu (3 threads)"


@needs_no_cuda
def test_a_card_that_pytorch_cannot_use_is_one_line(monkeypatch, caplog):
    monkeypatch.setattr(device, "nvidia_driver", lambda: NvidiaDriver(1, "12.8"))
    assert named_device(None) == "cpu"
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "an NVIDIA card is there (driver for CUDA 12.8), but PyTorch cannot use it" in line
    assert torch.__version__ in line and "README.md" in line


@needs_no_cuda
@pytest.mark.parametrize(("asked", "driver"), [("cpu", NvidiaDriver(1, "12.8")), (None, None)])
def test_nothing_is_said_of_a_card_that_is_not_wanted_or_not_there(
    monkeypatch, caplog, asked, driver
):
    monkeypatch.setattr(device, "nvidia_driver", lambda: driver)
    assert named_device(asked) == "cpu"
    assert [record.levelname for record in caplog.records if record.levelname != "INFO"] == []


@needs_no_cuda
def test_cuda_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="found no CUDA device"):
        named_device("cuda")
