"""The ways of an alarm: a command, mail, a webhook, and the sign of life; each sends once.

A way raises WayFailed in words that hold no secret; `in_words` says the rest without quoting what
was sent.
"""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from http.client import HTTPException, RemoteDisconnected
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from sensorbench.core.errors import BenchError
from sensorbench.station.alarm_check import token_of, url_of
from sensorbench.station.alarm_table import TEXT, MailTable, UrlTable, WebhookTable, is_loopback
from sensorbench.station.detaching import detached
from sensorbench.station.secrets import read_secret

_LONGEST_SUBJECT = 200
_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class Alert:
    """What is told: a line, the rest, the bench's state, and which run on which station."""

    subject: str
    text: str
    state: str = ""
    run: str = ""
    station: str = ""

    @property
    def line(self) -> str:
        """Return the subject as one line that every way can carry."""
        line = " ".join("".join(c if c.isprintable() else " " for c in self.subject).split())
        return line if len(line) <= _LONGEST_SUBJECT else f"{line[:_LONGEST_SUBJECT]}…"

    def as_text(self) -> str:
        """Return all of it for a person to read."""
        facts = {"station": self.station, "run": self.run, "state": self.state}
        lines = [f"{name}: {value}" for name, value in facts.items() if value]
        return "\n".join([self.text, *([""] if lines else []), *lines, ""])


class WayFailed(BenchError):
    """A way did not tell its person; the text says why, without any secret.

    `may_help` says that another try may help, and tells nobody twice.
    """

    def __init__(self, text: str, *, may_help: bool = True) -> None:
        super().__init__(text)
        self.may_help = may_help


def host_of(table: UrlTable) -> str:
    """Return what may be said of an address: its host, or where the address stands."""
    if table.url is None:
        return f"the address in {table.url_env or table.url_file}"
    return urlsplit(table.url).hostname or ""


def in_words(error: BaseException, deadline_s: float) -> str:
    """Return what became of a way, without what was sent: an error may quote a secret."""
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return in_words(error.reason, deadline_s)
    if isinstance(error, smtplib.SMTPServerDisconnected) and error.__context__ is not None:
        return in_words(error.__context__, deadline_s)  # such as that no answer came
    match error:
        case BenchError():
            return str(error)
        case TimeoutError():
            return f"no answer within {deadline_s:g} s"
        case socket.gaierror():
            return "its host is not known here: look at the name, and at the network"
        case ConnectionRefusedError():
            return "nobody listens there: look at host and port"
        case ssl.SSLCertVerificationError():
            return f"its certificate is refused: {error.verify_message}"
        case ssl.SSLError():
            return "no encrypted connection could be made: look at port and security"
        case RemoteDisconnected() | smtplib.SMTPServerDisconnected() | ConnectionError():
            return "closed the connection without an answer"
        case smtplib.SMTPNotSupportedError():
            return "the server offers no such login or encryption: look at security and port"
        case HTTPException() | smtplib.SMTPException():
            return "what answered is no such server: look at host and port"
        case OSError():
            return error.strerror or type(error).__name__
    return f"failed ({type(error).__name__})"


# -- a command -----------------------------------------------------------------------------------


