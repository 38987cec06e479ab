"""Ports before those of twins, as bad as those of real instruments can be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.bench.safety.served import Served


class OneSession:
    """A port before a twin's that allows one session, and keeps a closed one a while longer.

    `is_mute` swallows what both sides say, as a hung instrument does.
    """

    def __init__(self, port: int, keeps_s: float) -> None:
        self._to, self._keeps_s = port, keeps_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sessions, self.refused = 0, 0
        self.is_mute = False
        self._busy = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                if not self._busy.acquire(blocking=False):
                    self.refused += 1
                    link.close()
                    continue
                self.sessions += 1
                threading.Thread(target=self._session, args=(link,), daemon=True).start()

    def _session(self, link: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as twin:
            back = threading.Thread(target=self._pass, args=(twin, link), daemon=True)
            back.start()
            self._pass(link, twin)
            time.sleep(self._keeps_s)  # half open: the instrument has not noticed
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)
            back.join()
        link.close()
        self._busy.release()

    def _pass(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if not self.is_mute:
                    to.sendall(data)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def one_session(bench: Served, name: str, keeps_s: float) -> Iterator[OneSession]:
    """Put such a port before an instrument of the bench."""
    before = OneSession(bench.ports[name], keeps_s)
    file = bench.root / "station.toml"
    text = file.read_text(encoding="utf-8")
    assert f"port = {bench.ports[name]}" in text
    file.write_text(
        text.replace(f"port = {bench.ports[name]}", f"port = {before.port}"), encoding="utf-8"
    )
    try:
        yield before
    finally:
        before.close()
