"""The viewer in real browsers: picture, drag, save, keyframes, restart, and two at once."""

import base64
import io
import json
import os
import time

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("viser")

from estimators.command_line import add_geometry_flags
from render_views import main as render_views
from tests.builders import a_scene
from tests.review.browser import CHROMIUM, SOFTWARE_GRAPHICS, Browser
from vggt_point_cloud_viewer import load, main
from viewer.browser.serving import Serving
from viewer.command_line import make_parser, served_scenes
from viewer.serve_options import ServeOptions
from warpset.building.views.camera_files import read_cameras

PAGE_WH = (760, 420)
PATIENCE_S = 60
CONNECTED = "document.body.innerText.includes('Connected')"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(CHROMIUM is None or os.name != "posix", reason="no Chromium to drive"),
]


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    place = tmp_path_factory.mktemp("in")
    return [a_scene(place / name, photos=2, size_wh=(320, 240)) for name in ("room", "hall")]


@pytest.fixture
def start(rooms, tmp_path):
    """Starts servers that are stopped in the end."""
    running = []

    def start(port=0) -> Serving:
        flags = ["--scene", str(rooms[0]), "--more-scenes", str(rooms[1]), "--serve", "--quiet"]
        args = make_parser(add_geometry_flags).parse_args([*flags, "--auto-s0"])
        served = served_scenes(args, lambda one: load(one, "cpu"))
        options = ServeOptions(tmp_path / "out.png", tmp_path / "token", port=port)
        running.append(Serving(served, options))
        return running[-1]

    yield start
    for serving in running:
        serving.stop()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile"), SOFTWARE_GRAPHICS) as browser:
        browser.call("Page.setDownloadBehavior", behavior="deny")
        browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
        browser.show_as(*PAGE_WH)
        yield browser


def wait_until(condition, what: str):
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain for {what}"
        time.sleep(0.05)
    return found


def click(browser, text):
    button = f"[...document.querySelectorAll('button')].find(b => b.innerText.trim() === '{text}')"
    browser.wait_for(f"!!{button}")
    browser.evaluate(f"{button}.click()")


def canvas(browser) -> np.ndarray:
    """The picture that the page shows, (h, w, 3)."""
    box = browser.evaluate(
        "(() => { const all = [...document.querySelectorAll('canvas')].map(c => "
        "c.getBoundingClientRect()); all.sort((a, b) => b.width - a.width);"
        "return [all[0].x, all[0].y, all[0].width, all[0].height] })()"
    )
    shot = browser.call("Page.captureScreenshot")["data"]
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB"))
    x, y, width, height = (round(value) for value in box)
    return whole[y : y + height, x : x + width]


