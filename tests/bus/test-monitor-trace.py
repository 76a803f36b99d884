"""In whose W3C trace somebody is told of an alert: a web server by its header, a command by its
environment, an agent by its message; and that the calls which change something take one."""

import json
import os
import tempfile

from harness import Daemon, main, refused
from monitord import ALERTS, NAME, REGISTRY, Monitord, check, equal, vardict, wait_for
from servers import Web
from waggle import Cli

NOTIFY = NAME + ".Notify"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BROKEN = GIVEN.upper()
RULES = {"groups": [{"name": "g", "rules": [{"alert": "Never", "expr": "vector(1) > 2"}]}]}


def world(*ways, **more):
    return Monitord(bus=False, files={"rules.d/r.yaml": RULES, "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "ops", **dict(ways)}]}}, **more)


def states(c):
    return [n["state"] for n in c.with_options(NOTIFY, "ListNotifications")[0]]


def all_told(c, n):
    wait_for(lambda: states(c) == ["told"] * n, f"{n} to be told")


def test_web_server():
    """The header, and a field of the alert beside Alertmanager's own."""
    with Web({"/hook": (200, {}, "")}) as web:
        with world(("webhook", {"url": f"http://127.0.0.1:{web.port}/hook"})) as d:
            c = d.caller()
            for n, given in enumerate(({}, {"traceparent": GIVEN}), 1):
                c.with_options(NOTIFY, "TestReceiver", "s", "ops", **given)
                all_told(c, n)
                headers, alert = web.requests[-1][2], json.loads(web.requests[-1][3])["alerts"][0]
                equal(headers.get("traceparent"), given.get("traceparent"), "the header")
                equal(alert.get("traceparent"), given.get("traceparent"), "of the alert")


def test_drill_over_a_restart():
    """What is stored has it, so that whoever is told late is told in the trace as well."""
    with Web({"/hook": (503, {}, "")}) as web:
        with world(("webhook", {"url": f"http://127.0.0.1:{web.port}/hook"})) as d:
            c = d.caller()
            c.with_options(ALERTS, "Drill", "s", "Never", traceparent=GIVEN)
            wait_for(lambda: web.requests, "the first attempt")
            shown = json.loads(c.with_options(ALERTS, "List")[0])
            equal([a["traceparent"] for a in shown], [GIVEN])
            d.restart()
            before = len(web.requests)
            wait_for(lambda: len(web.requests) > before, "another attempt")
            equal(web.requests[-1][2].get("traceparent"), GIVEN)


def test_command_and_agent():
    with tempfile.TemporaryDirectory() as directory, Daemon() as messaged:
        path = os.path.join(directory, "said")
        command = ["/bin/sh", "-c", 'echo "got:$TRACEPARENT" >> "$0"', path]
        agent = messaged.client()
        agent.call("RegisterAgent", "oncall")
        with world(("exec", {"command": command}), ("message", {"agent": "oncall"}),
                   environment={"WAGGLE_ADDRESS": messaged.address, "TRACEPARENT": OTHER}) as d:
            c = d.caller()
            c.with_options(NOTIFY, "TestReceiver", "s", "ops", traceparent=GIVEN)
            all_told(c, 2)
            c.with_options(NOTIFY, "TestReceiver", "s", "ops")
            all_told(c, 4)
        with open(path, encoding="utf-8") as f:
            equal(f.read().split(), ["got:" + GIVEN, "got:"], "the commands")
        cli = Cli(messaged)
        equal([m.get("traceparent") for m in cli.lines("show", "1", "2")], [GIVEN, None])


def test_every_change_takes_one():
    """and refuses what is none, before anything else"""
    service = json.dumps({"name": "shop"})
    with world() as d:
        c = d.caller()
        changes = [(REGISTRY, "Register", "s", (service,)), (REGISTRY, "SetMaintenance", "sst", ("shop", "", 0)),
                   (REGISTRY, "ClearMaintenance", "s", ("shop",)), (REGISTRY, "Push", "ss", ("shop", "p")),
                   (REGISTRY, "Unregister", "s", ("shop",)), (ALERTS, "Drill", "s", ("Never",)),
                   (ALERTS, "Acknowledge", "s", ("Never",)), (ALERTS, "Unacknowledge", "s", ("Never",)),
                   (NOTIFY, "Silence", "s", ('a="b"',)), (NOTIFY, "Unsilence", "t", (1,)),
                   (NOTIFY, "TestReceiver", "s", ("ops",))]
        for interface, method, signature, args in changes:
            refused("InvalidArgument", c.call, method, f"({signature}a{{sv}})", *args,
                    vardict({"traceparent": BROKEN}), interface=interface, text="no W3C trace context")
        for interface, method, signature, args in changes[:3] + changes[4:6] + changes[8:10]:
            c.with_options(interface, method, signature, *args, traceparent=GIVEN)
        refused("UnknownOption", c.with_options, REGISTRY, "List", traceparent=GIVEN)


def test_command_line():
    with Web({"/hook": (200, {}, "")}) as web:
        with world(("webhook", {"url": f"http://127.0.0.1:{web.port}/hook"})) as d:
            def cli(trace):
                return Cli(d, WAGGLE_ADDRESS="unix:path=" + os.path.join(d.directory, "none"),
                           WAGGLE_MONITORING_ADDRESS=d.address, TRACEPARENT=trace)

            for n, (trace, wanted) in enumerate(((GIVEN, GIVEN), (BROKEN, None)), 1):
                cli(trace).run("alerts", "try", "ops")
                all_told(d.caller(), n)
                equal(web.requests[-1][2].get("traceparent"), wanted)
            for words in (("alerts", "silence", "a=b"), ("alerts", "unsilence", "1")):
                cli(GIVEN).run(*words)
        check(len(web.requests) == 2, "a silence tells nobody")


if __name__ == "__main__":
    main(dict(globals()))
