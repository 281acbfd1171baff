"""The check for graphics cards, in the small form that runs without one."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu import twins
from benchmarks.gpu.parts import Failed, Part, Setup
from renderer.hole_filling import HoleFillingRenderer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = Setup("cpu", is_small=True)


@pytest.fixture(scope="module")
def check():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("benchmarks.gpu_check")


def run(check: ModuleType, capsys: pytest.CaptureFixture, *parts: str) -> tuple[int, str]:
    code = check.main(["--device", "cpu", "--parts", *parts])
    return code, capsys.readouterr().out


def test_kernels_bytes_and_frames_are_checked(check, capsys):
    code, out = run(check, capsys, "kernels", "bytes", "frames")
    assert code == 0, out
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert any(row.startswith("| splat_samples |") and row.endswith("| 0 |") for row in rows)
    assert "| room | 2 | 0 | 0 | 0 | 0 |" in rows
    assert sum(row.startswith(("| 64x48 |", "| 96x64 |")) for row in rows) == 2
    assert out.count("as it should be") == 3


def test_a_kernel_that_differs_from_its_twin_is_named(check, capsys, monkeypatch):
    def another(*arguments: Any) -> None:
        resolve(*arguments)
        arguments[-1][:] = ~arguments[-1]

    resolve = twins.TWINS["resolve_sharp"]
    monkeypatch.setitem(twins.TWINS, "resolve_sharp", another)
    code, out = run(check, capsys, "kernels")
    assert code == 1
    assert "kernels: FAILED, Failed: resolve_sharp: another result" in out


def test_bytes_that_are_not_the_cpus_are_counted(check, capsys, monkeypatch):
    views = []
    render = HoleFillingRenderer.render_view

    def every_second_is_off(self, *arguments):
        view = render(self, *arguments)
        views.append(view)
        if len(views) % 2 == 0:
            view.rgb.flat[0] ^= np.uint8(1)
        return view

    monkeypatch.setattr(HoleFillingRenderer, "render_view", every_second_is_off)
    code, out = run(check, capsys, "bytes")
    assert code == 1
    assert "| room | 2 | 2 | 0 | 0 | 0 |" in out


def test_a_scene_that_does_not_fit_is_halved(check, capsys):
    code, out = run(check, capsys, "memory")
    assert code == 0, out
    assert "| 8 | 0.00 | 2 2 2 2 2 2 2 | 8 |" in out


@pytest.mark.slow
def test_networks_are_timed(check, capsys):
    code, out = run(check, capsys, "networks")
    assert code == 0, out
    for network in ("VGGT-1B", "VGGT-Omega"):
        assert f"| {network} | 2 |" in out and f"| {network} | 3 |" in out


@pytest.mark.slow
def test_pairs_and_two_workers_are_run(check, capsys):
    pytest.importorskip("ray")
    code, out = run(check, capsys, "pairs", "ray")
    assert code == 0, out
    assert "| 3 | 2 |" in out and "| two workers | 4 |" in out


def test_a_part_that_breaks_does_not_keep_others_from_running(check, capsys, monkeypatch):
    def broken(setup: Setup):
        yield "one", setup.device
        raise Failed("what\nwent wrong")

    parts = {name: Part(name, name, ("what", "where"), broken) for name in ("a", "b")}
    monkeypatch.setattr(check, "PARTS", parts)
    code, out = run(check, capsys, "a", "b")
    assert code == 1
    assert [line for line in out.splitlines() if "FAILED" in line] == [
        f"{name}: FAILED, Failed: what went wrong" for name in ("a", "b")
    ]


def test_what_was_not_run_for_want_of_time_is_named(check, capsys):
    assert check.main(["--device", "cpu", "--parts", "kernels", "bytes", "--budget-s", "0"]) == 1
    out = capsys.readouterr().out
    assert "kernels: not run" in out and "bytes: not run" in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_machine_without_a_card_is_told_what_to_do(check, capsys):
    assert check.main([]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "--device cpu" in said.err
    assert len(said.err.strip().splitlines()) == 1
