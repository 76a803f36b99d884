"""Receivers at their edges: secrets from files, private authorities of TLS, mail through a program of
the administrator's; and the probe of an agent's queue in the real messaged."""

import base64
import os
import tempfile

from harness import Daemon, main, refused
from monitord import NAME, Monitord, check, equal, wait_for
from registry import Registry
from servers import Web, certificate

NOTIFY = NAME + ".Notify"


def world(way, given, config="", **more):
    return Monitord(bus=False, config=config, files={"alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "ops", way: given}]}}, **more)


def drill(caller):
    caller.with_options(NOTIFY, "TestReceiver", "s", "ops")


def notifications(caller):
    return caller.with_options(NOTIFY, "ListNotifications")[0]


def error(caller):
    return caller.with_options(NOTIFY, "ListReceivers")[0][0].get("error", "")


def told(caller):
    wait_for(lambda: notifications(caller)[0]["state"] == "told", "it to be told")


def test_secrets_from_files():
    """Read at each attempt: a secret that is changed needs no reload."""
    with tempfile.TemporaryDirectory() as directory, Web({"/hook": (200, {}, "")}) as web:
        path = os.path.join(directory, "secret")

        def write(text):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        write("first\n")
        way = {"url": f"http://127.0.0.1:{web.port}/hook", "http_config": {
            "basic_auth": {"username": "u", "password_file": path}}}
        with world("webhook", way) as d:
            c = d.caller()
            for secret in ("first", "second"):
                write(secret + "\n")
                drill(c)
                told(c)
                sent = web.requests[-1][2]["Authorization"]
                equal(sent, "Basic " + base64.b64encode(f"u:{secret}".encode()).decode())
            write("with\x01control")
            drill(c)
            wait_for(lambda: "control characters" in error(c), "the error")
            equal(len(web.requests), 2)
        way["http_config"] = {"authorization": {"credentials_file": path}}
        write("token")
        with world("webhook", way) as d:
            c = d.caller()
            drill(c)
            told(c)
            equal(web.requests[-1][2]["Authorization"], "Bearer token")
            os.unlink(path)
            drill(c)
            wait_for(lambda: "secret" in error(c), "a missing file to be told")


def test_private_authority():
    """A certificate of a private authority is good for whoever names that, and for nobody else."""
    with tempfile.TemporaryDirectory() as directory:
        pem = certificate(directory)
        other = certificate(directory, days=29)
        with Web({"/hook": (200, {}, "")}, pem=pem) as web:
            way = {"url": f"https://localhost:{web.port}/hook",
                   "http_config": {"tls_config": {"ca_file": pem + ".crt"}}}
            with world("webhook", way) as d:
                c = d.caller()
                drill(c)
                told(c)
            way["http_config"]["tls_config"]["ca_file"] = other + ".crt"
            with world("webhook", way) as d:
                c = d.caller()
                drill(c)
                wait_for(lambda: "certificate" in error(c).lower(), "the wrong one to be refused")
                equal(notifications(c)[0]["state"], "waiting")
            way["http_config"] = {}
            with world("webhook", way) as d:  # the system does not know it either
                c = d.caller()
                drill(c)
                wait_for(lambda: "certificate" in error(c).lower(), "an unknown one to be refused")
            equal(len(web.requests), 1)
            with world("webhook", way) as d:
                way["http_config"] = {"tls_config": {"ca_fiel": "x"}}
                d.write("alerting.yaml", {"route": {"receiver": "ops"}, "receivers": [
                    {"name": "ops", "webhook": way}]})
                refused("Configuration", d.caller().call, "Reload", text="did you mean ca_file")


SENDMAIL = """#!/bin/sh
printf '%s\\n' "$@" > {0}/argv
cat > {0}/mail.new && mv {0}/mail.new {0}/mail
"""


def test_mail():
    """The program of the configuration gets the envelope; an alert's text adds no header."""
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "sendmail")
        with open(program, "w", encoding="utf-8") as f:
            f.write(SENDMAIL.format(directory))
        os.chmod(program, 0o755)
        way = {"to": ["ops@example.org", "b@example.org"], "from": "Waggle <waggle@example.org>"}
        with world("email", way, config=f"[Alerts]\nSendmail={program}\n") as d:
            d.write("rules.d/r.yaml", {"groups": [{"name": "g", "rules": [{
                "alert": "A\nBcc: evil@example.org", "expr": "vector(1)",
                "annotations": {"summary": "down\nBcc: evil@example.org\n\n.\nMAIL FROM: x"}}]}]})
            d.caller().call("Reload")
            wait_for(lambda: os.path.exists(os.path.join(directory, "mail")), "the mail")
            with open(os.path.join(directory, "argv"), encoding="utf-8") as f:
                equal(f.read().split("\n")[:-1], ["-i", "-f", "waggle@example.org", "--",
                                                  "ops@example.org", "b@example.org"])
            with open(os.path.join(directory, "mail"), encoding="utf-8") as f:
                head, body = f.read().split("\n\n", 1)
            names = [line.split(":")[0] for line in head.split("\n") if line[0] not in " \t"]
            for name in ("From", "To", "Subject", "Date", "Message-ID"):
                check(names.count(name) == 1, f"{name} once in {head}")
            check("Bcc" not in names, head)
            check("evil@example.org" in body or "Content-Transfer-Encoding: base64" in head, body)


def test_queue():
    """The depth of an agent's queue, from the real messaged."""
    with Daemon(bus=True) as messaged:
        agent = messaged.client()
        agent.call("RegisterAgent", "clerk")
        shop = {"name": "shop", "probes": [{"queue": {"agent": "clerk", "at-most": 1}, "name": "depth",
                                            "interval": "100ms"}]}
        with Monitord(bus=False, start=False, config="[Units]\nWatch=no\n",
                      files={"services.d/s.json": {"services": [shop]}}) as d:
            d.bus = messaged.bus  # one for both
            d.start()
            d.bus = None  # and messaged's to stop
            registry = Registry(d)
            registry.wait_state("shop", "healthy")
            for n in range(3):
                agent.send("clerk", f"letter {n}".encode())
            registry.wait_state("shop", "unhealthy")
            check("3" in registry.probe("shop", "depth")["text"], registry.probe("shop", "depth"))


if __name__ == "__main__":
    main(globals())
