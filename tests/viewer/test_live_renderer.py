"""From points to pictures, coarse and sharp, in the background; and pictures to the clipboard."""

import io
import subprocess
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from renderer.making import make_renderer
from tests.builders import a_camera, a_photo
from viewer.desktop.clipboard import copy_on_linux, copy_on_mac, dib_bytes
from viewer.frame_source import (
    DETAILS,
    DisplayMode,
    DrawnView,
    FrameSource,
    Look,
    most_trusted,
    picture,
)
from viewer.live_renderer import BUDGET_S, LiveRenderer, Pace
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap
from warpset.core.points import PointCloud, lift

SIZE_WH = (64, 48)


def a_plane_source(s0=0.06, make=None) -> FrameSource:
    """A textured plane two units before `a_camera()`."""
    depth = np.full((48, 64), 2.0, np.float32)
    cloud = lift(DepthMap(depth, None, a_camera()), a_photo(), np.ones((48, 64), bool))
    make = make or (lambda size_wh, sigma: make_renderer(size_wh, sigma, "cpu"))
    return FrameSource(cloud, Look(20.0, s0), make, "cpu")


def test_a_view_from_where_the_points_were_seen_is_the_photo():
    view = a_plane_source().view(a_camera())
    np.testing.assert_array_equal(view.rgb, a_photo())
    assert not view.hole.any()


@pytest.mark.parametrize("detail", DETAILS)
def test_less_detail_is_a_smaller_picture_of_the_same(detail):
    view = a_plane_source().view(a_camera(), detail)
    size_wh = (round(64 * detail), round(48 * detail))
    small = np.asarray(Image.fromarray(a_photo()).resize(size_wh, Image.Resampling.BOX))
    assert view.rgb.shape == small.shape
    assert np.abs(view.rgb.astype(int) - small).mean() < 32


def test_less_detail_takes_fewer_points_larger_splats_and_a_narrower_fade():
    asked = []

    class Recorder:
        s0 = 0.5

        def render_view(self, points, *_others):
            asked[-1] = (*asked[-1], len(points), self)
            return make_renderer(asked[-1][0], 20.0, "cpu").render_view(points, *_others)

    def make(size_wh, sigma):
        asked.append((size_wh, sigma))
        return Recorder()

    source = a_plane_source(None, make)
    source.view(a_camera(), 0.25)
    [(size_wh, sigma, count, renderer)] = asked
    assert size_wh == (16, 12) and sigma == 5.0 and renderer.s0 == 2.0
    assert 64 * 48 / 32 < count < 64 * 48 / 8


def test_a_cloud_drawn_otherwise_keeps_its_points_and_leaves_out_the_least_trusted():
    source = a_plane_source()
    shared = source.looking(replace(source.look, sigma_px=5.0))
    assert shared._points(1.0) is source._points(1.0)
    larger = source.looking(replace(source.look, s0_factor=4.0))
    assert larger._renderer(SIZE_WH, 1.0).s0 == 4 * source._renderer(SIZE_WH, 1.0).s0
    cloud = PointCloud(np.zeros((4, 3), np.float32), np.zeros((4, 3), np.uint8), None)
    assert most_trusted(cloud, 50.0) is cloud
    told_apart = cloud._replace(confidence=np.float32([3, 1, 4, 2]))
    assert most_trusted(told_apart, 50.0).confidence.tolist() == [3, 4]


def test_views_are_shown_as_soon_as_they_are_there(machine):
    shown = []
    live = LiveRenderer(machine.render, machine.clock, shown.append)
    machine.may_go.release()
    camera = a_camera()
    live.sharp(camera)
    live.stop()
    assert [(drawn.camera, drawn.detail) for drawn in shown] == [(camera, 1.0)]


def test_holes_are_filled_black_or_shown_as_a_mask():
    view = a_plane_source().view(a_camera(at=(-0.5, 0, 0)))
    hole = view.hole
    assert 0.1 < hole.mean() < 0.5
    filled, black, mask = (picture(view, DisplayMode(*look)) for look in ((1, 0), (0, 0), (1, 1)))
    assert filled[hole].any() and not black[hole].any()
    np.testing.assert_array_equal(filled[~hole], black[~hole])
    np.testing.assert_array_equal(mask, np.repeat(hole[..., None] * 255, 3, axis=2))


def test_a_fast_machine_always_shows_every_detail():
    pace = Pace()
    pace.took(0.9 * BUDGET_S, 1.0)
    assert pace.moving_detail == 1.0


@pytest.mark.parametrize(("times_budget", "detail"), [(2, 0.5), (10, 0.25), (50, 0.125)])
def test_a_slow_machine_moves_with_what_fits_the_budget(times_budget, detail):
    pace = Pace()
    pace.took(times_budget * BUDGET_S, 1.0)
    assert pace.moving_detail == detail


def test_a_preview_that_took_too_long_is_smaller_next_time():
    pace = Pace()
    pace.took(2 * BUDGET_S, 1.0)
    pace.took(1.5 * BUDGET_S, 0.5)
    assert pace.moving_detail == 0.25
    pace.took(0.01, 1.0)
    assert pace.moving_detail == 1.0


