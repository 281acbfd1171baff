"""What the browser's panel offers; what it does is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import viser

from ..frame_source import DisplayMode, Look

SHOWN = {
    "picture": DisplayMode(),
    "holes black": DisplayMode(filled=False),
    "hole mask": DisplayMode(mask=True),
    "points": None,
}
"""What can be shown; None for the points as the browser draws them."""

NO_PHOTOS = ("",)
MAX_SIGMA_PX = 200.0
MAX_HIDDEN_PERCENT = 95.0
SPLAT_DOUBLINGS = 3.0


@dataclass(frozen=True)
class Actions:
    """What follows when something is chosen or pressed.

    Attributes:
        open: Look at a scene.
        stand_at: Look through a photo's camera, by its number.
        step: Look through the next photo's camera, or the one before.
        redraw: Something about the picture was changed.
        save: Save the picture.
        add_keyframe: Keep the camera.
        drop_keyframe: Forget the last one kept.
        play: Go along the path.
        save_keyframes: Save them.
    """

    open: Callable[[str], None]
    stand_at: Callable[[int], None]
    step: Callable[[int], None]
    redraw: Callable[[], None]
    save: Callable[[], None]
    add_keyframe: Callable[[], None]
    drop_keyframe: Callable[[], None]
    play: Callable[[], None]
    save_keyframes: Callable[[], None]


class Panel:
    """The widgets of one browser; until a scene is opened they do nothing.

    Args:
        gui: Where they go.
        scenes: Names to choose from.
        actions: What follows.
    """

    def __init__(self, gui: viser.GuiApi, scenes: Sequence[str], actions: Actions) -> None:
        self._gui, self._do = gui, actions
        self._photos: tuple[str, ...] = ()
        self._scene = gui.add_dropdown("Scene", tuple(scenes), visible=len(scenes) > 1)
        _on_use(self._scene, lambda: actions.open(self._scene.value))
        self._add_photos()
        self._add_picture()
        self._add_path()

    def _add_photos(self) -> None:
        gui, step = self._gui, self._do.step
        self._photo = gui.add_dropdown("Photo", list[str](NO_PHOTOS))
        _on_use(self._photo, self._choose_photo)
        gui.add_button("Next photo").on_click(lambda _: step(1))
        gui.add_button("Previous photo").on_click(lambda _: step(-1))
        self._frusta = gui.add_checkbox("Cameras", True, hint="where the photos were taken")
        _on_use(self._frusta, self._do.redraw)

    def _add_picture(self) -> None:
        gui = self._gui
        with gui.add_folder("Picture"):
            self._shown = gui.add_dropdown("Show", tuple(SHOWN))
            self._fade = gui.add_slider(
                "Fade", 0.0, MAX_SIGMA_PX, 1.0, 0.0, hint="pixels over which filled holes fade"
            )
            self._size = gui.add_slider(
                "Size", -SPLAT_DOUBLINGS, SPLAT_DOUBLINGS, 0.25, 0.0, hint="doublings of a splat's"
            )
            self._hidden = gui.add_slider(
                "Threshold", 0.0, MAX_HIDDEN_PERCENT, 1.0, 0.0, hint="hides the least trusted, in %"
            )
            for widget in (self._shown, self._fade, self._size, self._hidden):
                _on_use(widget, self._do.redraw)
            gui.add_button("Save picture").on_click(lambda _: self._do.save())

    def _add_path(self) -> None:
        gui, do = self._gui, self._do
        with gui.add_folder("Path"):
            self._count = gui.add_markdown("")
            gui.add_button("Add keyframe").on_click(lambda _: do.add_keyframe())
            gui.add_button("Remove last keyframe").on_click(lambda _: do.drop_keyframe())
            gui.add_button("Play path").on_click(lambda _: do.play())
            gui.add_button("Save keyframes").on_click(lambda _: do.save_keyframes())
        self.count_keyframes(0)

    def opened(self, photos: Sequence[str], look: Look, has_confidence: bool) -> None:
        """Another scene is looked at.

        Args:
            photos: Names of what it can be seen from.
            look: What its picture starts with.
            has_confidence: Whether its points can be told apart by trust.
        """
        self._base = look
        self._photos = tuple(f"{index}: {name}" for index, name in enumerate(photos, 1))
        self._photo.options = self._photos
        self._fade.max = max(MAX_SIGMA_PX, look.sigma_px)
        self._fade.value, self._size.value, self._hidden.value = look.sigma_px, 0.0, 0.0
        self._hidden.disabled = not has_confidence

    @property
    def look(self) -> Look:
        """How the picture is drawn."""
        return replace(
            self._base,
            sigma_px=self._fade.value,
            s0_factor=2.0**self._size.value,
            hidden_percent=self._hidden.value,
        )

    @property
    def mode(self) -> DisplayMode | None:
        """What of the view is shown; None for the browser's own points."""
        return SHOWN[self._shown.value]

    @property
    def shows_cameras(self) -> bool:
        """Whether the photos' cameras are drawn."""
        return self._frusta.value

    def standing_at(self, photo: int) -> None:
        """Show which photo's camera is looked through."""
        self._photo.value = self._photos[photo]

    def _choose_photo(self) -> None:
        if self._photo.value in self._photos:
            self._do.stand_at(self._photos.index(self._photo.value))

    def count_keyframes(self, count: int) -> None:
        """Say how many there are."""
        self._count.content = f"{count} keyframe{'' if count == 1 else 's'}"


def _on_use(widget: Any, action: Callable[[], None]) -> None:
    """Act when the user changes a widget, and not when we do."""

    def updated(event: viser.GuiEvent) -> None:
        if event.client is not None:
            action()

    widget.on_update(updated)
