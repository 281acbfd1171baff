"""Pictures a second that `--serve` makes for a browser whose camera moves.

uv run --group serve python benchmarks/viewer/moving.py [--scene FOLDER] [--size 1216x832]

The camera sways 60 times a second, as a browser reports it. A picture counts once viser has encoded
it, with its depth, as it is sent; the network and the browser are not part of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import viser

sys.path.insert(0, str(Path(__file__).parents[2]))
from estimators.command_line import add_geometry_flags
from vggt_point_cloud_viewer import load
from viewer.browser.visit import MOVING_JPEG_QUALITY
from viewer.command_line import make_parser
from viewer.frame_source import DisplayMode, picture
from viewer.live_renderer import Drawn, LiveRenderer
from warpset.core.cameras import Camera

ROOM = Path(__file__).parents[2] / "examples" / "scenes" / "room"
REPORTS_PER_S = 60
SWAY_DEG, SWAY_S = 15.0, 4.0


def turned(camera: Camera, yaw_deg: float) -> Camera:
    """A camera turned to the right."""
    yaw = np.radians(yaw_deg)
    turn = np.eye(4)
    turn[0, 0] = turn[2, 2] = np.cos(yaw)
    turn[2, 0] = np.sin(yaw)
    turn[0, 2] = -turn[2, 0]
    return Camera(camera.K, turn @ camera.cam_from_world, camera.size_wh)


def main() -> None:
    """Sway for some seconds and say how many pictures came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scene", type=Path, default=ROOM)
    parser.add_argument("--size", default="1216x832", help="of the page, pixels")
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    subject, source = load(
        make_parser(add_geometry_flags).parse_args(["--scene", str(args.scene)]), "cpu"
    )
    width, height = map(int, args.size.split("x"))
    camera = subject.standpoints[0].camera.resized((width, height))
    scene, details = viser.ViserServer(host="127.0.0.1", verbose=False).scene, Counter[float]()

    def show(drawn: Drawn) -> None:
        scene.set_background_image(
            picture(drawn.view, DisplayMode()),
            "jpeg",
            jpeg_quality=MOVING_JPEG_QUALITY,
            depth=drawn.view.depth,
        )
        details[drawn.detail] += 1

    live = LiveRenderer(source.view, show=show)
    live.sharp(camera)  # kernels are compiled, and the pace is known
    for seconds in (2.0, args.seconds):  # first to make the renderers of less detail
        details.clear()
        begun, cpu = time.perf_counter(), time.process_time()
        while (now := time.perf_counter() - begun) < seconds:
            live.ask(turned(camera, SWAY_DEG * np.sin(2 * np.pi * now / SWAY_S)), is_moving=True)
            time.sleep(1 / REPORTS_PER_S)
        cpu = time.process_time() - cpu
    count = sum(details.values())
    listed = ", ".join(f"{number} at {detail:g}" for detail, number in sorted(details.items()))
    sys.stdout.write(
        f"{args.size}, {len(subject.cloud.xyz_world)} points: {count / args.seconds:.1f} pictures"
        f" a second ({listed} of the size), {1000 * cpu / count:.0f} ms of processor time each\n"
    )
    live.stop()


if __name__ == "__main__":
    main()
