"""Somebody is told, by every way, whatever the other ways do; and no secret is told to anybody."""

from __future__ import annotations

import email
import email.policy
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorbench.app.commands.init import init_workspace
from sensorbench.app.main import main
from sensorbench.core.documents import loads
from sensorbench.core.errors import InputError
from sensorbench.safety.alarm import Alarm, Alert
from sensorbench.station.alarm_check import check_alarm
from sensorbench.station.model import StationFile

from .listeners import mail, took, web

REAL = '{ kind = "tcp", host = "127.0.0.1", port = 9 }'
STATION = '[station]\nname = "bench 1"\n'
ALERT = Alert(
    "NOT SAFE: chamber",
    "The chamber did not answer.\nGo there, 现在.",
    "not safe",
    "R-1",
    "bench 1",
)
WORD = "hunter2-Very-Secret"
TO = 'to = "a@x.org"\nfrom = "b@x.org"\n'


def station(alarm: str) -> StationFile:
    return loads(STATION + alarm, StationFile, "station.toml")


def alarm_of(text: str, deadline_s: float = 10.0) -> Alarm:
    return replace(Alarm.of(station(text)), deadline_s=deadline_s)


def program(tmp_path: Path, name: str, code: str) -> str:
    """Return, as TOML has it, a command that runs `code`."""
    path = tmp_path / f"{name}.py"
    path.write_text(code, encoding="utf-8")
    return json.dumps([sys.executable, str(path)])


def wrong(alarm: str) -> list[tuple[str, str]]:
    try:
        return [(p.key, p.text) for p in check_alarm(station(alarm))]
    except InputError as error:
        return [(p.key, p.text) for p in error.problems]


# -- each way arrives ------------------------------------------------------------------------------


def test_a_command_has_the_text_on_its_input_and_the_facts_in_its_environment(
    tmp_path: Path,
) -> None:
    said = tmp_path / "said.json"
    command = program(
        tmp_path, "notify",
        "import json, os, sys\n"
        "facts = {k: v for k, v in os.environ.items() if k.startswith('SENSORBENCH_ALARM_')}\n"
        f"json.dump([sys.stdin.buffer.read().decode(), facts], open({str(said)!r}, 'w'))\n",
    )  # fmt: skip
    assert alarm_of(f"[alarm]\ncommand = {command}").send(ALERT) == []
    text, facts = json.loads(said.read_text())
    assert ALERT.text in text
    assert "bench 1" in text
    assert facts == {
        "SENSORBENCH_ALARM_SUBJECT": "NOT SAFE: chamber", "SENSORBENCH_ALARM_TEXT": ALERT.text,
        "SENSORBENCH_ALARM_STATE": "not safe", "SENSORBENCH_ALARM_RUN": "R-1",
        "SENSORBENCH_ALARM_STATION": "bench 1",
    }  # fmt: skip


