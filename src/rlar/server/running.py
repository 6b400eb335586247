"""Running the application: in the foreground for `rlar serve`, or in a thread for notebooks and tests."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rlar.adapters.settings import Settings
from rlar.errors import MissingExtra, RlarError
from rlar.server.app import Serving, create_app

GRACE_S = 30  # for requests that were taken in when the server is told to stop


def _uvicorn(settings: Settings, serving: Serving, host: str, port: int, grace_s: int, log_level: str) -> Any:
    try:
        import uvicorn
    except ImportError as e:
        raise MissingExtra("the server", "server") from e
    config = uvicorn.Config(
        create_app(settings, serving),
        host=host,
        port=port,
        log_level=log_level,
        access_log=False,
        timeout_graceful_shutdown=grace_s,
        backlog=2048,
        server_header=False,
        ws="none",
        h11_max_incomplete_event_size=64 << 10,
    )
    return uvicorn.Server(config)


def serve(
    settings: Settings, serving: Serving, *, host: str, port: int, grace_s: int = GRACE_S, log_level: str = "info"
) -> int:
    """Serve until SIGINT or SIGTERM; then take nothing new, and finish what was taken. Returns the exit code."""
    server = _uvicorn(settings, serving, host, port, grace_s, log_level)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # requests make many short-lived objects and no cycles; the default costs a tenth
    server.run()
    return 0 if server.started else 1


@contextlib.contextmanager
def running_server(
    settings: Settings | Mapping[str, Any] | None = None, serving: Serving | None = None, *, port: int = 0
) -> Iterator[str]:
    """The address of a server in a thread of this process, on loopback; stopped at the end of the block."""
    taken = socket.create_server(("127.0.0.1", port))
    server = _uvicorn(Settings.of(settings), serving or Serving(), "127.0.0.1", port, 5, "warning")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, name="rlar-server", daemon=True)
    thread.start()
    until = time.monotonic() + 60
    try:
        while not server.started:
            if not thread.is_alive() or time.monotonic() > until:
                raise RlarError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        taken.close()
