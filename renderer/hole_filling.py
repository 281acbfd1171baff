"""`HoleFillingRenderer`: coloured points and a camera in, an image without holes out.

It knows no files, no scenes and no network, only points, matrices and pixels. One set of Warp
kernels runs on CUDA and on the CPU. The steps: land every point on a sub-pixel raster; keep the
nearest per pixel; drop what shines through a nearer surface; close the cracks a splat spans;
blend, per pixel, the samples of the front surface alone; fill the holes that are left smoothly
from their far side, and fade them with distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import warp as wp
from numpy.typing import NDArray

from . import fill_kernels, raster_kernels, splat_kernels, surface_kernels
from .buffers import Buffers
from .launcher import kernel_device, launcher_for

Array = Any  # numpy array or torch tensor

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])  # y and z turn round
KERNEL_MODULES = tuple(
    module.__name__ for module in (raster_kernels, surface_kernels, splat_kernels, fill_kernels)
)
# Steps on each level above the pixels towards the harmonic fill; pixels need none, interpolated
# between texels two of them wide. One leaves edges where coarse texels met (1.2 of 1000 hole pixels
# of hololens 9 -> 3 step by more than 8 levels), three 0.1.
RELAXATIONS = 3
# Pixels that one thread of the CPU takes at a time, where a card wants as many threads: of a row to
# see whether all are visible (room: 6.1 ms at 8, 6.6 at 16, 9.6 at 1, for more runs hold an edge);
# of a row to go down from, whose flags fill a cache line.
ROW_AT_ONCE = 8
COLUMNS_AT_ONCE = 64
FADED_SIGMAS = 2.5  # exp(-2.5^2) leaves half a grey level of white


@dataclass(frozen=True, eq=False)
class RenderedView:
    """What the target camera sees: numpy arrays, or torch tensors if the points were tensors.

    Attributes:
        rgb: (H, W, 3) uint8, holes filled and faded.
        hole: (H, W) bool, True where no visible surface lies.
        depth: (H, W) float32 z-depth of the visible surface, 0 = unknown.
        confidence: (H, W) float32 blended confidence of the points, 0 in holes.
    """

    rgb: Array
    hole: Array
    depth: Array
    confidence: Array


class HoleFillingRenderer:
    """Forward warper for one image size; its buffers are made once and reused.

    Attributes:
        s0: Diameter of a point's splat in world units: gaps no wider are cracks and are closed;
            up to three times as wide may be, by where they fall on the raster. May be set anew
            before each call.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- the tool's public call
        self,
        width: int,
        height: int,
        confidence_threshold: float = 1.1,
        s0: float = 0.005,
        occlusion_threshold: float = 0.1,
        coarse_level: int = 4,
        jfa_mask_sigma: float = 32.0,
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        """Make the buffers, and compile the kernels if this machine has not yet.

        Args:
            width: Image width in pixels.
            height: Image height in pixels.
            confidence_threshold: Points below it are not drawn.
            s0: See the attribute.
            occlusion_threshold: A sample is hidden where the mean openness, 1 - cos to the worst
                occluder, of its 8 sectors is below this; 0 hides nothing.
            coarse_level: Coarsest pyramid level searched for occluders and crack walls.
            jfa_mask_sigma: Distance in pixels over which filled holes fade to 1/e.
            device: `cuda` or `cpu`, see `launcher.kernel_device`.
            threads: How many a frame is split over on the CPU; None for as many as torch would
                use. Whoever renders several frames at once wants one each.

        Raises:
            ValueError: The size is not at least 1x1, or the level is negative.
        """
        if width < 1 or height < 1 or coarse_level < 0:
            raise ValueError(
                f"renderer: size is {width}x{height} and coarse_level {coarse_level}, "
                "need at least 1x1 and 0"
            )
        self.s0 = s0
        self._size_wh = (width, height)
        self._trusted = confidence_threshold
        self._occlusion_threshold = occlusion_threshold
        self._sigma = jfa_mask_sigma
        self._launcher = launcher_for(kernel_device(device), KERNEL_MODULES, threads)
        self._buffers = Buffers(self._size_wh, coarse_level, self._launcher.device)

    def render(  # noqa: PLR0913, PLR0917 -- the tool's public call
        self,
        points: Array,
        colors: Array,
        confidences: Array,
        view_mat: Array,
        proj_mat: Array,
        fov_y: float,
        footprints: Array | None = None,
    ) -> Array:
        """The (H, W, 3) uint8 image of `render_view`, which takes the same arguments."""
        view = self.render_view(points, colors, confidences, view_mat, proj_mat, fov_y, footprints)
        return view.rgb

    def render_view(  # noqa: PLR0913, PLR0917 -- the tool's public call
        self,
        points: Array,
        colors: Array,
        confidences: Array,
        view_mat: Array,
        proj_mat: Array,
        fov_y: float,
        footprints: Array | None = None,
    ) -> RenderedView:
        """Render the points for a camera, with all that is known about each pixel.

        Numpy arrays in give numpy arrays out; torch tensors stay on the renderer's device.

        Args:
            points: (N, 3) world positions; those that are not finite are not drawn.
            colors: (N, 3) in 0..1.
            confidences: (N,), compared with `confidence_threshold`.
            view_mat: (4, 4) OpenGL world-to-camera matrix (x right, y up, z backward).
            proj_mat: (4, 4) OpenGL projection; its off-centre terms are the principal point.
            fov_y: Full vertical field of view in radians, which scales `s0` to pixels.
            footprints: What the pixel that each point was lifted from covers, so that a surface
                that is magnified, or turned towards this camera, hides what is behind it: (N, 2, 3)
                how far the surface goes on over its width and its height in world axes, or (N,)
                its width in world units; None takes it for about a pixel of the image.

        Raises:
            ValueError: An array has another shape.
        """
        device = self._launcher.device
        xyz, rgb, trust, cells = _all_on_device(points, colors, confidences, footprints, device)
        samples = self._buffers.samples(rgb, trust)
        camera = _pinhole(_matrix(view_mat), _matrix(proj_mat), self._size_wh)
        levels = self._buffers.levels(self.s0 * self._size_wh[1] / (2.0 * math.tan(fov_y / 2.0)))
        view = _empty_view(self._size_wh, device)
        wp.synchronize_device(device)  # torch may still be at work on the arrays, in its own stream
        self._find_surface([wp.from_torch(xyz, wp.vec3f), *cells], samples, camera, levels)
        self._blend(samples, view)
        rgb = wp.from_torch(view.rgb.flatten(0, 1), wp.vec3ub)
        self._fill(rgb)
        self._fade(_flat(view.hole), rgb)
        wp.synchronize_device(device)
        return view if isinstance(points, torch.Tensor) else _as_numpy(view)

    def _find_surface(self, cells: list[wp.array], samples: Any, camera: Any, levels: Any) -> None:
        """Depth of the front surface in every pixel, cracks closed, 0 in holes."""
        run, own = self._launcher, self._buffers
        pixels, trusted, threshold = len(own.keys), self._trusted, self._occlusion_threshold
        count = len(samples.z)
        run.items(raster_kernels.project_points, count, [*cells, trusted, camera, samples])
        self._scatter(raster_kernels.keep_nearest, samples, [own.keys])
        run.items(raster_kernels.unpack_nearest, pixels, [own.keys, own.depths[0], own.exact])
        self._halve_depths()
        columns = ROW_AT_ONCE if run.device.is_cpu else 1
        run.items(
            surface_kernels.remove_hidden,
            -(-self._size_wh[0] // columns) * self._size_wh[1],
            [columns, own.pyramid, levels, camera, threshold, own.exact, own.front, own.walls],
            columns,
        )
        # cracks close between what is visible: the pyramid is built anew without what was hidden
        wp.copy(own.depths[0], own.walls)
        self._halve_depths()
        run.items(
            surface_kernels.close_cracks,
            pixels,
            [own.pyramid, levels, own.exact, own.front, own.border],
        )

    def _scatter(self, kernel: Any, samples: Any, arguments: list[Any]) -> None:
        """Launch over all samples once for each band of rows that may be written."""
        # every band reads all samples: sorting them into bands would take as long as reading them
        launches = []
        for first_row, end_row in self._launcher.shares(self._size_wh[1]):
            band = raster_kernels.Band()
            band.width, band.height = self._size_wh
            band.first_row, band.end_row = first_row, end_row
            launches.append((len(samples.z), [samples, band, *arguments]))
        self._launcher.run(kernel, launches)

    def _halve_depths(self) -> None:
        """Rebuild the coarse levels of the depth pyramid, and find the nearest depth of all."""
        run, own = self._launcher, self._buffers
        for size_wh, (fine, coarse) in zip(own.sizes, pairwise(own.depths), strict=False):
            run.items(surface_kernels.halve_depth, len(coarse), [*size_wh, fine, coarse])
        width, height = own.sizes[len(own.depths) - 1]
        rows = own.rows[:height]
        run.items(surface_kernels.nearest_in_row, height, [width, own.depths[-1], rows])
        run.items(surface_kernels.nearest_in_row, 1, [height, rows, own.nearest])

    def _blend(self, samples: Any, view: RenderedView) -> None:
        """Colour, depth and confidence of every pixel that samples of its surface reach."""
        run, own = self._launcher, self._buffers
        pixels, colors, hole = len(own.keys), own.colors, _flat(view.hole)
        depth, confidence = _flat(view.depth), _flat(view.confidence)
        self._scatter(
            splat_kernels.splat_samples, samples, [own.front, own.exact, own.sums, own.depth_sums]
        )
        run.items(
            splat_kernels.resolve_smooth,
            pixels,
            [own.border, own.front, own.sums, own.depth_sums, own.smooth, depth, confidence],
        )
        self._scatter(splat_kernels.splat_residuals, samples, [own.front, own.smooth, own.sums])
        run.items(
            splat_kernels.resolve_sharp,
            pixels,
            [own.exact, own.front, own.smooth, own.sums, colors, hole],
        )

    def _fill(self, rgb: wp.array) -> None:
        """Means of the rims of holes, by a cascade of grids above the pixels."""
        run, own, (width, height) = self._launcher, self._buffers, self._size_wh
        run.items(fill_kernels.row_maximum, height, [width, own.front, own.rows], width)
        run.items(fill_kernels.row_maximum, 1, [height, own.rows, own.farthest])
        levels = list(zip(own.filled_sizes, own.filled, strict=True))
        run.items(
            fill_kernels.pull_seen,
            len(own.filled[0][0]),
            [width, height, own.colors, own.farthest, *own.filled[0], own.whole, rgb],
        )
        for (size_wh, fine), (_, coarse) in pairwise(levels):
            run.items(fill_kernels.pull, len(coarse[0]), [*size_wh, *fine, *coarse])
        for (size_wh, (fine, empty)), (_, (coarse, _)) in reversed(list(pairwise(levels))):
            run.items(fill_kernels.push, len(fine), [*size_wh, coarse, empty, fine])
            for parity in (0, 1) * RELAXATIONS:
                run.items(fill_kernels.relax, len(fine), [*size_wh, parity, empty, fine])

    def _fade(self, hole: wp.array, rgb: wp.array) -> None:
        """Give holes their colour, fade it with distance, and store 8 bits."""
        run, own, (width, height) = self._launcher, self._buffers, self._size_wh
        reach = math.ceil(min(FADED_SIGMAS * self._sigma, fill_kernels.NOTHING_SEEN - 1))
        columns = COLUMNS_AT_ONCE if run.device.is_cpu else 1
        run.items(
            fill_kernels.column_distance,
            -(-width // columns),
            [width, height, columns, hole, own.distance],
            height * columns,
        )
        run.items(
            fill_kernels.fade_and_store,
            len(own.whole),
            [
                width,
                height,
                self._sigma,
                reach,
                own.whole,
                own.colors,
                own.filled[0][0],
                own.distance,
                rgb,
            ],
        )


def _all_on_device(
    points: Array, colors: Array, confidences: Array, footprints: Array | None, device: wp.Device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[wp.array]]:
    """All that is known of the points; last their widths and edges, of which one or both are none.

    Raises:
        ValueError: An array has another shape.
    """
    xyz = _on_device("points", points, (3,), device)
    rgb = _on_device("colors", colors, (3,), device)
    trust = _on_device("confidences", confidences, (), device)
    known: Array = np.empty(0) if footprints is None else footprints
    is_edges = known.ndim > 1
    cells = _on_device("footprints", known, (2, 3) if is_edges else (), device)
    if not len(xyz) == len(rgb) == len(trust) or len(cells) not in (0, len(xyz)):
        raise ValueError(
            f"renderer: {len(xyz)} points, {len(rgb)} colors, {len(trust)} confidences and "
            f"{len(cells)} footprints, need as many of each"
        )
    none = xyz.flatten()[:0]
    widths, edges = (none, cells) if is_edges else (cells, none)
    return xyz, rgb, trust, [wp.from_torch(widths), wp.from_torch(edges.reshape(-1, 3), wp.vec3f)]


def _on_device(
    name: str, array: Array, row_shape: tuple[int, ...], device: wp.Device
) -> torch.Tensor:
    """The array as contiguous float32 on the device, not copied where it is that already."""
    if array.ndim == 0 or tuple(array.shape[1:]) != row_shape:
        wanted = ", ".join(["N", *map(str, row_shape)])
        raise ValueError(f"renderer: {name} are {tuple(array.shape)}, need ({wanted})")
    if len(array) == 0:  # strides of nothing, which Warp would not take
        return torch.empty((0, *row_shape), device=wp.device_to_torch(device))
    if isinstance(array, np.ndarray):
        array = torch.from_numpy(np.require(array, np.float32, ["C", "W"]))
    return array.detach().to(wp.device_to_torch(device), torch.float32).contiguous()


def _matrix(matrix: Array) -> NDArray[np.float64]:
    """A (4, 4) array or tensor in double precision."""
    if isinstance(matrix, torch.Tensor):
        matrix = matrix.detach().cpu()
    return np.asarray(matrix, np.float64)


def _pinhole(
    view_mat: NDArray[np.float64], proj_mat: NDArray[np.float64], size_wh: tuple[int, int]
) -> Any:
    """Kernel struct of the camera that a pair of OpenGL matrices describes."""
    width, height = size_wh
    camera = raster_kernels.Pinhole()
    camera.cam_from_world = wp.mat44f(*(OPENCV_FROM_OPENGL @ view_mat).ravel().tolist())
    # clip space is -1 to 1 over the image: half its width in pixels a unit, y upwards
    camera.focal = wp.vec2f(proj_mat[0, 0] * width / 2.0, proj_mat[1, 1] * height / 2.0)
    camera.center = wp.vec2f(
        (1.0 - proj_mat[0, 2]) * width / 2.0, (1.0 + proj_mat[1, 2]) * height / 2.0
    )
    camera.width, camera.height = width, height
    return camera


def _empty_view(size_wh: tuple[int, int], device: wp.Device) -> RenderedView:
    """Uninitialised tensors to render into."""
    where, shape_hw = wp.device_to_torch(device), (size_wh[1], size_wh[0])
    return RenderedView(
        rgb=torch.empty((*shape_hw, 3), dtype=torch.uint8, device=where),
        hole=torch.empty(shape_hw, dtype=torch.bool, device=where),
        depth=torch.empty(shape_hw, device=where),
        confidence=torch.empty(shape_hw, device=where),
    )


def _flat(image: torch.Tensor) -> wp.array:
    """Warp's view of an image, one row a pixel."""
    return wp.from_torch(image.flatten(0, 1))


def _as_numpy(view: RenderedView) -> RenderedView:
    """The same view in numpy arrays."""
    return RenderedView(
        *(image.cpu().numpy() for image in (view.rgb, view.hole, view.depth, view.confidence))
    )
