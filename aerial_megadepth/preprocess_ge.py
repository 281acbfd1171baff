"""Step 2: Earth Studio's video and camera export to frames with metric cameras.

Reads `downloaded_data/<scene>.mp4|json`, writes `data/<scene>/footage/<scene>_%03d.jpeg` and
`data/<scene>/<scene>.json`. Photos on the ground it does not know.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from warpset.building.command_line import OneLineParser
from warpset.core.errors import InputError
from warpset.files.pictures import picture_bytes
from warpset.files.video import read_video
from warpset.recordings.recording import same_aspect

from .earth.camera_export import StudioExport, heading_and_pitch, metric_cameras, read_export
from .earth.earth_models import EARTH_MODELS, EarthModel
from .earth.frames_file import AerialFrame, write_frames
from .scenes.door import run_door, run_listed
from .scenes.scene_list import read_scene_list
from .scenes.scene_steps import step_parser


@dataclass(frozen=True)
class PreprocessEarthStudio:
    """The step.

    Attributes:
        data_root: Folder with `downloaded_data/`; `data/` is made in it.
        earth: Where positions are taken from.
        quiet: Show no progress.
    """

    data_root: Path
    earth: EarthModel = "sphere"
    quiet: bool = False
    name = "preprocess_ge"

    def options(self) -> Mapping[str, object]:
        """The earth model."""
        return {"earth": self.earth}

    def inputs(self, scene: str) -> Sequence[Path]:
        """The video and the camera export."""
        return [self._downloaded(scene, kind) for kind in ("mp4", "json")]

    def output(self, scene: str) -> Path:
        """`data/<scene>`."""
        return self.data_root / "data" / scene

    def make(self, scene: str, folder: Path) -> str:
        """Extract the frames and match them to the export's cameras.

        Raises:
            InputError: Video or export is missing or broken, or they do not fit together.
        """
        video, tracking = self.inputs(scene)
        export = read_export(tracking)
        footage = folder / "footage"
        footage.mkdir()
        names, size_wh = self._extract(video, scene, footage)
        _check_match(export, len(names), size_wh, video)
        cameras = metric_cameras(export.cameras[: len(names)], size_wh, self.earth)
        frames = [
            AerialFrame(name, camera, index / export.frame_rate)
            for index, (name, camera) in enumerate(zip(names, cameras, strict=True))
        ]
        write_frames(folder / f"{scene}.json", frames, self._meta(export, len(frames)))
        heading, pitch = heading_and_pitch(cameras[0])
        return (
            f"{len(frames)} frames of {size_wh[0]}x{size_wh[1]}; the first looks to {heading:.1f} "
            f"deg, pitch {pitch:.1f} deg; {len(export.cameras) - len(frames)} camera frames "
            "without a picture dropped"
        )

    def _downloaded(self, scene: str, kind: str) -> Path:
        return self.data_root / "downloaded_data" / f"{scene}.{kind}"

    def _extract(self, video: Path, scene: str, footage: Path) -> tuple[list[str], tuple[int, int]]:
        names, size_wh = [], (0, 0)
        frames = tqdm(read_video(video), scene, unit="frame", disable=self.quiet, leave=False)
        for rgb, _time_s in frames:
            names.append(f"{scene}_{len(names):03d}.jpeg")
            (footage / names[-1]).write_bytes(picture_bytes(rgb, "jpeg"))
            size_wh = rgb.shape[1], rgb.shape[0]
        return names, size_wh

    def _meta(self, export: StudioExport, frames: int) -> dict[str, Any]:
        """The export, cut to the video, and what the metric frame hangs on."""
        latitude, longitude, altitude = export.cameras[0].place
        return {
            **{key: value for key, value in export.content.items() if key != "frames"},
            "cameraFrames": export.content["cameraFrames"][:frames],
            "numFrames": frames,
            "droppedCameraFrames": len(export.cameras) - frames,
            "earth": self.earth,
            "axes": "east-north-up, metres, about the first frame's optical centre",
            "origin": {"latitude": latitude, "longitude": longitude, "altitude": altitude},
        }


def _check_match(
    export: StudioExport, pictures: int, size_wh: tuple[int, int], video: Path
) -> None:
    """Earth Studio writes a camera for each picture, and one for the end of the last."""
    if len(export.cameras) not in (pictures, pictures + 1):
        raise InputError(
            f"{video}: found {pictures} pictures and {len(export.cameras)} camera frames, need as "
            "many or one more; render and export the same project again"
        )
    if not same_aspect(size_wh, export.size_wh):
        raise InputError(
            f"{video}: found {size_wh[0]}x{size_wh[1]} pixels, but the cameras are for "
            f"{export.size_wh[0]}x{export.size_wh[1]}; render and export the same project again"
        )


def make_parser() -> OneLineParser:
    """The command line."""
    parser = step_parser("Earth Studio's videos and camera exports to frames and metric cameras.")
    parser.add_argument(
        "--data_root", type=Path, required=True, help="folder with downloaded_data/; gets data/"
    )
    parser.add_argument(
        "--earth",
        choices=EARTH_MODELS,
        default="sphere",
        help="sphere: positions as Earth Studio exports them; wgs84: from latitude and longitude",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    step = PreprocessEarthStudio(args.data_root, args.earth, args.quiet or args.workers > 1)
    downloaded = args.data_root / "downloaded_data"

    def run() -> int:
        found = {path.stem for kind in ("mp4", "json") for path in downloaded.glob(f"*.{kind}")}
        return run_listed(step, read_scene_list(args.scene_list, found, downloaded), args)

    return run_door(run, args.quiet)


if __name__ == "__main__":
    sys.exit(main())
