"""What input does in the viewer: keys, mouse, menu, messages; without a window."""

import itertools

import numpy as np
import pytest

from tests.viewer.viewer_builders import PLAIN_DEPTH, SIZE_WH, TEXT, FakeOutside, a_session
from viewer.desktop.overlay import Rectangle, Text, overlay
from viewer.desktop.theme import DARK, LIGHT, palette_for
from viewer.input_state import (
    COMMANDS,
    CONTROLS,
    CTRL,
    MOTIONS,
    NONE,
    SHIFT,
    Command,
    InputState,
    Motion,
)
from viewer.menu import ContextMenu, lay_out
from viewer.session import CROSSING_S
from viewer.toasts import SECONDS, Toast


def hold(session, *keys, seconds=1.0, start=10.0):
    """Hold keys down for a while, in ticks of a tenth of a second."""
    session.tick(start)
    for key in keys:
        session.press_key(key)
    for tick in range(1, round(10 * seconds) + 1):
        session.tick(start + tick / 10)
    for key in keys:
        session.release_key(key)


def way(session, before):
    """How far the camera went, in its own axes: right, down, forward."""
    return before.cam_from_world[:3, :3] @ (session.camera.center_world - before.center_world)


SPEED = PLAIN_DEPTH / CROSSING_S


@pytest.mark.parametrize(
    ("key", "goes"),
    [
        ("W", (0, 0, SPEED)),
        ("S", (0, 0, -SPEED)),
        ("A", (-SPEED, 0, 0)),
        ("D", (SPEED, 0, 0)),
        ("SPACE", (0, -SPEED, 0)),
        ("Q", (0, SPEED, 0)),
    ],
)
def test_a_held_key_moves_half_the_scenes_depth_a_second(key, goes):
    session = a_session()
    before = session.camera
    hold(session, key)
    np.testing.assert_allclose(way(session, before), goes, atol=1e-9)


def test_opposite_keys_cancel_out_and_released_ones_rest():
    session = a_session()
    before = session.camera
    hold(session, "W", "S")
    np.testing.assert_allclose(way(session, before), 0, atol=1e-9)
    session.tick(20.0)
    assert not session.is_moving and session.camera is session.camera


def test_keys_are_forgotten_when_the_window_loses_the_keyboard():
    session = a_session()
    session.tick(1.0)
    session.press_key("W")
    session.lose_keyboard()
    before = session.camera
    session.tick(1.1)
    assert session.camera is before


def test_a_long_pause_is_no_long_way():
    session = a_session()
    before = session.camera
    session.tick(1.0)
    session.press_key("W")
    session.tick(100.0)
    assert np.linalg.norm(way(session, before)) <= 0.1 * SPEED + 1e-9


def test_z_and_c_roll_and_ctrl_c_does_not():
    session = a_session()
    level = session.camera.cam_from_world
    hold(session, "C")
    clockwise = session.camera.world_from_cam[:3, 0]
    assert clockwise[1] > 0.5
    hold(session, "Z", start=20.0)
    np.testing.assert_allclose(session.camera.cam_from_world, level, atol=1e-9)
    session.press_key("C", CTRL)
    before = session.camera
    session.tick(30.0)
    assert session.camera is before


def test_arrow_keys_look_round():
    session = a_session()
    hold(session, "RIGHT", "UP", seconds=0.5)
    forward = session.camera.world_from_cam[:3, 2]
    assert forward[0] > 0.1 and forward[1] < -0.1


def test_a_left_drag_looks_and_with_shift_strafes():
    session = a_session()
    session.press_button("left", 10, 10)
    before = session.camera
    session.drag(20, 0)
    assert session.camera.world_from_cam[0, 2] > 0
    np.testing.assert_allclose(way(session, before), 0, atol=1e-12)
    before = session.camera
    session.drag(20, 10, SHIFT)
    right, down, forward = way(session, before)
    assert right > 0 and down == pytest.approx(right / 2) and abs(forward) < 1e-12
    np.testing.assert_allclose(
        session.camera.cam_from_world[:3, :3], before.cam_from_world[:3, :3], atol=1e-12
    )


