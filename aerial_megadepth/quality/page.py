"""A scene's quality as one HTML page that needs nothing else; how it is measured it ignores."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from warpset.core.geometry import Depth
from warpset.files.photos import Rgb
from warpset.files.pictures import picture_bytes

from ..localization.report import LocalizationReport
from ..pairs.pair_grades import OUTSIDE, PITCH_EDGES_DEG, SCALE_EDGE, PairGrades, level_name
from .measures import SceneQuality, ViewQuality, known_depth_range

MAP_SIDE_PX = 640
MAP_MARGIN = 0.06
MAX_MAP_POINTS = 3000
LOOK_LENGTH = 0.05
"""Length of a camera's line of sight on the map, as a share of the map."""

FEW_REGISTERED = 0.5
LARGE_DRIFT_M = 0.001
LARGE_REPROJECTION_PX = 2.0
LARGE_DEPTH_ERROR = 0.01

STYLE = """
body{font:14px/1.4 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.15rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f3f3f3}
figure{display:inline-block;margin:.3rem}figcaption{font-size:12px;max-width:260px}
svg{border:1px solid #ccc;background:#fff}.bad{color:#b00020}
"""


class Picture(NamedTuple):
    """A view's small pictures.

    Attributes:
        name: Its image.
        rgb: (h, w, 3) uint8.
        depth: (h, w) of the same size, 0 = unknown.
    """

    name: str
    rgb: Rgb
    depth: Depth


def findings(quality: SceneQuality, report: LocalizationReport | None) -> list[str]:
    """What is worth a second look, a line each."""
    found = [] if report is None else _findings_of(report)
    for view in quality.views:
        if view.points == 0:
            found.append(f"{view.name}: no sparse points")
        if (view.reprojection_px or 0) > LARGE_REPROJECTION_PX:
            found.append(f"{view.name}: reprojection error of {view.reprojection_px:.2f} px")
        if (view.sparse_error or 0) > LARGE_DEPTH_ERROR:
            found.append(f"{view.name}: depth is {view.sparse_error:.1%} off the sparse points")
    return found


def _findings_of(report: LocalizationReport) -> list[str]:
    found = []
    if len(report.photos) < FEW_REGISTERED * report.photos_given:
        found.append(f"only {len(report.photos)} of {report.photos_given} photos registered")
    if report.drift_m > LARGE_DRIFT_M:
        found.append(f"aerial cameras stand up to {report.drift_m:.4f} m from where they were")
    for photo in report.residuals:
        if photo.off_m is None:
            found.append(f"{photo.name}: too few photos of its MegaDepth model to check it by")
        elif not photo.kept:
            found.append(
                f"{photo.name}: dropped, {photo.off_m:.2f} m and {photo.off_deg:.1f} degrees off"
                " its MegaDepth model"
            )
    return found


