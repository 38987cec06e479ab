"""Servers that an alarm is sent to: of the web and of mail, as good and as bad as real ones."""

from __future__ import annotations

import base64
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Web:
    """A web server: `answers` are the codes it gives in turn, the last for ever; 0 is silence."""

    answers: list[int] = field(default_factory=lambda: [200])
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    drips: bool = False

    def next(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def web(*answers: int, drips: bool = False) -> Iterator[Web]:
    told = Web(list(answers) or [200], drips=drips)
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            told.asked.append((self.command, self.path, headers, body))
            code = told.next()
            if code == 0:
                over.wait(30)
                return
            if told.drips:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    self.wfile.write(b"x")
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", f"http://127.0.0.1:{told.port}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            with suppress(ConnectionError):  # who asked may go away
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(slots=True)
class Mail:
    """A mail server: it takes mail for all but `refused`, after a login if it has one."""

    login: tuple[str, str] | None = None
    refused: str = ""
    fails: int = 0
    """So many connections are answered 421 first."""
    stalls_at: str = ""
    port: int = 0
    boxes: list[tuple[list[str], str]] = field(default_factory=list)


@contextmanager
def mail(
    login: tuple[str, str] | None = None, refused: str = "", fails: int = 0, stalls_at: str = ""
) -> Iterator[Mail]:
    told = Mail(login, refused, fails, stalls_at)
    over = threading.Event()

    class Session(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            with suppress(ConnectionError):  # who sends may go away
                self._talk()

        def _talk(self) -> None:  # noqa: PLR0912 - a verb each
            if told.fails:
                told.fails -= 1
                self.say("421 busy, come again")
                return
            if told.stalls_at == "connect":
                over.wait(30)
                return
            self.say("220 test")
            allowed, to = told.login is None, list[str]()
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                verb = line.split(" ")[0].upper()
                if verb == told.stalls_at.upper():
                    over.wait(30)
                    return
                if verb == "EHLO":
                    self.say("250-test\r\n250 AUTH PLAIN" if told.login else "250 test")
                elif verb == "AUTH":
                    given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
                    allowed = tuple(given) == told.login
                    # Some servers repeat what they were given.
                    self.say("235 welcome" if allowed else f"535 not {' '.join(given)}")
                elif not allowed:
                    self.say("530 log in first" if verb != "QUIT" else "221 bye")
                elif verb == "RCPT":
                    there = line.split("<")[1].split(">")[0]
                    if told.refused and told.refused in there:
                        self.say("550 no such person")
                    else:
                        to.append(there)
                        self.say("250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    told.boxes.append((list(to), "\n".join(lines)))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, block_on_close = True, True, False

    server = Server(("127.0.0.1", 0), Session)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def took(begun: float) -> float:
    """Return how long something took, in s."""
    return time.monotonic() - begun
