"""Parts of the check about the renderer: kernels against twins, bytes, milliseconds a frame."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.gpu.clouds import Cloud, a_camera, degenerate_clouds, odd_cells, odd_widths
from benchmarks.gpu.parts import Failed, Part, Setup, seconds
from benchmarks.gpu.twins import every_launch_replayed
from benchmarks.recorded_frames import read_frames
from benchmarks.render_speed import STAGES, a_view, timed
from renderer.hole_filling import HoleFillingRenderer, RenderedView
from warpset.core.cameras import Camera, opengl_projection_matrix, opengl_view_matrix
from warpset.core.geometry import DepthMap
from warpset.core.points import lift, splat_size

ROOM = Path(__file__).parents[2] / "examples" / "scenes" / "room"
SIZES = ((64, 48), (33, 17), (1, 1), (1, 9), (23, 1))
FRAME_SIZES = ((518, 392), (1216, 832), (2048, 1536))
RUNS = 10


class Shot(NamedTuple):
    """What a renderer is given.

    Attributes:
        camera: It looks through this.
        cloud: It draws these.
        footprints: The points', as widths or as cells, or None.
        s0: Its splat size.
    """

    camera: Camera
    cloud: Cloud
    footprints: NDArray[np.floating] | None
    s0: float

    def taken(self, device: str) -> tuple[HoleFillingRenderer, Sequence[Any]]:
        """A renderer on a device, and the arguments of its call."""
        renderer = HoleFillingRenderer(
            *self.camera.size_wh, s0=self.s0, jfa_mask_sigma=4.0, device=device
        )
        matrices = opengl_view_matrix(self.camera), opengl_projection_matrix(self.camera)
        return renderer, (*self.cloud, *matrices, self.camera.fov_y, self.footprints)


def shots(is_small: bool) -> dict[str, list[Shot]]:
    """Random and degenerate clouds at odd sizes, with footprints and without."""
    sizes = SIZES[1:2] if is_small else SIZES
    return {
        name: [
            Shot(a_camera(*size, focal=40.0), cloud, footprints, 0.1)
            for size in sizes
            for footprints in (None, odd_widths(len(cloud.points)), odd_cells(len(cloud.points)))
        ]
        for name, cloud in degenerate_clouds().items()
    }


def room_shots(is_small: bool) -> list[Shot]:
    """Frames of the example room, each seen from the next one's camera and from its own."""
    frames = read_frames(ROOM)[: 2 if is_small else None]
    found = []
    for reference, target in zip(frames, frames[1:], strict=False):
        known = reference.depth > 0
        lifted = lift(DepthMap(reference.depth, None, reference.camera), reference.rgb, known)
        trusted = np.full(len(lifted.rgb), 2.0, np.float32)
        cloud = Cloud(lifted.xyz_world, lifted.rgb.astype(np.float32) / np.float32(255), trusted)
        s0 = splat_size(reference.depth, reference.camera)
        cameras = (target.camera, reference.camera)
        found += [Shot(camera, cloud, lifted.cell, s0) for camera in cameras]
    return found


def kernel_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """A row a kernel: how often it was launched, and that its twin always wrote the same."""
    launches: defaultdict[str, int] = defaultdict(int)
    differing: defaultdict[str, list[str]] = defaultdict(list)
    cases = [shot for each in shots(setup.is_small).values() for shot in each]
    for shot in cases if setup.is_small else [*cases, *room_shots(False)[:1]]:
        renderer, arguments = shot.taken(setup.device)
        with every_launch_replayed(renderer) as replays:
            renderer.render_view(*arguments)
        for kernel, differs in replays:
            launches[kernel] += 1
            differing[kernel] += [differs] if differs else []
    for kernel, count in launches.items():
        yield kernel, count, len(differing[kernel]), *differing[kernel][:1]
    if bad := [kernel for kernel, found in differing.items() if found]:
        raise Failed(f"{', '.join(bad)}: another result than the numpy twin's")


def byte_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """A row an input: bytes of colour, holes, depth and confidence that differ from the CPU's."""
    wrong = 0
    cases = {"room": room_shots(setup.is_small), **shots(setup.is_small)}
    for name, group in cases.items():
        counts = np.zeros(len(fields(RenderedView)), int)
        for shot in group:
            views = []
            for device in ("cpu", setup.device):
                renderer, arguments = shot.taken(device)
                views.append(renderer.render_view(*arguments))
            counts += differing_bytes(*views)
        wrong += counts.sum()
        yield name, len(group), *counts
    if wrong:
        raise Failed(f"{wrong} bytes are others than the CPU's")


def differing_bytes(one: RenderedView, other: RenderedView) -> list[int]:
    """How many bytes of each image of two views differ."""
    images = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return [int((a.view(np.uint8) != b.view(np.uint8)).sum()) for a, b in images]


def frame_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """A row a size: launches, the kernels' own time by stage, and frames as a caller has them."""
    for width, height in ((64, 48), (96, 64)) if setup.is_small else FRAME_SIZES:
        arguments, s0 = a_view(width, height)
        renderer = HoleFillingRenderer(width, height, s0=s0, device=setup.device)
        arrays = range(3), (len(arguments) - 1,)
        there = list(arguments)
        for index in (i for group in arrays for i in group):
            there[index] = torch.from_numpy(there[index].astype(np.float32)).to(setup.device)
        timed(renderer, there)
        best = min((timed(renderer, there) for _ in range(RUNS)), key=lambda t: t["all"])
        on_device, from_numpy = (
            1e3 * min(seconds(setup, partial(renderer.render_view, *given)) for _ in range(RUNS))
            for given in (there, arguments)
        )
        stages = [sum(best[name] for name in names) for names in STAGES.values()]
        figures = [*stages, sum(stages), on_device, from_numpy]
        launches = int(best["launches"])
        yield f"{width}x{height}", launches, *(f"{figure:.2f}" for figure in figures)


PARTS = (
    Part(
        "kernels",
        "Kernels against their numpy twins",
        ("kernel", "launches", "differ"),
        kernel_rows,
    ),
    Part(
        "bytes",
        "Bytes that differ from the CPU's",
        ("input", "views", *(field.name for field in fields(RenderedView))),
        byte_rows,
    ),
    Part(
        "frames",
        "Milliseconds a frame, by the device's events, then as a caller sees them",
        ("size", "launches", *STAGES, "kernels", "from tensors", "from numpy"),
        frame_rows,
    ),
)
