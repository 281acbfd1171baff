"""Steps on a system that has no pycolmap: those that need it say so in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

IN_NEED = (
    "do_colmap_localization",
    "export_scene_info",
    "export_wai",
    "make_pairs",
    "preprocess_aerialmegadepth",
    "qc",
    "render_mesh",
)
WITHOUT_NEED = (
    "convert_image_list",
    "download_data",
    "make_esp",
    "preprocess_ge",
    "preprocess_megadepth",
)


def helped(step, tmp_path):
    """What `--help` ends with where pycolmap cannot be imported."""
    (tmp_path / "pycolmap.py").write_text("raise ImportError('no wheel')\n")
    return subprocess.run(
        [sys.executable, "-m", f"aerial_megadepth.{step}", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )


def check_that_it_is_said(done):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("localized scenes: found no pycolmap, which has no wheel for ")


def test_a_step_that_needs_pycolmap_says_so_in_one_line(tmp_path):
    check_that_it_is_said(helped("make_pairs", tmp_path))


@pytest.mark.slow
def test_every_step_needs_pycolmap_and_says_so_or_does_without(tmp_path):
    for step in IN_NEED:
        check_that_it_is_said(helped(step, tmp_path))
    for step in WITHOUT_NEED:
        done = helped(step, tmp_path)
        assert done.returncode == 0 and not done.stderr
