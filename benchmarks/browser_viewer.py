"""Pictures a second that the viewer sends to a browser while its camera moves.

    python benchmarks/browser_viewer.py examples/scenes/room

The page is drawn by Chromium without a graphics card on the same cores; what a user sees is nearer
to the second figure: the same pictures rendered and encoded with nobody looking.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from estimators.command_line import add_geometry_flags  # noqa: E402
from tests.review.browser import SOFTWARE_GRAPHICS, Browser  # noqa: E402
from vggt_point_cloud_viewer import load  # noqa: E402
from viewer.browser.serving import Serving  # noqa: E402
from viewer.browser.visit import Visit  # noqa: E402
from viewer.command_line import make_parser, served_scenes  # noqa: E402
from viewer.fly_camera import FlyCamera  # noqa: E402
from viewer.live_renderer import Drawn, LiveRenderer  # noqa: E402
from viewer.serve_options import ServeOptions  # noqa: E402

PAGE_WH = (1555, 830)
"""With its panel beside it, the picture is a megapixel."""

SECONDS = 8.0


def main() -> None:
    """Print both figures for a scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene")
    scene = parser.parse_args().scene
    args = make_parser(add_geometry_flags).parse_args(["--scene", scene, "--serve", "--auto-s0"])
    served = served_scenes(args, lambda one: load(one, "cpu"))
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(served, ServeOptions(Path(folder) / "a.png", Path(folder), port=0))
        with Browser(Path(folder) / "profile", SOFTWARE_GRAPHICS) as browser:
            browser.show_as(*PAGE_WH)
            browser.open(serving.address)
            browser.wait_for("document.body.innerText.includes('Connected')")
            time.sleep(5)  # the first picture, and what Chromium compiles
            [visit] = serving._visits.values()
            say("in Chromium", *while_dragged(visit, browser))
        say("nobody looking", *while_flown(visit))
        serving.stop()


def say(where: str, drawn: list[Drawn], seconds: float) -> None:
    """One line of figures."""
    details = sorted({1 / one.detail for one in drawn})
    size = "x".join(map(str, drawn[0].camera.size_wh))
    shares = ", ".join(f"1/{detail:g}" for detail in details)
    print(f"{where}: {size}, {len(drawn) / seconds:.1f} pictures a second, sizes {shares}")


def while_dragged(visit: Visit, browser: Browser) -> tuple[list[Drawn], float]:
    """What is sent while the mouse draws circles."""

    def mouse(kind: str, x: float, y: float) -> None:
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **held)

    def drag(second: float) -> None:
        x, y = 500 + 150 * math.cos(second), 400 + 60 * math.sin(second)
        mouse("mouseMoved", x, y)

    mouse("mousePressed", 650, 400)
    return counted(visit, drag)


def while_flown(visit: Visit) -> tuple[list[Drawn], float]:
    """What would be sent of the same page while the camera turns, with nobody to draw it."""
    stage, size_wh = visit._opened.stage, visit._camera().size_wh
    start = FlyCamera(stage.cameras[0], stage.up_world)

    def turn(second: float) -> None:
        visit._live.ask(start.look(0.1 * math.sin(second), 0.0).camera(size_wh), is_moving=True)
        time.sleep(1 / 60)

    return counted(visit, turn)


def counted(visit: Visit, move: Callable[[float], None]) -> tuple[list[Drawn], float]:
    """Move for a while, and note what is sent."""
    drawn: list[Drawn] = []
    live: LiveRenderer = visit._live
    send = visit._send

    def noted(one: Drawn) -> None:
        send(one)
        drawn.append(one)

    live._show = noted
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        move(passed)
    live._show = send
    return drawn, passed


if __name__ == "__main__":
    main()
