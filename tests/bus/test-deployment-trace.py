"""A deployment in its W3C trace: whose it is, and who is told of it: hooks, commands of checks, the
history, the audit log."""

import json
import os
import re
import signal

from deployd import Deployd, check, equal, vardict, wait_for
from harness import main, refused
from waggle import Cli

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
BROKEN = f"00-{TRACE.upper()}-{SPAN}-01"
SAY = "echo $TRACEPARENT > {0}; mv {0} {0}.told"


def traced(d, version):
    """A release whose hook and whose check's command each write down the trace that they are in."""
    said = {who: os.path.join(d.directory, f"{who}-{version}") for who in ("hook", "check")}
    base = d.release(
        version, hooks={"post-start": [{"command": ["/bin/sh", "-c", SAY.format(said["hook"])]}]},
        checks=[{"command": "trace", "argv": ["/bin/sh", "-c", SAY.format(said["check"])]}])
    return base, {who: path + ".told" for who, path in said.items()}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


def words(c, call):
    return [w for w in (json.loads(e[2]) for e in c.call("AuditRead", "(tu)", 1, 0)[0])
            if w.get("call") == call]


def test_callers_trace():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        base, said = traced(d, "1.0")
        result, _status, number = c.run(base, traceparent=GIVEN)
        equal(result, "done", c.show(number).get("failure"))
        shown = c.show(number)
        own = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", shown["traceparent"])
        check(own and own[1] != SPAN, f"it has no span of its own in the trace: {shown['traceparent']}")
        equal(shown["parent_span"], SPAN)
        for who, path in said.items():
            equal(read(path), shown["traceparent"], f"what the {who} was told")
        row = c.list()[0]
        equal((row["traceparent"], row["parent-span"]), (shown["traceparent"], SPAN))
        check(f"TRACE_ID={TRACE} SPAN_ID={own[1]}" in c.call("Explain", "(t)", number)[0])
        equal(words(c, "Deploy")[-1]["traceparent"], GIVEN)
        equal(c.run(d.release("2.0", word="good, too"))[0], "done")
        c.call("Rollback", "(sa{sv})", "shop", vardict({"traceparent": GIVEN}))
        wait_for(lambda: len(c.list()) == 3, "the roll-back")
        back = c.list()[0]["traceparent"]
        check(back.startswith(f"00-{TRACE}-") and back != shown["traceparent"], "another span")


def test_a_trace_of_its_own():
    """one a call, with a span a target"""
    with Deployd() as d:
        for name in ("shop", "till"):
            d.target(name)
        c = d.caller()
        plain = {"units": None, "checks": None}
        job = c.deploy(d.release("1.0", **plain), targets=["shop", "till"])
        c.completed(job)
        both = [row["traceparent"] for row in c.list()]
        equal(len(set(both)), 2, f"spans: {both}")
        equal(len({t[:35] for t in both}), 1, f"traces: {both}")
        check(all("parent-span" not in row for row in c.list()), "nobody asked in a trace")
        c.run(d.release("2.0", **plain))
        check(c.list()[0]["traceparent"][:35] != both[0][:35], "another call is in the same trace")
        check("traceparent" not in words(c, "Deploy")[-1], "nothing was given")


def test_kept_over_a_crash():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=60 * 1000000, traceparent=GIVEN)
        number = c.job(job, "Deployments")[0]
        c.wait_state(number, "verified")
        before = c.show(number)["traceparent"]
        d.stop(sig=signal.SIGKILL)
        d.start()
        c = d.caller()
        equal(c.show(number)["traceparent"], before)
        c.call("Confirm", "(ta{sv})", number, vardict({"traceparent": GIVEN}))
        equal(words(c, "Confirm")[-1]["traceparent"], GIVEN)


def test_malformed_is_refused():
    with Deployd() as d:
        d.target("shop")
        c = d.caller()
        text = "no W3C trace context"
        base = d.release("1.0")
        for broken in (BROKEN, "", "00", GIVEN + "\n", f"00-{'0' * 32}-{SPAN}-01"):
            refused("InvalidArgument", c.deploy, base, traceparent=broken, text=text)
        option = vardict({"traceparent": BROKEN})
        for method in ("Rollback", "Rehearse"):
            refused("InvalidArgument", c.call, method, "(sa{sv})", "shop", option, text=text)
        for method in ("Confirm", "Cancel"):
            refused("InvalidArgument", c.call, method, "(ta{sv})", 1, option, text=text)
        refused("UnknownOption", c.call, "List", "(a{sv})", vardict({"traceparent": GIVEN}))
        equal(c.list(), [])


def test_the_command_line_hands_it_on():
    with Deployd() as d:
        d.target("shop")

        def cli(trace):
            return Cli(d, WAGGLE_ADDRESS="unix:path=" + os.path.join(d.directory, "no-messaging"),
                       WAGGLE_DEPLOYMENT_ADDRESS=d.address, SYSTEMD_PAGER="cat", TRACEPARENT=trace)

        cli(GIVEN).run("deploy", "run", os.path.join(d.release("1.0"), "shop.json"))
        shown = cli("").json("deploy", "show", "1")
        equal(shown["parent_span"], SPAN)
        check(f"Trace: 00-{TRACE}-" in cli("").run("deploy", "show", "1"), "show does not tell it")
        cli(BROKEN).run("deploy", "run", os.path.join(d.release("2.0"), "shop.json"))
        shown = cli("").json("deploy", "show", "2")
        check(TRACE not in shown["traceparent"] and "parent_span" not in shown,
              "what is malformed in the environment counts as none")


if __name__ == "__main__":
    main(dict(globals()))