def shows(browser, expected: np.ndarray) -> bool:
    """Whether the page shows a picture, but for notes that lie over its upper half."""
    seen = canvas(browser)
    if seen.shape != expected.shape:
        return False
    below = slice(seen.shape[0] // 2, None)
    return np.abs(seen[below].astype(int) - expected[below]).mean() < 3


def headless(room, tmp_path, size_wh) -> bytes:
    output = tmp_path / "headless.png"
    size = [f"--viewport-width={size_wh[0]}", f"--viewport-height={size_wh[1]}"]
    assert main(["--scene", str(room), "--auto-s0", "--headless", f"--output={output}", *size]) == 0
    return output.read_bytes()


def as_rgb(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def drag(browser):
    height = PAGE_WH[1]
    browser.drag((150, height / 2), (190, height / 2))


def drag_away(browser, visit):
    """Drag until the camera moves: a page that drags before it is placed is put back."""
    start = visit._camera().cam_from_world

    def has_moved():
        drag(browser)
        time.sleep(0.5)
        return not np.allclose(visit._camera().cam_from_world, start)

    wait_until(has_moved, "the drag")


def at_rest(visit) -> np.ndarray:
    """The camera's pose (4, 4) once it stands still: it glides to where it was dragged."""
    seen = [visit._camera().cam_from_world]

    def stands_still():
        time.sleep(2)
        seen.append(visit._camera().cam_from_world)
        return np.array_equal(seen[-1], seen[-2])

    wait_until(stands_still, "the end of the glide")
    return seen[-1]


def the_visit(serving):
    wait_until(lambda: serving._visits, "a browser")
    [visit] = serving._visits.values()
    return visit


def test_the_first_picture_saved_is_the_headless_one_to_the_bit(start, chromium, rooms, tmp_path):
    serving, output = start(), tmp_path / "out.png"
    chromium.open(serving.address)
    chromium.wait_for(CONNECTED)
    click(chromium, "Save picture")
    wait_until(output.is_file, "the saved picture")
    wanted = headless(rooms[0], tmp_path, Image.open(output).size)
    assert output.read_bytes() == wanted
    wait_until(lambda: shows(chromium, as_rgb(wanted)), "the picture on the page")


def test_a_drag_turns_the_camera_and_a_photos_camera_turns_it_back(start, chromium, tmp_path):
    serving, output = start(), tmp_path / "out.png"
    chromium.open(serving.address)
    chromium.wait_for(CONNECTED)
    visit = the_visit(serving)
    click(chromium, "Save picture")
    wait_until(output.is_file, "the saved picture")
    first = as_rgb(output.read_bytes())
    wait_until(lambda: shows(chromium, first), "the first picture")
    drag_away(chromium, visit)
    wait_until(lambda: not shows(chromium, first), "another picture")
    click(chromium, "Next photo")
    wait_until(lambda: visit._standing == 1, "the next photo")
    click(chromium, "Previous photo")
    wait_until(lambda: shows(chromium, first), "the first picture again")
    drag_away(chromium, visit)
    click(chromium, "Reset View")
    wait_until(lambda: stands_at_the_first_photo(visit), "the first photo")
    wait_until(lambda: shows(chromium, first), "its picture")


def test_keyframes_are_saved_and_rendered(start, chromium, rooms, tmp_path):
    serving = start()
    chromium.open(serving.address)
    chromium.wait_for(CONNECTED)
    visit = the_visit(serving)
    click(chromium, "Add keyframe")
    chromium.wait_for("document.body.innerText.includes('1 keyframe')")
    click(chromium, "Next photo")
    wait_until(lambda: visit._standing == 1, "the next photo")
    click(chromium, "Add keyframe")
    chromium.wait_for("document.body.innerText.includes('2 keyframes')")
    click(chromium, "Save keyframes")
    path = tmp_path / "out_keyframes.json"
    wait_until(path.is_file, "the keyframes")
    recorded = load_first(serving).stage.cameras
    found = read_cameras(path, recorded[0])
    assert found.are_keyframes and len(found.cameras) == 2
    for camera, photo in zip(found.cameras, recorded, strict=True):
        np.testing.assert_array_equal(camera.cam_from_world, photo.cam_from_world)
    views = tmp_path / "views"
    flags = ["--cameras", str(path), "--frames", "3", "--output-dir", str(views), "--auto-s0"]
    assert render_views(["--scene", str(rooms[0]), *flags]) == 0
    shown = json.loads((views / "cameras.json").read_text())["cameras"]
    assert len(shown) == 3
    first = np.asarray(Image.open(views / "view_0001_splats.png"))
    np.testing.assert_array_equal(first, np.asarray(Image.open(rooms[0] / "images" / "1.png")))


def load_first(serving):
    return serving._scenes.first()


def stands_at_the_first_photo(visit) -> bool:
    stage = visit._opened.stage
    return visit._where.pose.is_near(stage.pose(stage.cameras[0]))


def test_a_page_finds_its_way_back_and_keeps_its_place(start, chromium):
    serving = start()
    chromium.open(serving.address)
    chromium.wait_for(CONNECTED)
    visit = the_visit(serving)
    wait_until(lambda: stands_at_the_first_photo(visit), "the first photo")
    drag_away(chromium, visit)
    place = at_rest(visit)
    address, port = serving.address, serving._server.get_port()
    serving.stop()
    again = start(port)
    assert again.address == address
    np.testing.assert_allclose(at_rest(the_visit(again)), place, atol=1e-3)


def test_two_browsers_look_from_two_places(start, chromium, tmp_path):
    serving = start()
    chromium.open(serving.address)
    first = the_visit(serving)
    with Browser(tmp_path / "profile", SOFTWARE_GRAPHICS) as other:
        other.show_as(*PAGE_WH)
        other.open(serving.address)
        wait_until(lambda: len(serving._visits) == 2, "both")
        second = next(visit for visit in serving._visits.values() if visit is not first)
        for browser in (chromium, other):
            browser.wait_for(CONNECTED)
        start_pose = first._camera().cam_from_world
        drag_away(other, second)
        np.testing.assert_array_equal(first._camera().cam_from_world, start_pose)
    wait_until(lambda: len(serving._visits) == 1, "the end of a visit")


def test_another_scene_is_chosen_by_its_folder(start, rooms, chromium):
    serving = start()
    chromium.open(serving.address)
    chromium.wait_for(CONNECTED)
    visit = the_visit(serving)
    visit._open(str(rooms[1]))
    assert visit._opened.name == str(rooms[1]) and visit._standing == 0
