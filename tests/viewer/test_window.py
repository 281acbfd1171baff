"""The viewer's real window on a virtual display: open, look round, menu, save, copy, close."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab, features

from estimators.command_line import add_geometry_flags
from tests.builders import a_photo, a_scene
from vggt_point_cloud_viewer import find_subject, main, source_of
from viewer.command_line import make_parser
from viewer.desktop.theme import DARK
from viewer.fly_camera import FlyCamera, common_up

ROOT = Path(__file__).parents[2]
SIZE_WH = (480, 360)
PATIENCE_S = 120

missing = [tool for tool in ("Xvfb", "xdotool", "xclip") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
    pytest.mark.skipif(not features.check("xcb"), reason="Pillow takes no screenshots here"),
]


@pytest.fixture
def display():
    """A virtual display's name."""
    read_end, write_end = os.pipe()
    options = "-screen 0 800x600x24 -nolisten tcp -noreset".split()
    command = ["Xvfb", "-displayfd", str(write_end), *options]
    with subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL) as server:
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            number = ready.readline().strip()
        yield f":{number}"
        server.terminate()


class Viewer:
    """A running viewer, its window at the upper left of the display."""

    def __init__(self, display: str, arguments: list[str]) -> None:
        self._environment = os.environ | {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
        self._display = display
        self.process = subprocess.Popen(
            [sys.executable, "vggt_point_cloud_viewer.py", *arguments],
            cwd=ROOT,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, *arguments: object) -> None:
        """Let xdotool press keys and move the mouse."""
        command = ["xdotool", *map(str, arguments)]
        subprocess.run(command, env=self._environment, check=True, timeout=30)

    def screenshot(self) -> np.ndarray:
        """(h, w, 3) of the window."""
        screen = ImageGrab.grab((0, 0, *SIZE_WH), xdisplay=self._display)
        return np.asarray(screen.convert("RGB"))

    def clipboard(self) -> bytes:
        """The PNG on the clipboard, empty where there is none."""
        command = ["xclip", "-selection", "clipboard", "-t", "image/png", "-o"]
        return subprocess.run(
            command, env=self._environment, capture_output=True, check=False, timeout=30
        ).stdout

    def wait_until(self, happens, what: str):
        """The first true value of a function."""
        end = time.monotonic() + PATIENCE_S
        while not (value := happens()):
            if self.process.poll() is not None:
                pytest.fail(f"ended before: {what}; said {self.process.communicate()[1]}")
            assert time.monotonic() < end, f"never happened: {what}"
            time.sleep(0.1)
        return value


@pytest.fixture
def flags(tmp_path):
    """The command line but for its output."""
    scene = a_scene(tmp_path / "room", size_wh=(160, 120))
    for path in (scene / "images").iterdir():
        Image.fromarray(a_photo((160, 120), seed=3)).save(path)
    width, height = map(str, SIZE_WH)
    return [f"--scene={scene}", "--auto-s0", "--viewport-width", width, "--viewport-height", height]


@pytest.fixture
def viewer(display, flags, tmp_path):
    viewer = Viewer(display, [*flags, f"--output={tmp_path / 'window.png'}", "--theme=dark"])
    yield viewer
    viewer.process.kill()
    viewer.process.wait()


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def looked_round(flags, right_px, down_px) -> np.ndarray:
    """What a headless renderer shows after a drag."""
    args = make_parser(add_geometry_flags).parse_args(flags)
    subject = find_subject(args)
    start = FlyCamera(
        subject.standpoints[0].camera, common_up([s.camera for s in subject.standpoints])
    )
    focal_px = start.camera(SIZE_WH).K[0, 0]
    camera = start.look(right_px / focal_px, down_px / focal_px).camera(SIZE_WH)
    return source_of(args, subject, "cpu").view(camera).rgb


def share_of(picture: np.ndarray, color) -> float:
    return float((picture == color[:3]).all(axis=-1).mean())


def test_the_window_does_what_its_user_asks(viewer, flags, tmp_path):
    saved, headless_file = tmp_path / "window.png", tmp_path / "headless.png"
    assert main([*flags, "--headless", f"--output={headless_file}", "--quiet"]) == 0
    headless = pixels(headless_file.read_bytes())
    above_toast = slice(0, SIZE_WH[1] - 80)

    def shows(picture):
        return lambda: (viewer.screenshot()[above_toast] == picture[above_toast]).all()

    def was_saved(picture):
        return lambda: saved.exists() and np.array_equal(pixels(saved.read_bytes()), picture)

    viewer.wait_until(shows(headless), "the first picture")
    viewer.do("mousemove", 200, 150, "key", "e")
    viewer.wait_until(was_saved(headless), "save")
    assert saved.read_bytes() == headless_file.read_bytes()
    assert share_of(viewer.screenshot()[SIZE_WH[1] - 80 :], DARK.panel) > 0.05

    viewer.do(
        "mousedown", 1, "mousemove_relative", 25, 5, "mousemove_relative", 15, 5, "mouseup", 1
    )
    turned = looked_round(flags, 40, 10)
    assert not np.array_equal(turned, headless)
    viewer.wait_until(shows(turned), "the picture after a drag")
    viewer.do("key", "e")
    viewer.wait_until(was_saved(turned), "save after a drag")

    viewer.do("mousemove", 60, 40, "click", 3)
    viewer.wait_until(lambda: share_of(viewer.screenshot(), DARK.panel) > 0.2, "menu")
    assert share_of(viewer.screenshot(), DARK.highlight) == 0
    viewer.do("mousemove", 90, 90)
    viewer.wait_until(lambda: share_of(viewer.screenshot(), DARK.highlight) > 0.01, "highlight")
    viewer.do("key", "Home", "Down", "Down", "Down", "Return")
    viewer.wait_until(shows(headless), "reset by the menu")

    viewer.do("key", "ctrl+c")
    copied = viewer.wait_until(viewer.clipboard, "copy")
    np.testing.assert_array_equal(pixels(copied), headless)

    viewer.do("key", "Escape")
    _, said = viewer.process.communicate(timeout=PATIENCE_S)
    assert viewer.process.returncode == 0
    assert "Traceback" not in said and "no window" not in said


def test_a_display_that_is_not_there_gives_a_picture_instead(flags, tmp_path):
    output = tmp_path / "out.png"
    viewer = Viewer(":987", [*flags, f"--output={output}"])
    _, said = viewer.process.communicate(timeout=PATIENCE_S)
    assert viewer.process.returncode == 0
    assert "no window (" in said and "Traceback" not in said
    assert Image.open(output).size == SIZE_WH
