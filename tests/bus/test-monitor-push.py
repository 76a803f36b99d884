"""Receivers for people: push notifications as ntfy takes them, and terminals. What comes from a rule
does nothing to either but be read."""

import email.header
import os
import pty
import tempfile
import termios
import threading

from harness import main, refused
from monitord import NAME, Monitord, check, equal, wait_for
from servers import Web

NOTIFY = NAME + ".Notify"
SUMMARY = "Köln is down\x1b]0;evil\x07\nX-Evil: yes"
RULES = {"groups": [{"name": "g", "rules": [
    {"alert": "Störung", "expr": 'waggle_unit_state{state="failed"} == 1',
     "labels": {"severity": "critical", "site": "Köln"},
     "annotations": {"summary": SUMMARY, "what_to_do": "look", "description": "ö" * 5000,
                     "runbook_url": "https://example.org/run"}}]}]}


def world(**ways):
    return Monitord(files={"rules.d/r.yaml": RULES, "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s",
                  "group_interval": "200ms"},
        "receivers": [{"name": "ops", **ways}]}})


def fail(d, name):
    d.unit(name, "[Service]\nExecStart=/bin/sh -c 'exit 3'\n")


def heal(d, name):
    d.manager.write(name, "[Service]\nExecStart=/bin/sleep 1000\n")
    d.systemd("Reload")
    d.systemd("StartUnit", "(ss)", name, "replace")


def drill(caller):
    caller.with_options(NOTIFY, "TestReceiver", "s", "ops")


def notifications(caller):
    return caller.with_options(NOTIFY, "ListNotifications")[0]


def error(caller):
    return caller.with_options(NOTIFY, "ListReceivers")[0][0].get("error", "")


def decoded(text):
    return str(email.header.make_header(email.header.decode_header(text)))


def test_ntfy():
    with tempfile.TemporaryDirectory() as directory, Web({"/alerts": (200, {}, "{}")}) as web:
        token = os.path.join(directory, "token")
        with open(token, "w", encoding="utf-8") as f:
            f.write("tk_secret\n")
        with world(ntfy={"url": f"http://127.0.0.1:{web.port}/alerts", "tags": ["grün"],
                         "http_config": {"authorization": {"credentials_file": token}}}) as d:
            fail(d, "a.service")
            wait_for(lambda: web.requests, "the push")
            method, path, headers, body = web.requests[0]
            equal((method, path), ("POST", "/alerts"))
            check(headers["Title"].isascii() and headers["Tags"].isascii(), headers)
            check(decoded(headers["Title"]).startswith("[FIRING] Störung a.service"), headers["Title"])
            equal(decoded(headers["Tags"]), "rotating_light,grün")
            equal((headers["Priority"], headers["Click"], headers["Authorization"]),
                  ("5", "https://example.org/run", "Bearer tk_secret"))
            check("X-Evil" not in headers and "Idempotency-Key" in headers, headers)
            text = body.decode()
            check(text.startswith("FIRING Störung a.service") and "Köln is down" in text, text[:200])
            check(len(body) < 4096 and text.endswith("...\n"), f"{len(body)} bytes: {text[-50:]}")
            heal(d, "a.service")
            wait_for(lambda: len(web.requests) > 1, "the end of it")
            headers = web.requests[1][2]
            equal((headers["Priority"], decoded(headers["Tags"])), ("3", "white_check_mark,grün"))
            check("Click" not in headers, headers)
            drill(d.caller())
            wait_for(lambda: len(web.requests) > 2, "the drill")
            equal(decoded(web.requests[2][2]["Tags"]), "information_source,test_tube,grün")
            equal(web.requests[2][2]["Priority"], "2")


def test_ntfy_says_no():
    """Too many requests are tried again; a topic that is not ours is not."""
    answers = {"/alerts": (429, {}, "slow down")}
    with Web(answers) as web, world(ntfy={"url": f"http://127.0.0.1:{web.port}/alerts"}) as d:
        c = d.caller()
        drill(c)
        wait_for(lambda: "429" in error(c), "the error")
        answers["/alerts"] = (200, {}, "{}")
        wait_for(lambda: notifications(c)[0]["state"] == "told", "it to be told")
        answers["/alerts"] = (403, {}, "forbidden")
        drill(c)
        wait_for(lambda: notifications(c)[0]["state"] == "given-up", "the end of it")
        check("forbidden" in notifications(c)[0]["error"], notifications(c)[0])


class Terminal:
    """A terminal, and whoever sits at it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.path = os.ttyname(self.slave)
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.slave)
        if getattr(self, "reader", None):
            self.reader.join()
        os.close(self.master)

    def read(self):
        def run():
            try:
                while True:
                    self.text += os.read(self.master, 4096)
            except OSError:  # nobody has it open any more
                pass
        self.reader = threading.Thread(target=run, daemon=True)
        self.reader.start()

    def stop(self):
        """As Ctrl-S does: what is written has to wait."""
        termios.tcflow(self.slave, termios.TCOOFF)

    def go_on(self):
        termios.tcflow(self.slave, termios.TCOON)


def test_wall():
    with Terminal() as one, Terminal() as two:
        one.read()
        two.read()
        with world(wall={"terminals": [one.path, two.path, "/nowhere/tty"]}) as d:
            fail(d, "a.service")
            for terminal in (one, two):
                wait_for(lambda t=terminal: b"what to do: look" in t.text or b"..." in t.text,
                         "the text")
                text = terminal.text.decode()
                check("Broadcast message from waggle-monitord@" in text, text[:300])
                check("[FIRING] Störung a.service (critical)" in text, text[:300])
                check("Köln is down" in text, text[:300])
                check("\x1b" not in text and text.count("\a") == 1, text[:300])
                check(len(text) < 3000, f"{len(text)} characters")
            c = d.caller()
            wait_for(lambda: notifications(c)[0]["state"] == "told", "it to be told")


def test_wall_that_is_stopped():
    """A terminal that takes nothing holds up neither the service nor others, and is tried again."""
    with Terminal() as terminal:
        terminal.stop()
        with world(wall={"terminals": [terminal.path]}, journal={}) as d:
            c = d.caller()
            drill(c)
            wait_for(lambda: any("it takes nothing now" in r.get("error", "") for r in
                                 c.with_options(NOTIFY, "ListReceivers")[0]), "the error")
            d.wait_log("FIRING WaggleReceiverTest")  # the journal has it
            terminal.read()
            terminal.go_on()
            wait_for(lambda: {n["state"] for n in notifications(c)} == {"told"}, "all to be told")
            check(b"WaggleReceiverTest" in terminal.text, terminal.text[-300:])


def test_wall_of_no_terminal():
    with tempfile.NamedTemporaryFile() as plain, world(wall={"terminals": [plain.name]}) as d:
        c = d.caller()
        drill(c)
        wait_for(lambda: "it is no terminal" in error(c), "the error")
        equal(notifications(c)[0]["state"], "waiting")
        equal(plain.read(), b"")
        d.write("alerting.yaml", "route: {receiver: a}\nreceivers: [{name: a, wall: {terminal: x}}]\n")
        refused("Configuration", c.call, "Reload", text="did you mean terminals")


if __name__ == "__main__":
    main(globals())
