"""What benchmarks say of memory and processor time, on every system."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil  # asks for the system as it is loaded, before a test pretends another
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ONLY_UNIX = {"resource", "fcntl", "pwd", "grp", "termios"}
MIB = 2**20


def load_processes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("processes", BENCHMARKS / "processes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "processes", module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def processes() -> ModuleType:
    return load_processes()


def imports_at_the_top(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    plain = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in body if isinstance(node, ast.ImportFrom)}


def a_windows_answer() -> SimpleNamespace:
    return SimpleNamespace(rss=3 * MIB, peak_wset=5 * MIB)


def test_no_benchmark_needs_a_module_that_windows_has_not():
    for path in BENCHMARKS.glob("*.py"):
        assert not imports_at_the_top(path) & ONLY_UNIX, path.name


def test_memory_is_measured_without_the_module_resource_on_windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(memory_info=a_windows_answer))
    assert load_processes().peak_memory_bytes() == 5 * MIB


def test_the_peak_of_this_process_only_grows(processes):
    before = processes.peak_memory_bytes()
    assert MIB < before <= processes.peak_memory_bytes()


def test_what_a_process_took_is_seen_up_to_its_end(processes):
    work = "import time; held = bytearray(200 << 20); t = time.process_time()\n"
    work += "while time.process_time() < t + 0.3: pass"
    (usage,) = processes.usages_until_the_end([subprocess.Popen([sys.executable, "-c", work])])
    assert usage.peak_bytes > 200 * MIB
    assert usage.processor_s > 0.25


def test_a_run_that_fails_ends_the_benchmark(processes):
    failing = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(SystemExit, match="a run failed"):
        processes.usages_until_the_end([failing])
