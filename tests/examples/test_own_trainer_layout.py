"""The example of a trainer of one's own: it runs, and its export is sound."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from tests.pair_builders import two_scenes
from warpset.trainers.validation import validate_export

EXAMPLE = Path(__file__).parents[2] / "examples" / "05_own_trainer_layout.py"


def test_an_own_trainer_gets_every_pair_and_is_validated(tmp_path):
    output, place = two_scenes(tmp_path), tmp_path / "set"
    command = [sys.executable, str(EXAMPLE), str(output), str(place)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("16 pairs, the first is 1-target.png: refer to image 2")
    findings = validate_export(_module().OWN, place, [1024])
    assert (findings.rows, findings.faults) == (16, [])
    (place / "3-splats.png").unlink()
    (fault,) = validate_export(_module().OWN, place, [1024]).faults
    assert fault == "3-target.png: found no splats; it stops"


def test_an_example_is_under_forty_lines():
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 40


def _module():
    spec = importlib.util.spec_from_file_location("own_trainer_layout", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