def test_no_shell_reads_a_command(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    words = json.dumps([sys.executable, "-c", "pass", f"; touch {trap}", f"$(touch {trap})"])
    assert alarm_of(f"[alarm]\ncommand = {words}").send(ALERT) == []
    assert not trap.exists()


def test_a_mail_arrives_at_all_of_its_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_WORD", WORD)
    with mail(login=("bench", WORD)) as server:
        told = alarm_of(
            '[alarm.mail]\nto = ["a@example.org", "Bea <b@example.org>"]\nfrom = "bench@lab.org"\n'
            f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\nuser = "bench"\n'
            'password_env = "MAIL_WORD"\n'
        ).send(replace(ALERT, subject="over 130 °C\r\nBcc: x@example.org"))
    assert told == []
    ((to, text),) = server.boxes
    message = email.message_from_bytes(text.encode(), policy=email.policy.default)
    assert to == ["a@example.org", "b@example.org"]
    assert message["Subject"] == "over 130 °C Bcc: x@example.org"
    assert message["Bcc"] is None
    content = message.get_content()
    assert "Go there, 现在." in content
    assert "run: R-1" in content


def test_a_webhook_is_posted_as_json_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", f"{WORD}\n")  # as `echo` leaves it
    with web() as server:
        text = f'[alarm]\nwebhook = {{ url = "http://127.0.0.1:{server.port}/x", '
        assert alarm_of(text + 'token_env = "HOOK_TOKEN" }').send(ALERT) == []
    ((verb, path, headers, body),) = server.asked
    assert (verb, path, headers["authorization"]) == ("POST", "/x", f"Bearer {WORD}")
    assert json.loads(body) == {
        "subject": ALERT.subject, "text": ALERT.text, "state": "not safe", "run": "R-1",
        "station": "bench 1",
    }  # fmt: skip


def test_a_sign_of_life_says_how_the_bench_is() -> None:
    with web() as server:
        here = f"http://127.0.0.1:{server.port}"
        for url in (f"{here}/a", f"{here}/a?key=1", f"{here}/push?msg={{text}}&status=up"):
            alarm = alarm_of(f'[alarm.sign_of_life]\nurl = "{url}"\nevery = "2 min"')
            assert alarm.sign_of_life("busy, safe & sound") is None
            assert alarm.every_s == 120
    said = "busy%2C%20safe%20%26%20sound"
    assert [(verb, path) for verb, path, *_ in server.asked] == [
        ("GET", f"/a?text={said}"), ("GET", f"/a?key=1&text={said}"),
        ("GET", f"/push?msg={said}&status=up"),
    ]  # fmt: skip


def test_a_station_without_alarm_tells_nobody() -> None:
    alarm = alarm_of("")
    assert (alarm.send(ALERT), alarm.sign_of_life("busy"), alarm.every_s) == ([], None, None)


# -- ways that fail --------------------------------------------------------------------------------


def test_ways_that_hang_refuse_or_fail_delay_none_that_works(tmp_path: Path) -> None:
    hangs = program(tmp_path, "hangs", "import time; time.sleep(60)")
    with web(0) as silent, web(500) as broken, mail(stalls_at="data") as slow, web() as good:
        text = (
            f"[alarm]\ncommand = [{hangs}, {json.dumps([sys.executable, '-c', 'exit(3)'])}]\n"
            + "".join(
                f'[[alarm.webhook]]\nurl = "http://localhost:{server.port}/"\n'
                for server in (silent, broken, good)
            )
            + '[[alarm.webhook]]\nurl = "http://127.0.0.1:9/"\n'
            f'[alarm.mail]\nto = "a@x.org"\nfrom = "b@x.org"\nhost = "127.0.0.1"\n'
            f'port = {slow.port}\nsecurity = "none"\n'
        )
        begun = time.monotonic()
        failed = alarm_of(text, deadline_s=3.0).send(ALERT)
        assert took(begun) < 4.5
        assert len(good.asked) == 1
        assert len(broken.asked) == 2  # and once more
    why = [told.partition(": ")[2] for told in failed]
    assert why == [
        "did not end within 3 s, and was ended",
        "ended with 3: try it by hand in a terminal",
        "no answer within 3 s",  # the mail
        "no answer within 3 s",
        "was answered 500",
        "nobody listens there: look at host and port",
    ]


def test_a_server_that_drips_holds_nobody_longer() -> None:
    with web(drips=True) as server:
        begun = time.monotonic()
        text = f'[alarm.webhook]\nurl = "http://127.0.0.1:{server.port}/"'
        (failed,) = alarm_of(text, deadline_s=1.0).send(ALERT)
        assert took(begun) < 2.0
    assert failed == "webhook to 127.0.0.1: was not done within 1 s"


@pytest.mark.skipif(os.name == "nt", reason="process groups are of POSIX")
def test_what_a_hanging_command_started_is_ended_with_it(tmp_path: Path) -> None:
    child = tmp_path / "child"
    hangs = program(
        tmp_path, "hangs",
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(60)\n",
    )  # fmt: skip
    assert len(alarm_of(f"[alarm]\ncommand = {hangs}", deadline_s=1.5).send(ALERT)) == 1
    pid = int(child.read_text())
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
            break
        time.sleep(0.02)
    else:
        assert time.monotonic() < end, "it goes on"


def test_a_command_that_reads_nothing_and_a_long_text_are_no_failure() -> None:
    words = json.dumps([sys.executable, "-c", "pass"])
    alarm = alarm_of(f"[alarm]\ncommand = {words}")
    assert alarm.send(replace(ALERT, text="x" * 100_000)) == []


def test_what_failed_once_is_tried_again() -> None:
    with web(503, 200) as server, mail(fails=1) as box:
        alarm = alarm_of(
            f'[alarm]\nwebhook = {{ url = "http://localhost:{server.port}/" }}\n'
            '[alarm.mail]\nto = "a@x.org"\nfrom = "b@x.org"\nhost = "localhost"\n'
            f'port = {box.port}\nsecurity = "none"\n'
        )
        assert alarm.send(ALERT) == []
    assert len(server.asked) == 2
    assert len(box.boxes) == 1


def test_who_is_refused_is_named_and_the_others_have_their_mail_once() -> None:
    with mail(refused="gone@") as server:
        (failed,) = alarm_of(
            '[alarm.mail]\nto = ["a@x.org", "gone@x.org"]\nfrom = "b@x.org"\nhost = "localhost"\n'
            f'port = {server.port}\nsecurity = "none"\n'
        ).send(ALERT)
    assert failed.endswith("the server does not take mail for gone@x.org (550)")
    assert [to for to, _ in server.boxes] == [["a@x.org"]]


def test_a_mail_that_was_taken_is_sent_however_the_server_says_good_bye() -> None:
    with mail(stalls_at="quit") as server:
        alarm = alarm_of(
            '[alarm.mail]\nto = "a@x.org"\nfrom = "b@x.org"\nhost = "localhost"\n'
            f'port = {server.port}\nsecurity = "none"\n'
        )
        assert alarm.send(ALERT) == []


def test_no_word_is_said_to_a_server_that_does_not_encrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_WORD", WORD)
    with mail(login=("bench", WORD)) as server, web() as plain:
        rest = f'host = "localhost"\nport = {server.port}\nuser = "bench"\n'
        failed = alarm_of(
            f'[[alarm.mail]]\n{TO}{rest}password_env = "MAIL_WORD"\n'
            f'[[alarm.mail]]\n{TO}{rest}password_env = "MAIL_WORD"\nsecurity = "tls"\n'
            f'[alarm.webhook]\nurl = "https://localhost:{plain.port}/"\n',
            deadline_s=2.0,
        ).send(ALERT)
    why = [told.partition(": ")[2] for told in failed]
    assert why == [
        "the server offers no such login or encryption: look at security and port",
        "no encrypted connection could be made: look at port and security",
        "no encrypted connection could be made: look at port and security",
    ]
    assert (server.boxes, plain.asked) == ([], [])


# -- secrets ---------------------------------------------------------------------------------------


def test_no_failure_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with web(302) as leads, web(401) as refuses, mail(login=("bench", "other")) as server:
        monkeypatch.setenv("WORD", WORD)
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{leads.port}/{WORD}")
        monkeypatch.setenv("LIFE", f"http://127.0.0.1:9/{WORD}")
        alarm = alarm_of(
            '[alarm.mail]\nto = "a@x.org"\nfrom = "b@x.org"\nhost = "localhost"\nuser = "bench"\n'
            f'port = {server.port}\nsecurity = "none"\npassword_env = "WORD"\n'
            '[[alarm.webhook]]\nurl_env = "HOOK"\ntoken_env = "WORD"\n'
            f'[[alarm.webhook]]\nurl = "http://127.0.0.1:{refuses.port}/"\ntoken_env = "WORD"\n'
            '[alarm.sign_of_life]\nurl_env = "LIFE"\n',
            deadline_s=2.0,
        )
        told = [*alarm.send(ALERT), alarm.sign_of_life("busy")]
        assert told == [
            "mail to a@x.org by localhost: the server refused user or password (535)",
            "webhook to the address in HOOK: was answered 302: it leads elsewhere, write that "
            "address",
            "webhook to 127.0.0.1: was answered 401: look at the token",
            "sign of life to the address in LIFE: nobody listens there: look at host and port",
        ]
        assert [path for _, path, *_ in leads.asked] == [f"/{WORD}"]  # and not elsewhere
    assert WORD not in repr(alarm)
    monkeypatch.setenv("WORD", f"{WORD} with a space\u2013and a dash")
    assert WORD not in str(alarm.send(ALERT))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (f'token_env = "{WORD}"', "token_env"), (f'token_file = "{WORD}"', "token_file"),
        (f'token = "{WORD}"', "token"), (f'url = "https://me:{WORD}@x.org/"', "url"),
        (f'url = "http://x.org/{WORD}"', "url"), (f'url = "ftp://x.org/{WORD}"', "url"),
        (f'url = "https://x.org/{WORD} "', "url"), (f'url = "https://x.org:y/{WORD}"', "url"),
    ],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused_without_showing_it(line: str, key: str) -> None:
    rest = "" if line.startswith("url") else 'url = "https://x.org/"\n'
    ((found, text),) = wrong(f"[alarm.webhook]\n{rest}{line}\n")
    assert found == f"alarm.webhook.{key}"
    assert WORD not in text