def test_a_drag_that_began_elsewhere_does_nothing():
    session = a_session()
    before = session.camera
    session.drag(20, 20)
    session.press_button("left", 1, 1)
    session.release_button("left", 1, 1)
    session.drag(20, 20)
    assert session.camera is before


def test_scrolling_moves_forward_and_back():
    session = a_session()
    before = session.camera
    session.scroll(1)
    assert way(session, before)[2] > 0
    session.scroll(-1)
    np.testing.assert_allclose(way(session, before), 0, atol=1e-9)


@pytest.mark.parametrize("held", ["W", "LCTRL", "RCOMMAND"])
def test_scrolling_with_a_key_held_changes_the_speed_instead(held):
    session = a_session()
    session.tick(1.0)
    session.press_key(held)
    before = session.camera
    session.scroll(2)
    assert session.camera is before and "speed 1.56" in session.toast
    session.release_key(held)
    session.press_key("MINUS")
    assert "speed 1.25" in session.toast


def test_f_brings_back_the_very_same_camera():
    session = a_session()
    start = session.camera
    session.press_key("P")
    hold(session, "W", "Z", "RIGHT", "SPACE")
    session.scroll(3)
    session.press_key("F")
    np.testing.assert_array_equal(session.camera.cam_from_world, start.cam_from_world)
    np.testing.assert_array_equal(session.camera.K, start.K)


def test_p_steps_through_the_photos_cameras_and_round():
    session = a_session(cameras=3)
    seen = []
    for key in (NONE, NONE, NONE, SHIFT):
        session.press_key("P", key)
        seen.append(round(float(session.camera.center_world[0]), 6))
    assert seen == [0.1, 0.2, 0.0, 0.2]
    assert session.toast == "3.png (3 of 3)"


def test_n_and_m_change_what_is_shown():
    session = a_session()
    session.press_key("N")
    assert not session.display_mode.filled and session.toast == "holes black"
    session.press_key("M")
    assert session.display_mode.mask
    session.press_key("M")
    session.press_key("N")
    assert session.display_mode.filled and not session.display_mode.mask


@pytest.mark.parametrize(
    ("key", "modifiers", "into"),
    [("E", NONE, "saved"), ("S", CTRL, "saved"), ("C", CTRL, "copied")],
)
def test_saving_and_copying_take_the_picture_that_is_seen(key, modifiers, into):
    outside = FakeOutside()
    session = a_session(outside)
    session.press_key("N")
    session.press_key(key, modifiers)
    assert len(getattr(outside, into)) == 1 and session.toast == into
    assert outside.cameras == [session.camera] and outside.display_modes == [session.display_mode]


def test_what_fails_is_said_in_a_toast():
    session = a_session(FakeOutside(fails="out.png: cannot be written"))
    session.press_key("E")
    assert session.toast == "out.png: cannot be written"


def test_a_toast_goes_away_and_a_new_one_takes_its_place():
    toast = Toast()
    assert toast.text(0.0) is None
    toast.show("a", 1.0)
    toast.show("b", 2.0)
    assert toast.text(1 + SECONDS) == "b"
    assert toast.text(3 + 2 * SECONDS) is None


def open_menu(session, x=100.0, y=80.0):
    session.press_button("right", x, y)
    session.release_button("right", x, y)
    return session.menu


def middle_of(menu, command):
    index = [item.command for item in menu.items].index(command)
    row = menu.panel.rows[index]
    return row.x + row.width / 2, row.y + row.height / 2


def test_a_right_click_opens_the_menu_where_it_was_made():
    menu = open_menu(a_session())
    assert (menu.panel.box.x, menu.panel.box.y) == (100, 80)
    assert menu.highlighted is None
    assert {"Copy image to clipboard", "Save image"} <= {item.label for item in menu.items}


def test_the_menu_stays_inside_the_window():
    box = open_menu(a_session(), 635, 475).panel.box
    assert box.x + box.width <= 640 and box.y + box.height <= 480


