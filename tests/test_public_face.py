"""What `import warpset` offers, and that it loads nothing before it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import warpset

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", warpset.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(warpset, name))


def test_a_name_that_is_not_public_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        warpset.paint  # noqa: B018


def test_importing_the_package_loads_no_library():
    code = "import sys, warpset; print(sorted({'numpy', 'torch', 'cv2'} & set(sys.modules)))"
    run = [sys.executable, "-c", code]
    loaded = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