@pytest.mark.skipif(os.name != "posix", reason="modes of files are of POSIX")
def test_a_file_with_a_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{WORD}\n")
    hook = f'[alarm.webhook]\nurl = "https://x.org/"\ntoken_file = "{path}"\n'
    for mode in (0o644, 0o640, 0o620):
        path.chmod(mode)
        assert wrong(hook) == [
            ("alarm.webhook.token_file",
             f"{path} can be read or changed by others: chmod 600 {path}"),
        ]  # fmt: skip
    path.chmod(0o600)
    assert wrong(hook) == []
    path.write_text("")
    assert wrong(hook) == [("alarm.webhook.token_file", f"{path} is empty")]


# -- what can be known before ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alarm", "key", "text"),
    [
        ("[alarm]\n", "alarm", "names nobody"),
        ('[alarm]\ncommand = "notify"\n', "alarm.command", "write a command as a list"),
        ("[alarm]\ncommand = [[]]\n", "alarm.command", "is a list of texts"),
        ('[alarm]\ncommand = ["no-such-program"]\n', "alarm.command", "no program"),
        ('[alarm]\ncommand = [["no-such"], ["neither"]]\n', "alarm.command[2]", "'neither'"),
        ('[alarm]\nmail = { to = "a", from = "b@x.org", host = "x.org" }', "alarm.mail.to",
         "no mail address"),
        (f'[[alarm.mail]]\n{TO}host = "x.org"\n[[alarm.mail]]\n{TO}', "alarm.mail[2].host",
         "is required"),
        (f'[alarm.mail]\n{TO}host = "https://x.org"\n', "alarm.mail.host", "is no host"),
        (f'[alarm.mail]\n{TO}host = "x.org"\nsecurity = "none"\n', "alarm.mail.security",
         "say with `unencrypted`"),
        (f'[alarm.mail]\n{TO}host = "x.org"\nuser = "a"\n', "alarm.mail.password_env", "a user"),
        (f'[alarm.mail]\n{TO}host = "x.org"\nuser = "a"\npassword_env = "NOT_THERE"\n',
         "alarm.mail.password_env", "NOT_THERE is not set"),
        (f'[alarm.mail]\n{TO}host = "x.org"\nsecurity = "none"\nunencrypted = "own net"\n'
         'user = "a"\npassword_env = "NOT_THERE"\n', "alarm.mail.security", "for anybody to read"),
        ('[alarm.webhook]\nurl = "http://x.org/"\n', "alarm.webhook.url", "is not encrypted"),
        ('[alarm.webhook]\nurl = "http://x.org/"\nunencrypted = "own net"\n'
         'token_env = "NOT_THERE"\n', "alarm.webhook.url", "would send a secret"),
        ('[alarm.webhook]\nurl_env = "NOT_THERE"\n', "alarm.webhook.url_env", "is not set"),
        ("[alarm.webhook]\n", "alarm.webhook.url", "is required"),
        ('[alarm.sign_of_life]\nevery = "1 s"\nurl = "https://x.org"\n',
         "alarm.sign_of_life.every", "at least"),
        ('[alarm.sign_of_life]\nevery = "1 h"\n', "alarm.sign_of_life", "write url"),
    ],
)  # fmt: skip
def test_what_can_not_work_is_told_before(alarm: str, key: str, text: str) -> None:
    assert any(found == key and text in said for found, said in wrong(alarm)), wrong(alarm)


