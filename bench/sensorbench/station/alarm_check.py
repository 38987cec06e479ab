"""What is known of an alarm before it is needed: a secret is missing, a command is not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from sensorbench.core.errors import Problem
from sensorbench.station.alarm_table import UrlTable, WebhookTable, wrong_url
from sensorbench.station.model import StationFile
from sensorbench.station.secrets import SecretMissing, read_secret


def check_alarm(file: StationFile) -> list[Problem]:
    """Return why ways of the alarm can't work on this machine; nothing is sent."""
    return [Problem("station.toml", key, text) for key, text in _wrong(file)]


def url_of(table: UrlTable) -> str:
    """Return the address, which may be a secret. Raises SecretMissing, also where it is wrong."""
    url = table.url or read_secret(table.url_env, table.url_file)
    if table.url is None:
        unencrypted = bool(table.unencrypted)
        why = wrong_url(url, unencrypted=unencrypted, has_secret=table.has_secret)
        if why:
            raise SecretMissing(f"the address in {table.url_env or table.url_file} {why}")
    return url


def token_of(table: WebhookTable) -> str:
    """Return the token of a webhook, "" where it has none. Raises SecretMissing."""
    token = read_secret(table.token_env, table.token_file)
    if not token.isascii() or any(not c.isprintable() or c.isspace() for c in token):
        named = table.token_env or table.token_file
        raise SecretMissing(f"the token in {named} has characters that no token has")
    return token


def _wrong(file: StationFile) -> Iterator[tuple[str, str]]:
    alarm = file.alarm
    if alarm is None:
        return
    for number, command in enumerate(alarm.command):
        yield from _command(_key("command", number, len(alarm.command)), command)
    for number, mail in enumerate(alarm.mail):
        try:
            read_secret(mail.password_env, mail.password_file)
        except SecretMissing as error:
            name = "password_env" if mail.password_env else "password_file"
            yield f"{_key('mail', number, len(alarm.mail))}.{name}", str(error)
    for number, hook in enumerate(alarm.webhook):
        key = _key("webhook", number, len(alarm.webhook))
        yield from _url(key, hook)
        try:
            token_of(hook)
        except SecretMissing as error:
            yield f"{key}.{'token_env' if hook.token_env else 'token_file'}", str(error)
    sign = alarm.sign_of_life
    if sign is not None:
        if sign.has_url:
            yield from _url("alarm.sign_of_life", sign)
        for command in sign.command:
            yield from _command("alarm.sign_of_life.command", command)


def _key(way: str, number: int, of: int) -> str:
    return f"alarm.{way}[{number + 1}]" if of > 1 else f"alarm.{way}"


def _url(key: str, table: UrlTable) -> Iterator[tuple[str, str]]:
    try:
        url_of(table)
    except SecretMissing as error:
        yield f"{key}.{'url_env' if table.url_env else 'url_file'}", str(error)


def _command(key: str, command: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if shutil.which(command[0]) is None:
        yield (
            key,
            f"there is no program {command[0]!r} on this machine: install it, or write its whole "
            "path",
        )