def by_command(words: tuple[str, ...], alert: Alert, seconds: float) -> None:
    """Run a program with the text on its standard input and in SENSORBENCH_ALARM_… variables.

    It and what it started are ended after `seconds`. Raises WayFailed.
    """
    facts = {
        "SUBJECT": alert.line, "TEXT": alert.text, "STATE": alert.state, "RUN": alert.run,
        "STATION": alert.station,
    }  # fmt: skip
    told = {f"SENSORBENCH_ALARM_{key}": value.replace("\0", " ") for key, value in facts.items()}
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of station.toml's, and no shell
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **told},
            **detached(leaves_job=False),
        )
    except FileNotFoundError:
        raise WayFailed("there is no such program on this machine") from None
    except PermissionError:
        raise WayFailed("is no program that may be run: chmod +x") from None
    try:
        process.communicate(alert.as_text().encode(errors="replace"), timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        raise WayFailed(f"did not end within {seconds:.0f} s, and was ended") from None
    if process.returncode:
        raise WayFailed(f"ended with {process.returncode}: try it by hand in a terminal")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started, as far as the system can tell."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired, OSError):
        process.wait(1.0)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


# -- mail ----------------------------------------------------------------------------------------


def by_mail(table: MailTable, alert: Alert, seconds: float) -> None:
    """Hand a mail to its server. Raises WayFailed, SecretMissing, and what the network raises."""
    password = read_secret(table.password_env, table.password_file)
    end = time.monotonic() + seconds
    server = _server(table, seconds)
    try:
        if table.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if table.user:
            server.login(table.user, password)
        _within(server, end)
        refused = server.send_message(_message(table, alert))
        _part(server)
    except smtplib.SMTPAuthenticationError as error:
        raise WayFailed(f"the server refused user or password ({error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise WayFailed(_refused(error.recipients)) from None
    except smtplib.SMTPResponseException as error:
        # Its text may quote what was sent.
        raise WayFailed(f"the server refused it with {error.smtp_code}") from None
    finally:
        server.close()
    if refused:
        raise WayFailed(_refused(refused), may_help=False)  # the others have it


def _server(table: MailTable, seconds: float) -> smtplib.SMTP:
    # Its own name would be looked up first, which takes long where no name server answers.
    own = "[127.0.0.1]"
    host, port = table.host, table.at_port
    if table.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, own, timeout=seconds, context=context)
    return smtplib.SMTP(host, port, own, timeout=seconds)


def _within(server: smtplib.SMTP, end: float) -> None:
    if server.sock is not None:
        server.sock.settimeout(max(_LEAST_S, end - time.monotonic()))


def _part(server: smtplib.SMTP) -> None:
    """Say good-bye; the mail is taken, whatever is answered."""
    with suppress(OSError, smtplib.SMTPException):
        if server.sock is not None:
            server.sock.settimeout(1.0)
        server.docmd("QUIT")


def _refused(recipients: Mapping[str, tuple[int, bytes]]) -> str:
    told = ", ".join(f"{name} ({code})" for name, (code, _) in recipients.items())
    return f"the server does not take mail for {told}"


def _message(table: MailTable, alert: Alert) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = alert.line
    message["From"], message["To"] = table.sender, ", ".join(table.to)
    message["Date"] = formatdate(localtime=True)
    domain = parseaddr(table.sender)[1].rpartition("@")[2]
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(alert.as_text())
    return message


# -- the web -------------------------------------------------------------------------------------


class _Here(HTTPRedirectHandler):
    """Goes nowhere else: a token must not follow to another host."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Return no other request: the answer is what it is."""


def by_webhook(table: WebhookTable, alert: Alert, seconds: float) -> None:
    """POST the alert as JSON. Raises WayFailed, SecretMissing, and what the network raises."""
    fields = ("subject", "text", "state", "run", "station")
    data = {name: getattr(alert, name) for name in fields}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token := token_of(table):
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps(data, ensure_ascii=False).encode(errors="replace")
    _ask(url_of(table), headers, seconds, body)


def ping(table: UrlTable, alert: Alert, seconds: float) -> None:
    """GET the address of a sign of life with its text in it. Raises as `by_webhook`."""
    url, said = url_of(table), quote(alert.text, safe="", errors="replace")
    if TEXT in url:
        url = url.replace(TEXT, said)
    else:
        url = url.partition("#")[0]
        url += f"{'&' if '?' in url else '?'}text={said}"
    _ask(url, {}, seconds, None)


def _ask(url: str, headers: Mapping[str, str], seconds: float, body: bytes | None) -> None:
    handlers = [ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
    opener = build_opener(_Here, *handlers)
    request = Request(url, body, {"User-Agent": "sensorbench", **headers})  # noqa: S310 - checked
    try:
        with opener.open(request, timeout=seconds):
            return
    except HTTPError as error:
        error.close()
        more = ": it leads elsewhere, write that address" if 300 <= error.code < 400 else ""
        more = {401: ": look at the token", 403: ": look at the token",
                404: ": look at the address"}.get(error.code, more)  # fmt: skip
        raise WayFailed(f"was answered {error.code}{more}") from None