def test_what_is_said_to_be_right_unencrypted_is_taken() -> None:
    assert (
        wrong(f'[alarm.mail]\n{TO}host = "x.org"\nsecurity = "none"\nunencrypted = "own"\n') == []
    )
    assert wrong('[alarm.webhook]\nurl = "http://x.org/"\nunencrypted = "own net"\n') == []


def test_check_tells_it_and_a_run_on_a_real_bench_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init_workspace(tmp_path / "mine", False)
    path = tmp_path / "mine" / "station.toml"
    path.write_text(path.read_text() + '\n[alarm.webhook]\nurl_env = "NOT_THERE"\n')
    at = ("-w", str(tmp_path / "mine"))
    told = "alarm.webhook.url_env: the environment variable NOT_THERE is not set"
    code, _, err = typed(monkeypatch, capsys, "check", *at)
    assert (code, told in err) == (2, True)
    asked = ("check", "calibration/pressure_temperature", "--lot", "first", *at)
    code, _, err = typed(monkeypatch, capsys, *asked)
    assert told not in err  # nothing can happen to twins
    psu = 'model = "keysight_e36312a"\nlink = '
    path.write_text(path.read_text().replace(psu + '{ kind = "simulated" }', psu + REAL))
    code, _, err = typed(monkeypatch, capsys, *asked)
    assert (code, told in err) == (2, True)