def scene_page(
    scene: str,
    quality: SceneQuality,
    report: LocalizationReport | None,
    pictures: Sequence[Picture],
) -> str:
    """The page: findings, figures, the map from above, a table of views and some pictures."""
    aerial = set(report.aerial) if report is not None else set()
    noted = "".join(f'<li class="bad">{escape(line)}</li>' for line in findings(quality, report))
    title = escape(scene)
    parts = [
        f"<h1>{title}</h1>",
        f"<ul>{noted or '<li>nothing stands out</li>'}</ul>",
        _figures(quality, report),
        "<h2>From above</h2>",
        "<p>x and y of the world in metres, y upwards; red: aerial frames, blue: photos, grey: "
        "points.</p>",
        _map(quality, aerial),
        "<h2>Views</h2>",
        _table(quality.views, aerial),
        "" if report is None else _residuals_table(report),
        _grades_table(quality.grades),
        "<h2>Pictures and depth</h2>",
        *(_figure(picture) for picture in pictures),
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _figures(quality: SceneQuality, report: LocalizationReport | None) -> str:
    views = quality.views
    rows = [
        ("views", str(len(views))),
        ("sparse points", str(len(quality.xyz_world))),
        ("reprojection error, median of views", _text(_middle(views, "reprojection_px"), " px")),
        ("pixels with depth, median", _percent(_middle(views, "known"))),
        ("depth off the sparse points, median", _percent(_middle(views, "sparse_error"))),
        ("depth off other views, median", _percent(_middle(views, "agreement"))),
        ("pixels that agree with other views, median", _percent(_middle(views, "agreeing"))),
    ]
    if report is not None:
        share = len(report.photos) / max(report.photos_given, 1)
        rows += [
            ("photos registered", f"{len(report.photos)} of {report.photos_given} ({share:.0%})"),
            ("aerial frames used", f"{len(report.aerial)} of {report.aerial_given}"),
            ("drift of aerial cameras", f"{1000 * report.drift_m:.4f} mm"),
            ("brought back by a similarity", "yes" if report.is_aligned else "no"),
        ]
        for number, scale in enumerate(report.scales):
            if scale is not None:
                text = f"{scale.metres_per_unit:.4f} m, {scale.residual_m:.3f} m apart"
                rows.append((f"a unit of MegaDepth model {number + 1}", text))
    return _html_table(("", ""), rows)


def _table(views: Iterable[ViewQuality], aerial: set[str]) -> str:
    header = ("image", "kind", "points", "reprojection", "depth known", "off points", "off views")
    rows = [
        (
            view.name,
            "" if not aerial else "aerial" if view.name in aerial else "photo",
            str(view.points),
            _text(view.reprojection_px, " px"),
            _percent(view.known),
            _percent(view.sparse_error),
            _percent(view.agreement),
        )
        for view in views
    ]
    return _html_table(header, rows)


def _residuals_table(report: LocalizationReport) -> str:
    header = ("photo", "reprojection", "off its model", "of the distance", "turned", "")
    rows = [
        (
            photo.name,
            _text(photo.reprojection_px, " px"),
            _text(photo.off_m, " m"),
            _percent(photo.off_share),
            _text(photo.off_deg, " deg"),
            "kept" if photo.kept else "dropped",
        )
        for photo in report.residuals
    ]
    return f"<h2>Photos against MegaDepth's model</h2>{_html_table(header, rows)}"


def _grades_table(grades: PairGrades) -> str:
    """Pairs by the difference of their pitches and by scale, and the levels that occur."""
    header = ("pitches differ by", "scale 1 to 2", "scale over 2")
    edges = (0.0, *PITCH_EDGES_DEG, 180.0)
    steps = np.searchsorted(edges, grades.pitch_deg, side="right") - 1
    far = grades.scale > SCALE_EDGE
    rows = [
        (
            f"{low:.0f} to {high:.0f} deg"
            if step < len(PITCH_EDGES_DEG)
            else f"from {low:.0f} deg",
            str(np.count_nonzero((steps == step) & ~far)),
            str(np.count_nonzero((steps == step) & far)),
        )
        for step, (low, high) in enumerate(pairwise(edges))
    ]
    levels, counts = np.unique(grades.level[grades.level != OUTSIDE], return_counts=True)
    listed = [
        (str(level), level_name(level), str(count))
        for level, count in zip(levels.tolist(), counts.tolist(), strict=True)
    ]
    return (
        f"<h2>Pairs by difficulty</h2>{_html_table(header, rows)}"
        f"<p>Levels of AerialExtreMatch:</p>{_html_table(('level', '', 'pairs'), listed)}"
    )


def _html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in header)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _map(quality: SceneQuality, aerial: set[str]) -> str:
    """Cameras and points seen along the world's z, as SVG."""
    centers = np.array([view.camera.center_world[:2] for view in quality.views])
    looks = np.array([view.camera.cam_from_world[2, :2] for view in quality.views])
    points = quality.xyz_world[:: max(1, len(quality.xyz_world) // MAX_MAP_POINTS), :2]
    shown = np.concatenate([centers, *([np.percentile(points, [2, 98], 0)] if len(points) else [])])
    low, extent = shown.min(0), max(float(np.ptp(shown, axis=0).max()), 1e-9)
    scale = MAP_SIDE_PX * (1 - 2 * MAP_MARGIN) / extent

    def place(xy: NDArray) -> NDArray:
        x_y = (xy - low) * scale + MAP_SIDE_PX * MAP_MARGIN
        return np.stack([x_y[..., 0], MAP_SIDE_PX - x_y[..., 1]], -1).round(1)

    dots = "".join(f'<circle cx="{x}" cy="{y}" r="1" fill="#bbb"/>' for x, y in place(points))
    cameras = []
    ends = place(centers + looks * (LOOK_LENGTH * extent))
    for view, (x, y), (end_x, end_y) in zip(quality.views, place(centers), ends, strict=True):
        colour = "#c00" if view.name in aerial else "#06c"
        cameras.append(
            f'<g stroke="{colour}" fill="{colour}"><line x1="{x}" y1="{y}" x2="{end_x}" '
            f'y2="{end_y}"/><circle cx="{x}" cy="{y}" r="3"><title>{escape(view.name)}</title>'
            "</circle></g>"
        )
    size = f'width="{MAP_SIDE_PX}" height="{MAP_SIDE_PX}"'
    bar = f'<text x="8" y="16" font-size="12">map is {MAP_SIDE_PX / scale:.1f} m wide</text>'
    return f"<svg {size}>{dots}{''.join(cameras)}{bar}</svg>"


def _figure(picture: Picture) -> str:
    side_by_side = np.concatenate([picture.rgb, _coloured(picture.depth)], axis=1)
    data = base64.b64encode(picture_bytes(side_by_side, "jpeg")).decode()
    name = escape(picture.name)
    return (
        f'<figure><img alt="{name}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{name}</figcaption></figure>"
    )


def _coloured(depth: Depth) -> Rgb:
    """Depth as colours, near warm, far cold, unknown black."""
    ends = known_depth_range(depth)
    if ends is None:
        return np.zeros((*depth.shape, 3), np.uint8)
    near, far = ends
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (1 / depth - 1 / far) / max(1 / near - 1 / far, 1e-12)
    level = np.where(depth > 0, share.clip(0, 1) * 255, 0).astype(np.uint8)
    bgr = cv2.applyColorMap(level, cv2.COLORMAP_TURBO)
    return np.where(depth[..., None] > 0, bgr[..., ::-1], np.uint8(0)).astype(np.uint8)


def _middle(views: Iterable[ViewQuality], name: str) -> float | None:
    values = [value for view in views if (value := getattr(view, name)) is not None]
    return float(np.median(values)) if values else None


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _text(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f}{unit}"
