"""Serves scenes to browsers until it is told to stop; no flags."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import viser

from warpset.fleet.stopping import stopped_by_signals

from ..serve_options import ServedScene, ServeOptions
from .gate import address, kept_token, start_server, stop_server
from .open_scenes import OpenScenes
from .visit import Visit

log = logging.getLogger(__name__)


class Serving:
    """A server and the browsers that look.

    Attributes:
        address: What to open.

    Args:
        served: The scenes by name, at least one.
        options: Where.

    Raises:
        InputError: The first scene cannot be loaded, or nothing can listen there.
    """

    def __init__(self, served: Mapping[str, ServedScene], options: ServeOptions) -> None:
        self._scenes = OpenScenes(served, options.output)
        self._scenes.first()
        token = kept_token(options.token_folder)
        self._server = server = start_server(options.host, options.port, token)
        port = server.get_port()
        if options.port not in (0, port):
            log.warning(f"port {options.port} is taken; serving on {port}")
        self.address = address(options.host, port, token)
        server.gui.configure_theme(
            dark_mode=options.is_dark, show_logo=False, show_share_button=False
        )
        server.gui.main_panel.dock_right()
        self._visits: dict[int, Visit] = {}
        server.on_client_connect(self._arrived)
        server.on_client_disconnect(self._left)

    def _arrived(self, client: viser.ClientHandle) -> None:
        visit = Visit(client, self._scenes)
        self._visits[client.client_id] = visit
        if client.client_id not in self._server.get_clients():  # left while its scene was loaded
            self._left(client)

    def _left(self, client: viser.ClientHandle) -> None:
        visit = self._visits.pop(client.client_id, None)
        if visit is not None:
            visit.end()

    def stop(self) -> None:
        """Close all pages' sockets, and the port."""
        for visit in list(self._visits.values()):
            visit.end()
        stop_server(self._server)


def serve(served: Mapping[str, ServedScene], options: ServeOptions) -> None:
    """Serve scenes until Ctrl+C or SIGTERM.

    Raises:
        InputError: See `Serving`.
    """
    serving = Serving(served, options)
    log.warning(f"open {serving.address} (Ctrl+C ends)")  # also where only problems are said
    with stopped_by_signals():
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            log.info("stopped")
        finally:
            serving.stop()