# -- the command -----------------------------------------------------------------------------------


def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sensorbench", *words])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    return int(end.value.code or 0), shown.out, shown.err


def test_the_alarm_can_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("-w", str(tmp_path))
    with web() as good, web(404) as bad, web() as life:
        text = (
            f'[alarm]\nwebhook = [{{ url = "http://127.0.0.1:{good.port}/" }}]\n'
            f'[alarm.sign_of_life]\nurl = "http://127.0.0.1:{life.port}/"\n'
        )
        (tmp_path / "station.toml").write_text(STATION + text)
        code, out, _ = typed(monkeypatch, capsys, "alarm", *at)
        assert (code, good.asked) == (0, [])
        assert "every 5 min" in out
        code, out, _ = typed(monkeypatch, capsys, "alarm", "--test", *at)
        assert code == 0
        assert out == "webhook to 127.0.0.1: sent\nsign of life to 127.0.0.1: sent\n"
        (tmp_path / "station.toml").write_text(
            STATION + text.replace("}]", f'}}, {{ url = "http://localhost:{bad.port}/" }}]')
        )
        code, out, err = typed(monkeypatch, capsys, "alarm", "--test", *at)
        assert (code, len(good.asked)) == (3, 2)
        assert "webhook to localhost: was answered 404" in err
        code, out, err = typed(monkeypatch, capsys, "alarm", "--test", "--json", *at)
        found: dict[str, Any] = json.loads(out)
        assert (code, found["ok"]) == (3, False)
        assert [way["ok"] for way in found["ways"]] == [True, False, True]
    (tmp_path / "station.toml").write_text(STATION)
    code, _, err = typed(monkeypatch, capsys, "alarm", "--test", *at)
    assert code == 2
    assert "nobody is told" in err