def test_the_pointer_highlights_also_while_dragging_and_a_click_chooses():
    outside = FakeOutside()
    session = a_session(outside)
    session.press_button("right", 100, 80)
    x, y = middle_of(session.menu, Command.SAVE)
    session.point(x, y)
    assert session.menu.items[session.menu.highlighted].command is Command.SAVE
    session.release_button("right", x, y)
    session.press_button("left", x, y)
    session.release_button("left", x, y)
    assert session.menu is None and len(outside.saved) == 1


@pytest.mark.parametrize(("button", "x"), [("right", 110), ("left", 5)])
def test_a_right_click_or_one_beside_it_dismisses_the_menu(button, x):
    session = a_session()
    open_menu(session)
    before = session.camera
    session.press_button(button, x, 90)
    session.drag(30, 30)
    session.release_button(button, x, 90)
    assert session.menu is None and session.camera is before


def test_an_open_menu_takes_all_input():
    session = a_session()
    session.tick(1.0)
    session.press_key("W")
    open_menu(session)
    before, mode = session.camera, session.display_mode
    for key in ("W", "N", "E", "P", "C"):
        session.press_key(key)
    session.scroll(3)
    session.press_button("left", *middle_of(session.menu, Command.MASK))
    session.drag(50, 50)
    session.tick(2.0)
    assert session.camera is before and session.display_mode == mode and session.menu is not None


@pytest.mark.parametrize(("key", "modifiers"), [("MENU", NONE), ("F10", SHIFT)])
def test_the_menu_works_with_the_keyboard_alone(key, modifiers):
    session = a_session()
    session.press_key(key, modifiers)
    commands = [item.command for item in session.menu.items]
    assert session.menu.highlighted == 0
    for _ in range(commands.index(Command.MASK)):
        session.press_key("DOWN")
    session.press_key("ENTER")
    assert session.menu is None and session.display_mode.mask


def test_the_highlight_goes_round():
    menu = open_menu(a_session())
    last = len(menu.items) - 1
    seen = []
    for key in ("DOWN", "UP", "UP", "DOWN", "END", "HOME", "DOWN"):
        menu.step(key)
        seen.append(menu.highlighted)
    assert seen == [0, last, last - 1, last, last, 0, 1]


def test_escape_closes_menu_then_help_then_the_window():
    session = a_session()
    session.press_key("H")
    session.press_key("MENU")
    session.press_key("ESCAPE")
    assert session.menu is None and session.shows_help and not session.is_over
    session.press_key("ESCAPE")
    assert not session.shows_help and not session.is_over
    session.press_key("ESCAPE")
    assert session.is_over


def test_closing_by_the_menu_closes_though_the_help_is_open():
    session = a_session()
    session.press_key("H")
    session.press_key("MENU")
    session.press_key("END")
    session.press_key("ENTER")
    assert session.is_over


@pytest.mark.parametrize("size_wh", [(640, 480), (320, 240)])
@pytest.mark.parametrize("zoom", [1.0, 2.0, 4.0])
def test_panels_fit_the_window_at_any_size_of_text(size_wh, zoom):
    session = a_session(size_wh=size_wh, text=TEXT.scaled(zoom))
    session.press_key("H")
    open_menu(session, 300, 200)
    session.say("a message that is quite long, with a path/to/a/file in it, too long for most")
    for shape in overlay(session, DARK):
        if isinstance(shape, Rectangle):
            x, y, width, height = shape.box
            border = 0.1 * TEXT.size_px * zoom + 1
            assert min(x, y) >= -border
            assert x + width <= size_wh[0] + border + 1 and y + height <= size_wh[1] + border + 1


def test_text_keeps_its_size_where_it_fits():
    panel = lay_out([("one", "1"), ("two", "2")], TEXT.scaled(2), SIZE_WH)
    assert panel.style.size_px == 2 * TEXT.size_px