class SlowMachine:
    """A renderer whose every picture takes ten times the budget by its own clock."""

    def __init__(self) -> None:
        self.now, self.rendered = 0.0, []
        self.has_begun, self.may_go = threading.Semaphore(0), threading.Semaphore(0)

    def clock(self) -> float:
        return self.now

    def render(self, camera, detail):
        self.has_begun.release()
        assert self.may_go.acquire(timeout=30)
        self.now += 10 * BUDGET_S * detail**2
        self.rendered.append((camera, detail))
        nothing = np.zeros((1, 1))
        return DrawnView(np.zeros((1, 1, 3), np.uint8), nothing > 0, nothing.astype(np.float32))


@pytest.fixture
def machine():
    return SlowMachine()


@pytest.fixture
def live(machine):
    live = LiveRenderer(machine.render, machine.clock)
    yield live
    for _ in range(10):
        machine.may_go.release()
    live.stop()


def test_nothing_is_shown_before_the_first_picture_and_asking_never_waits(live, machine):
    camera = a_camera()
    assert live.ask(camera, is_moving=False) is None
    machine.may_go.release()
    live.sharp(camera)


def test_a_moving_camera_is_rendered_coarsely_and_sharply_once_it_rests(live, machine):
    start, moving = a_camera(), a_camera(at=(1, 0, 0))
    machine.may_go.release()
    live.sharp(start)
    machine.has_begun.acquire()
    live.ask(moving, is_moving=True)
    assert machine.has_begun.acquire(timeout=30)
    machine.may_go.release()
    machine.may_go.release()
    live.sharp(moving)
    assert machine.rendered == [(start, 1.0), (moving, 0.25), (moving, 1.0)]
    drawn = live.ask(moving, is_moving=False)
    assert drawn is not None and drawn.detail == 1.0 and drawn.camera is moving


def test_a_sharp_picture_is_not_rendered_twice(live, machine):
    camera = a_camera()
    machine.may_go.release()
    first = live.sharp(camera)
    live.ask(camera, is_moving=True)
    assert live.sharp(camera) is first
    assert machine.rendered == [(camera, 1.0)]


def test_only_the_last_camera_asked_for_is_rendered_next(live, machine):
    cameras = [a_camera(at=(step, 0, 0)) for step in range(5)]
    for camera in cameras:
        live.ask(camera, is_moving=False)
    machine.may_go.release()
    machine.may_go.release()
    live.sharp(cameras[-1])
    assert machine.rendered[-1] == (cameras[-1], 1.0) and len(machine.rendered) <= 2


def test_a_failure_reaches_whoever_asks():
    def fails(_camera, _detail):
        raise MemoryError("no room")

    live = LiveRenderer(fails)
    with pytest.raises(MemoryError, match="no room"):
        live.sharp(a_camera())
    with pytest.raises(MemoryError, match="no room"):
        live.ask(a_camera(), is_moving=False)
    live.stop()


RGB = a_photo((5, 3))


class FakeRun:
    def __init__(self, error: Exception | None = None) -> None:
        self.command, self.content, self.error = [], b"", error

    def __call__(self, command, **options):
        self.command, self.content = command, options["input"]
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("environ", "installed", "command"),
    [
        ({}, {"xclip"}, "xclip"),
        ({}, {"xclip", "wl-copy"}, "xclip"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, {"xclip", "wl-copy"}, "wl-copy"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, {"xclip"}, "xclip"),
    ],
)
def test_linux_copies_a_png_through_what_is_there(environ, installed, command):
    run = FakeRun()
    copy_on_linux(RGB, environ, lambda name: name if name in installed else None, run)
    assert run.command[0] == command and "image/png" in run.command
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(run.content))), RGB)


@pytest.mark.parametrize(
    ("environ", "package"), [({}, "xclip"), ({"WAYLAND_DISPLAY": "w"}, "wl-clipboard")]
)
def test_what_is_missing_for_the_clipboard_is_named(environ, package):
    with pytest.raises(InputError, match=f"install {package}"):
        copy_on_linux(RGB, environ, lambda name: None)


def test_a_clipboard_that_fails_is_said():
    run = FakeRun(subprocess.TimeoutExpired("xclip", 10))
    with pytest.raises(InputError, match="cannot copy: xclip failed"):
        copy_on_linux(RGB, {}, lambda name: name, run)


def test_a_mac_copies_a_png_through_applescript():
    seen = []

    def run(command, **_options):
        path = command[-1].split('"')[1]
        seen.append((command[0], np.asarray(Image.open(path))))

    copy_on_mac(RGB, run)
    [(program, copied)] = seen
    assert program == "osascript"
    np.testing.assert_array_equal(copied, RGB)


def test_windows_takes_a_bitmap_without_its_file_header():
    dib = dib_bytes(RGB)
    header_bytes, width, height = np.frombuffer(dib[:12], "<i4")
    planes, bits = np.frombuffer(dib[12:16], "<u2")
    assert (header_bytes, width, height, planes, bits) == (40, 5, 3, 1, 24)
    rows = np.frombuffer(dib[40:], np.uint8).reshape(3, 16)[::-1, :15].reshape(3, 5, 3)
    np.testing.assert_array_equal(rows[..., ::-1], RGB)
