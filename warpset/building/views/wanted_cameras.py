"""Which cameras a command line asks for; no points are drawn."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace

from ...core.cameras import Camera
from ...core.errors import InputError
from .camera_files import read_cameras
from .camera_paths import clear_share, moved, path_cameras
from .command_line import read_move, read_path
from .rendering import Vantage

log = logging.getLogger(__name__)


def find_cameras(args: argparse.Namespace, vantage: Vantage) -> list[Camera]:
    """The cameras that the command line asks for; a path is shortened where things are near.

    Raises:
        InputError: They cannot be read, or there is no room for a path.
    """
    if args.cameras:
        found = read_cameras(args.cameras, vantage.scene.start, vantage.world_offset)
        return found.path(args.frames)
    if not args.path:
        return [moved(vantage.scene, read_move(args))]
    path = read_path(args)
    share = clear_share(vantage.scene, path, vantage.cloud.xyz_world)
    if share == 0.0:
        raise InputError(f"{vantage.name}: found no room for this path, need some; choose another")
    if share < 1.0:
        log.warning(f"{vantage.name}: {path.kind} shortened to {share:.0%}, things are too near")
    return path_cameras(vantage.scene, replace(path, size=path.size * share))
