"""TRACE_ID and SPAN_ID in the journal: of a deployment, of alerts and silences, of requests for
metrics, of a message that became a dead letter; and on no line that has no trace. And the whole way
from the call that deploys to the web server that is told what came of it."""

import json
import os
import re

from client import wait_for
from deployd import Deployd
from harness import Daemon, check, equal, main
from journal import Journal, journalled
from monitord import NAME, Monitord
from scrape import Connection, fetch
from servers import Web

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
OURS = {"TRACE_ID": TRACE, "SPAN_ID": SPAN}
NONE = {"TRACE_ID": None, "SPAN_ID": None}
UID = f"uid {os.getuid()}"
NOTIFY = NAME + ".Notify"


def message_id(name):
    path = os.path.join(os.path.dirname(__file__), "..", "..", "src", "common", "message-ids.h")
    with open(path, encoding="utf-8") as f:
        return re.search(rf'^#define WG_MSG_{name} "(\w+)"$', f.read(), re.M)[1]


def test_a_deployment():
    with Journal() as j, journalled(Deployd)(j) as d:
        d.target("shop")
        c = d.caller()
        plain = {"units": None, "checks": None}
        number = c.run(d.release("1.0", **plain), traceparent=GIVEN)[2]
        j.wait("the call", MESSAGE=f"{UID} calls Deploy", **OURS)
        span = c.show(number)["traceparent"].split("-")[2]
        for name in ("STARTED", "COMMITTED"):
            j.wait(name, MESSAGE_ID=message_id("DEPLOYMENT_" + name), WAGGLE_DEPLOYMENT=str(number),
                   TRACE_ID=TRACE, SPAN_ID=span)
        other = c.run(d.release("2.0", **plain))[2]
        own = c.show(other)["traceparent"].split("-")
        j.wait("one of its own", MESSAGE_ID=message_id("DEPLOYMENT_COMMITTED"),
               WAGGLE_DEPLOYMENT=str(other), TRACE_ID=own[1], SPAN_ID=own[2])
        check(not j.find(MESSAGE=f"{UID} calls Rollback"), "nobody called that")
        equal(len(j.find(MESSAGE=f"{UID} calls Deploy")), 1, "a call without a trace is no such line")


def test_alerts_and_silences():
    files = {"alerting.yaml": {"route": {"receiver": "ops"}, "receivers": [{"name": "ops", "journal": {}}]}}
    with Journal() as j, journalled(Monitord)(j, bus=False, files=files) as d:
        c = d.caller()
        firing = message_id("ALERT_FIRING")
        c.with_options(NOTIFY, "TestReceiver", "s", "ops")
        check("TRACE_ID" not in j.wait("a drill in no trace", MESSAGE_ID=firing), "nobody gave one")
        c.with_options(NOTIFY, "TestReceiver", "s", "ops", traceparent=GIVEN)
        j.wait("a drill", MESSAGE_ID=firing, **OURS)
        silenced = message_id("SILENCED")
        c.with_options(NOTIFY, "Silence", "s", 'unit="a.service"', traceparent=GIVEN)
        j.wait("a silence", MESSAGE_ID=silenced, **OURS)
        c.with_options(NOTIFY, "Silence", "s", 'unit="b.service"')
        j.wait("a silence in no trace", MESSAGE_ID=silenced, **NONE)


def test_requests():
    with Journal() as j, journalled(Monitord)(j, bus=False, start=False) as d:
        path = os.path.join(d.directory, "metrics")
        d.configure(f"[Http]\nListen={path}\n")
        d.start()
        line = "GET /metrics: 200"
        equal(fetch(path, traceparent=GIVEN)[0], 200)
        j.wait("the request", MESSAGE=line, **OURS)
        for n, headers in enumerate(([], [GIVEN + "\x09x"], [GIVEN.upper()], [GIVEN, GIVEN]), 1):
            connection = Connection(path)
            connection.putrequest("GET", "/metrics")
            for value in headers:
                connection.putheader("traceparent", value)
            connection.endheaders()
            equal(connection.getresponse().status, 200)
            connection.close()
            wait_for(lambda n=n: len(j.find(MESSAGE=line, **NONE)) == n, f"{headers} counts as none")
        equal(fetch(path, path="/else", Traceparent=GIVEN)[0], 404)
        j.wait("one that is refused", MESSAGE="GET /else: 404", **OURS)


def test_a_dead_letter():
    with Journal() as j, journalled(Daemon)(j) as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        dead = message_id("MESSAGE_DEAD")
        for given, wanted in ((GIVEN, OURS), (None, NONE)):
            number = c.send("a", b"x", **({"traceparent": given} if given else {}))
            got = c.receive("a")[0]
            c.call("Nack", got[1], mode="fatal", reason="poison")
            j.wait("its end", MESSAGE_ID=dead, WAGGLE_MESSAGE=str(number), **wanted)


class Beside(Monitord):
    """The monitor on the bus of a deployment service, which has the manager of units."""

    def __init__(self, deployment, **given):
        super().__init__(start=False, bus=False, **given)
        self.bus, self.manager, self.units = deployment.bus, deployment.manager, deployment.units

    def clean_up(self):
        self.bus = None  # it is the deployment service's
        super().clean_up()


def test_from_the_call_to_the_web_server():
    """A service that fails when it has been deployed: whoever is told of it is told in whose trace."""
    rules = {"groups": [{"name": "g", "rules": [
        {"alert": "Failed", "expr": 'waggle_unit_state{unit="shop.service",state="failed"} == 1'}]}]}
    with Deployd() as d, Web({"/hook": (200, {}, "")}) as web:
        files = {"rules.d/r.yaml": rules, "alerting.yaml": {
            "route": {"receiver": "ops", "group_wait": "0s"},
            "receivers": [{"name": "ops", "webhook": {"url": f"http://127.0.0.1:{web.port}/hook"}}]}}
        with Beside(d, config="[Alerts]\nEvaluateSec=1s\n", files=files) as monitor:
            monitor.start()
            end = os.path.join(d.directory, "end")
            d.target("shop")
            c = d.caller()
            serve = f"#!/bin/sh\nwhile [ ! -e {end} ]; do sleep 0.1; done\nexit 3\n"
            result, _status, number = c.run(d.release("1.0", serve=serve), traceparent=GIVEN)
            equal(result, "done")
            shown = c.show(number)
            watcher = monitor.caller()

            def serving():
                return json.loads(watcher.with_options(NAME, "Why", "s", "shop.service")[0]).get("release")

            wait_for(lambda: serving() == shown["to"], "the monitor to know the release")
            with open(end, "w", encoding="utf-8"):
                pass
            wait_for(lambda: web.requests, "the web server to be told")
            headers, alert = web.requests[0][2], json.loads(web.requests[0][3])["alerts"][0]
            equal(headers.get("traceparent"), shown["traceparent"], "the header")
            equal(alert.get("traceparent"), shown["traceparent"], "the alert's")
            equal(alert["annotations"]["release"], shown["to"])
            check(shown["traceparent"].startswith(f"00-{TRACE}-"), "the caller's trace")


if __name__ == "__main__":
    main(dict(globals()))
