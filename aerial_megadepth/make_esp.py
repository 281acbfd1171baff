"""Before step 2: the Earth Studio project of a flight over a place, to import and render there.

Writes `geojsons/<scene>/<scene>.esp`. What Studio makes of it, this does not know.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.building.command_line import OneLineParser, number
from warpset.core.errors import InputError
from warpset.files.writing import write_atomically

from .earth.esp_project import Rendering, project_text
from .earth.flight_paths import PATH_KINDS, Flight, fly
from .megadepth.image_list import is_plain_name
from .scenes.door import run_door
from .scenes.scene_steps import log


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(
        description="The Earth Studio project of an orbit or a grid over a place.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--data_root", type=Path, required=True, help="gets geojsons/<scene>/<scene>.esp")
    add("--scene", required=True, help="name of the scene, such as 0001")
    add("--latitude", type=number(float, -89, 89), required=True, help="of the place, degrees")
    add("--longitude", type=number(float, -180, 180), required=True, help="of the place, degrees")
    add("--radius", type=number(float, 1, 1e5), default=300.0, help="of the orbit, metres")
    add("--altitude", type=number(float, -400, 1e6), required=True, help="of the camera, metres")
    add(
        "--target_altitude",
        type=number(float, -400, 9000),
        default=0.0,
        help="altitude of what the camera looks at, metres over the sea",
    )
    add("--path", choices=PATH_KINDS, default="orbit", help="around the place, or over a square")
    add("--frames", type=number(int, 2, 20000), default=120, help="pictures of the flight")
    add("--width", type=number(int, 16, 4096), default=1920, help="of the pictures, pixels")
    add("--height", type=number(int, 16, 2304), default=1080, help="of the pictures, pixels")
    add("--frame_rate", type=number(int, 1, 60), default=30, help="frames a second")
    add("--force_output", action="store_true", help="replace another project of that name")
    add("--quiet", action="store_true", help="say problems only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a project; 0 = written, 1 = it could not be, 2 = wrong command line."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    if not is_plain_name(args.scene):
        parser.error(f"--scene {args.scene!r}: need a plain name")
    if args.altitude <= args.target_altitude:
        parser.error("--altitude must be above --target_altitude")
    flight = Flight(
        args.latitude,
        args.longitude,
        args.radius,
        args.altitude,
        args.target_altitude,
        args.frames,
        args.path,
    )
    rendering = Rendering((args.width, args.height), args.frame_rate)
    path = args.data_root / "geojsons" / args.scene / f"{args.scene}.esp"

    def run() -> int:
        text = project_text(args.scene, fly(flight), rendering)
        _write(path, text.encode(), args.force_output)
        log.info(f"{path}: {flight.kind} of {flight.frames} frames; import it in Earth Studio")
        return 0

    return run_door(run, args.quiet)


def _write(path: Path, content: bytes, force: bool) -> None:
    if path.exists() and path.read_bytes() != content and not force:
        raise InputError(f"{path}: holds another project; replace it with --force_output")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


if __name__ == "__main__":
    sys.exit(main())
