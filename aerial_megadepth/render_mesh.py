"""Steps 1 to 4 without a video: a textured mesh to frames of a flight and of people on the ground.

What comes out lies as do_colmap_localization leaves it, with true cameras and true metric depth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from renderer.mesh import MeshRenderer, MeshSurface
from warpset.building.command_line import number
from warpset.core.argument_types import OneLineParser
from warpset.core.cameras import Camera
from warpset.core.errors import InputError
from warpset.core.geometry import PosedPhoto
from warpset.files.pictures import picture_bytes

from .earth.flight_paths import PATH_KINDS, Flight
from .localization.localized_scene import (
    LOCALIZED,
    REPORT,
    features_folder,
    write_depth,
    write_sparse,
)
from .localization.report import LocalizationReport
from .megadepth.image_list import is_plain_name
from .mesh.mesh_files import find_meshes, read_surface
from .mesh.surface_points import SurfacePoints
from .mesh.viewpoints import PLACE_DEG, Lens, flight_cameras, ground_cameras
from .scenes.door import run_door
from .scenes.scene_steps import RunOptions, run_scenes

MESH = "mesh"
"""What the scene's folder is called after `sfm_`, in the place of features."""

JPEG_QUALITY = 95
MIN_SEEN = 0.05
"""Views of which less of the pixels show the mesh are left out."""

MIN_NEAR_M = 0.5
"""A view in which a tenth of what is seen is nearer stands in front of a wall; it is left out."""


@dataclass(frozen=True)
class RenderMesh:
    """The step.

    Attributes:
        mesh: A mesh file, or a folder of them, or of 3D Tiles.
        data_root: Gets `data/<scene>/`.
        flight: The flight, over the middle of the mesh; heights are over its ground.
        ground_views: How many people take a picture.
        eye_height_m: Of people over the ground.
        size_wh: Size of all pictures.
        fov_y_deg: Vertical field of view of all pictures.
        up: See `read_surface`.
        metres_per_unit: See `read_surface`.
        tile_error_m: See `read_tiles`.
        device: `cuda` or `cpu`.
        quiet: Show no progress.
    """

    mesh: Path
    data_root: Path
    flight: Flight
    ground_views: int = 24
    eye_height_m: float = 1.7
    size_wh: tuple[int, int] = (800, 600)
    fov_y_deg: float = 50.0
    up: str | None = None
    metres_per_unit: float = 1.0
    tile_error_m: float = 0.0
    device: str = "cpu"
    quiet: bool = False

    name = "render_mesh"

    def options(self) -> Mapping[str, object]:
        """Everything but where things lie and what draws them."""
        kept = asdict(self)
        for place in ("mesh", "data_root", "device", "quiet"):
            del kept[place]
        if not self.tile_error_m:  # as records had it before there were tiles
            del kept["tile_error_m"]
        return kept | {"size_wh": list(self.size_wh)}

    def inputs(self, scene: str) -> Sequence[Path]:
        """The mesh, with what lies beside it: textures are named in it."""
        del scene
        return [self.mesh if self.mesh.is_dir() else self.mesh.parent]

    def output(self, scene: str) -> Path:
        """See `SceneStep.output`."""
        return features_folder(self.data_root / "data", scene, MESH)

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        surface, _ = read_surface(self.mesh, self.up, self.metres_per_unit, self.tile_error_m)
        renderer, localized = MeshRenderer(surface, self.device), folder / LOCALIZED
        (localized / "images").mkdir(parents=True)
        posed: dict[int, PosedPhoto] = {}
        points, viewpoints = SurfacePoints(), self._viewpoints(scene, surface)
        for name, camera in tqdm(viewpoints, scene, disable=self.quiet, leave=False):
            view = renderer.look(camera.K, camera.cam_from_world, camera.size_wh)
            if not _shows_something(view.depth):
                continue
            photo = PosedPhoto(localized / "images" / name, camera)
            photo.path.write_bytes(picture_bytes(view.rgb, "jpeg", JPEG_QUALITY))
            write_depth(localized, photo, view.depth)
            points.add(camera, view.depth)
            posed[len(posed)] = photo
        asked = len(viewpoints)
        if len(posed) < 2:
            east, north, up = np.ptp(surface.vertices, axis=0)
            raise InputError(
                f"{self.mesh}: {len(posed)} of {asked} views show it, need at least 2; it measures"
                f" {east:.3g} x {north:.3g} x {up:.3g} m, look from nearer or say its unit"
            )
        report = _report(localized, posed, points, asked)
        report.write(folder / REPORT)
        return (
            f"{len(report.aerial)} frames and {len(report.photos)} views from the ground,"
            f" {asked - len(posed)} that show nothing left out; {len(surface.faces)} triangles"
        )

    def _viewpoints(self, scene: str, surface: MeshSurface) -> list[tuple[str, Camera]]:
        lens = Lens(self.size_wh, self.fov_y_deg)
        flown = flight_cameras(self.flight, lens)
        walked = ground_cameras(surface, self.ground_views, self.eye_height_m, lens)
        listed = [(f"{scene}_{n:03d}.jpeg", camera) for n, camera in enumerate(flown)]
        return listed + [(f"ground_{n:03d}.jpg", camera) for n, camera in enumerate(walked)]


