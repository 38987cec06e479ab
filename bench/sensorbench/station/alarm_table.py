"""[alarm] of station.toml: who is told when the bench needs a person, and by which ways.

The rules:
- What is a secret stands in an environment variable or a file, and its name here (`secrets`). The
  address of a webhook may be a secret itself: `url_env`.
- Nothing goes unencrypted beyond this machine, but where `unencrypted` says why that is right, and
  a secret never.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sensorbench.core.document_words import Place, several
from sensorbench.core.documents import Document, Duration
from sensorbench.parts.model import problem
from sensorbench.station.secrets import SecretFile, Variable

TEXT = "{text}"
"""Where in the address of a sign of life its text goes; without it, it is `?text=`."""
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


def one_or_several(value: object) -> object:
    """Return one that was written without brackets as the only one."""
    return (value,) if isinstance(value, Mapping | str) else value


def _mail_address(text: str) -> str:
    address = parseaddr(text)[1]
    name, _, domain = address.rpartition("@")
    if not name or not domain or any(c.isspace() or not c.isprintable() for c in address):
        raise problem(f'{text!r} is no mail address; write "name@example.org"')
    if any(not c.isprintable() for c in text):
        raise problem("a mail address is one line")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise problem(f'{text!r} is no host; write its name or address, such as "mail.example.org"')
    return text


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Host = Annotated[str, AfterValidator(_host)]


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, so that nothing leaves it.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("mail.example.org")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def wrong_url(url: str, *, unencrypted: bool, has_secret: bool) -> str:
    """Return what is wrong with an address of the web, "" where nothing is.

    The address may be a secret: no more of it is said than its host.
    """
    if not url.isascii() or any(not c.isprintable() or c.isspace() for c in url):
        return "has characters that no address has: write others as %20"
    try:
        split = urlsplit(url)
        host, _ = split.hostname or "", split.port
    except ValueError:
        return 'is no address; write it as "https://example.org/path"'
    if split.scheme not in {"https", "http"} or not host:
        return 'is no address of the web; write it as "https://example.org/path"'
    if "@" in split.netloc:
        return "has a user or a password in it: take them out, and name a token"
    if split.scheme == "https" or is_loopback(host):
        return ""
    if has_secret:
        return f"would send a secret to {host} for anybody on the way to read: write https"
    if not unencrypted:
        return (
            f"is not encrypted on the way to {host}: write https, or say with `unencrypted` why "
            "that is right here"
        )
    return ""


def _command(value: object) -> object:
    """Return one command, or several, as several."""
    if not isinstance(value, list | tuple) or not value:
        raise problem('write a command as a list, such as ["notify", "--urgent"]')
    commands = value if all(isinstance(one, list | tuple) for one in value) else [value]
    for command in commands:
        words = list(command)
        if not words or not all(isinstance(word, str) and "\0" not in word for word in words):
            raise problem('a command is a list of texts, such as ["notify", "--urgent"]')
        if not words[0].strip():
            raise problem("a command begins with a program's name")
    return tuple(tuple(command) for command in commands)


Commands = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_command)]


class MailTable(Document):
    """Mail by a server of SMTP; the port is what `security` usually has."""

    to: Annotated[tuple[MailAddress, ...], BeforeValidator(one_or_several), Field(min_length=1)]
    sender: MailAddress = Field(alias="from")
    host: Host
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_env: Variable | None = None
    password_file: SecretFile | None = None
    unencrypted: str = ""

    @property
    def at_port(self) -> int:
        """Return the server's port."""
        return self.port or _PORTS[self.security]

    @model_validator(mode="after")
    def _one(self) -> MailTable:
        rows = _one_of(self.password_env, self.password_file, "password")
        has_secret = bool(self.password_env or self.password_file)
        if bool(self.user) is not has_secret:
            needs = "password_env or password_file" if self.user else "user"
            rows.append(((needs.partition(" ")[0],), f"a login has a user and a password: {needs}"))
        if self.security == "none" and not is_loopback(self.host):
            if has_secret:
                rows.append((("security",), "would send the password for anybody to read"))
            elif not self.unencrypted:
                text = (
                    f"mail is not encrypted on the way to {self.host}: write starttls or tls, or "
                    "say with `unencrypted` why that is right here"
                )
                rows.append((("security",), text))
        if rows:
            raise several(rows, rules=True)
        return self


class UrlTable(Document):
    """Something with an address of the web, which may itself be a secret."""

    url: str | None = None
    url_env: Variable | None = None
    url_file: SecretFile | None = None
    unencrypted: str = ""

    @property
    def has_url(self) -> bool:
        """Return whether an address is named."""
        return bool(self.url or self.url_env or self.url_file)

    @property
    def has_secret(self) -> bool:
        """Return whether a secret is sent to the address, or is the address."""
        return bool(self.url_env or self.url_file)

    def _wrong(self) -> list[tuple[Place, str]]:
        given = [n for n in ("url", "url_env", "url_file") if getattr(self, n) is not None]
        rows: list[tuple[Place, str]] = []
        if len(given) > 1:
            rows.append(((given[1],), f"write {given[0]} or {given[1]}, not both"))
        if self.url is not None:
            unencrypted = bool(self.unencrypted)
            why = wrong_url(self.url, unencrypted=unencrypted, has_secret=self.has_secret)
            rows += [(("url",), why)] if why else []
        return rows


class WebhookTable(UrlTable):
    """A POST of JSON: subject, text, state, run, station; a token goes as `Bearer`."""

    token_env: Variable | None = None
    token_file: SecretFile | None = None

    @property
    def has_secret(self) -> bool:
        """Return whether a token is sent, or the address is one."""
        return super().has_secret or bool(self.token_env or self.token_file)

    @model_validator(mode="after")
    def _one(self) -> WebhookTable:
        rows = self._wrong() + _one_of(self.token_env, self.token_file, "token")
        if not self.has_url:
            rows.append((("url",), "is required, or url_env, or url_file"))
        if rows:
            raise several(rows, rules=True)
        return self


class SignOfLifeTable(UrlTable):
    """What goes out while all is well, so that its silence is noticed elsewhere."""

    command: Commands = ()
    every: Duration = Field(default=300.0, ge=10)

    @model_validator(mode="after")
    def _one(self) -> SignOfLifeTable:
        rows = self._wrong()
        if self.has_url is bool(self.command) or len(self.command) > 1:
            rows.append(((), "write url (or url_env, url_file) or one command"))
        if rows:
            raise several(rows, rules=True)
        return self


class AlarmTable(Document):
    """The [alarm] table; each way may be there several times."""

    command: Commands = ()
    mail: Annotated[tuple[MailTable, ...], BeforeValidator(one_or_several)] = ()
    webhook: Annotated[tuple[WebhookTable, ...], BeforeValidator(one_or_several)] = ()
    sign_of_life: SignOfLifeTable | None = None

    @model_validator(mode="after")
    def _some(self) -> AlarmTable:
        if not (self.command or self.mail or self.webhook or self.sign_of_life):
            raise problem("names nobody: write command, mail, webhook or sign_of_life")
        return self


def _one_of(variable: Any, file: Any, what: str) -> list[tuple[Place, str]]:
    if variable is not None and file is not None:
        return [((f"{what}_file",), f"write {what}_env or {what}_file, not both")]
    return []
