"""Everything but COLMAP models, distortion and stereo runs where pycolmap cannot be had."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import a_scene, read_transforms_file, write_transforms

ROOT = Path(__file__).parents[2]
WITHOUT = "import sys; sys.modules['pycolmap'] = None; import build_warp_dataset as door; "


def build(tmp_path, *flags: str) -> subprocess.CompletedProcess[str]:
    places = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    code = f"{WITHOUT}sys.exit(door.main({[*places, *flags]!r}))"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_recorded_scenes_without_distortion_are_built(tmp_path):
    a_scene(tmp_path / "in" / "room")
    done = build(tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out" / "room").glob("*_splats.jpg"))) == 2


@pytest.mark.slow
def test_what_needs_it_is_one_line(tmp_path):
    scene = a_scene(tmp_path / "in" / "room")
    stereo = build(tmp_path, "--geometry", "stereo")
    write_transforms(scene, {**read_transforms_file(scene), "k1": 0.1})
    distorted = build(tmp_path)
    for failed in (stereo, distorted):
        assert failed.returncode == 1 and "Traceback" not in failed.stderr
        assert "found no pycolmap" in failed.stderr