def _shows_something(depth: np.ndarray) -> bool:
    seen = depth[depth > 0]
    return seen.size >= MIN_SEEN * depth.size and float(np.percentile(seen, 10)) >= MIN_NEAR_M


def _report(
    localized: Path, posed: Mapping[int, PosedPhoto], points: SurfacePoints, asked: int
) -> LocalizationReport:
    """Write the sparse model, and say what it holds."""
    model = points.model()
    write_sparse(localized, posed, model)
    names = [photo.path.name for photo in posed.values()]
    photos = [name for name in names if name.startswith("ground_")]
    return LocalizationReport(
        aerial=[name for name in names if name not in photos],
        aerial_given=len(names) - len(photos),
        photos=photos,
        photos_given=len(photos),
        photos_listed=asked - len(names) + len(photos),
        drift_m=0.0,
        is_aligned=False,
        reprojection_px=0.0,
        points=model.num_points3D(),
        scales=[],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = made, 1 = it could not be, 2 = wrong command line."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    if not is_plain_name(args.scene):
        parser.error(f"--scene {args.scene!r}: need a plain name")
    if args.altitude <= args.target_altitude:
        parser.error("--altitude must be above --target_altitude")
    step = _read_step(args)

    def run() -> int:
        find_meshes(step.mesh)
        return run_scenes(step, [args.scene], RunOptions(force=args.force_output, quiet=args.quiet))

    return run_door(run, args.quiet)


def _read_step(args: argparse.Namespace) -> RenderMesh:
    heights = args.altitude, args.target_altitude
    return RenderMesh(
        mesh=args.mesh,
        data_root=args.data_root,
        flight=Flight(*PLACE_DEG, args.radius, *heights, args.frames, args.path),
        ground_views=args.ground_views,
        eye_height_m=args.eye_height,
        size_wh=(args.width, args.height),
        fov_y_deg=args.fov,
        up=args.up,
        metres_per_unit=args.metres_per_unit,
        tile_error_m=args.tile_error,
        device=args.device,
        quiet=args.quiet,
    )


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add(
        "--mesh",
        type=Path,
        required=True,
        help="a .glb, .gltf, .obj or .ply, a folder of them, or of 3D Tiles",
    )
    add("--data_root", type=Path, required=True, help="gets data/<scene>/")
    add("--scene", required=True, help="name of the scene")
    add(
        "--radius", type=number(float, 0.1), default=100.0, help="of the orbit, or half the grid, m"
    )
    add("--altitude", type=float, default=80.0, help="of the flight over the mesh's ground, metres")
    add("--target_altitude", type=float, default=0.0, help="of what the flight looks at, metres")
    add("--path", choices=PATH_KINDS, default="orbit", help="once around, or over a square")
    add("--frames", type=number(int, 1), default=48, help="pictures of the flight")
    add("--ground_views", type=number(int, 0), default=24, help="pictures of people on the ground")
    add("--eye_height", type=number(float, 0.1), default=1.7, help="of people, metres")
    add("--width", type=number(int, 64), default=800, help="of the pictures, pixels")
    add("--height", type=number(int, 64), default=600, help="of the pictures, pixels")
    add("--fov", type=number(float, 5, 120), default=50.0, help="vertical field of view, degrees")
    add("--up", choices=("y", "z"), default=None, help="axis that is up; glTF's is y, others' z")
    add("--metres_per_unit", type=number(float, 1e-6), default=1.0, help="size of the mesh's unit")
    add(
        "--tile_error",
        type=number(float, 0),
        default=0.0,
        help="of 3D Tiles: the coarsest with at most this geometric error, metres; 0 = the finest",
    )
    add("--device", choices=("cpu", "cuda"), default="cpu", help="what draws the pictures")
    add("--force_output", action="store_true", help="make again what is there already")
    add("--quiet", action="store_true", help="say problems only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