def test_ctrl_plus_and_minus_change_the_text():
    session = a_session()
    for _ in range(4):
        session.press_key("EQUAL", CTRL)
    assert session.style.size_px > 2 * TEXT.size_px
    session.press_key("0", CTRL)
    assert session.style.size_px == TEXT.size_px


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_menu_has_an_opaque_ground_and_shows_what_is_highlighted(palette):
    session = a_session()
    menu = open_menu(session)
    menu.hover(*middle_of(menu, Command.RESET))
    shapes = overlay(session, palette)
    grounds = [shape for shape in shapes if isinstance(shape, Rectangle)]
    assert all(shape.color[3] == 255 for shape in shapes)
    assert (menu.panel.box, palette.panel) in grounds
    assert (menu.panel.rows[3], palette.highlight) in grounds
    text = next(s for s in shapes if isinstance(s, Text) and s.text == "Reset camera")
    assert text.color == palette.highlighted_text


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_text_has_contrast(palette):
    def luminance(color):
        channels = np.array(color[:3]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(palette.text, palette.panel) > 7
    assert contrast(palette.dim_text, palette.panel) > 7
    assert contrast(palette.highlighted_text, palette.highlight) > 4.5
    assert contrast(palette.highlight, palette.panel) > 3


def test_a_toast_lies_at_the_bottom_in_the_middle():
    session = a_session()
    session.say("saved out.png")
    ground = overlay(session, DARK)[1]
    assert isinstance(ground, Rectangle)
    x, y, width, height = ground.box
    assert abs(x + width / 2 - SIZE_WH[0] / 2) <= 1
    assert SIZE_WH[1] * 0.85 < y and y + height < SIZE_WH[1]


def test_every_command_has_a_key_and_does_something():
    assert set(COMMANDS.values()) == set(Command)
    for (key, modifiers), _command in COMMANDS.items():
        a_session().press_key(key, modifiers)


def test_the_help_lists_every_key():
    listed = " ".join(keys for keys, _ in CONTROLS).replace(",", " ").lower().split()
    names = {"PLUS": "+", "MINUS": "-", "ESCAPE": "esc"}
    aliases = {"EQUAL", "NUM_ADD", "NUM_SUBTRACT", "LEFT", "RIGHT", "UP", "DOWN"}
    keys = {key for key, _ in COMMANDS} | set(MOTIONS)
    for key in keys - aliases:
        assert names.get(key, key).lower() in listed, key


def test_no_key_both_moves_and_commands():
    commanding = {key for key, modifiers in COMMANDS if modifiers in (NONE, SHIFT)}
    assert not commanding & set(MOTIONS)


def test_motion_is_the_sum_of_what_is_held():
    state = InputState()
    for key in ("W", "D", "A", "C", "LCTRL"):
        state.press(key)
    assert state.motion == Motion(forward=1, clockwise=1)


def test_a_resized_window_keeps_the_view_and_closes_the_menu():
    session = a_session()
    open_menu(session)
    pose = session.camera.cam_from_world
    session.resize((300, 200))
    assert session.menu is None and session.camera.size_wh == (300, 200)
    np.testing.assert_array_equal(session.camera.cam_from_world, pose)


def test_a_menu_asked_for_by_key_lies_in_the_middle():
    items = open_menu(a_session()).items
    box = ContextMenu(items, TEXT, SIZE_WH, None).panel.box
    assert abs(2 * box.x + box.width - 640) <= 2 and abs(2 * box.y + box.height - 480) <= 2


SYSTEMS = {
    "win32": ("AppsUseLightTheme    REG_DWORD    0x1", "AppsUseLightTheme    REG_DWORD    0x0"),
    "darwin": ("", "Dark\n"),
    "linux": ("'prefer-light'\n", "'prefer-dark'\n"),
}


@pytest.mark.parametrize(("platform", "is_dark"), list(itertools.product(SYSTEMS, [False, True])))
def test_colours_follow_the_system(platform, is_dark):
    palette = palette_for("auto", {}, platform, lambda command: SYSTEMS[platform][is_dark])
    assert palette == (DARK if is_dark else LIGHT)


def test_a_wish_goes_before_the_system():
    assert palette_for("light", {}, "linux", lambda command: "'prefer-dark'") == LIGHT
    assert palette_for("auto", {"GTK_THEME": "Adwaita"}, "linux", lambda command: "") == LIGHT
    assert palette_for("auto", {"GTK_THEME": "Adwaita:dark"}, "linux", lambda command: "") == DARK
