"""Who is told of alerts: agents through the real messaged, the journal, D-Bus, a web server and a
real Alertmanager; what could not be told is told after a kill, once, and silences are kept."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request

from harness import Daemon, Skip, main, refused
from hook import Hook
from monitord import NAME, Monitord, check, equal, wait_for
from servers import free_port

NOTIFY = NAME + ".Notify"


def alerting(*ways, name="ops"):
    """One receiver with these ways: ("webhook", {...}), ..."""
    receiver = {"name": name}
    for kind, given in ways:
        receiver[kind] = given
    return {"alerting.yaml": {"route": {"receiver": name, "group_by": ["..."], "group_wait": "0s",
                                        "group_interval": "1s"}, "receivers": [receiver]}}


def ask(caller, method, signature="", *args, **options):
    return caller.with_options(NOTIFY, method, signature, *args, **options)


def rows(caller, method, **options):
    return ask(caller, method, **options)[0]


def test_agent_hears():
    """Into the mailbox of an agent, by the real messaged."""
    with Daemon() as messaged:
        agent = messaged.client()
        agent.call("RegisterAgent", "oncall")
        with Monitord(bus=False, files=alerting(("message", {"agent": "oncall"})),
                      environment={"WAGGLE_ADDRESS": messaged.address}) as d:
            c = d.caller()
            ask(c, "TestReceiver", "s", "ops")
            wait_for(lambda: rows(c, "ListNotifications")[0]["state"] == "told", "it to be told")
            mail = agent.receive("oncall")
            check(len(mail) == 1, f"one message: {mail!r}")
            text = str(mail)
            check("[DRILL]" in text and "WaggleReceiverTest" in text, text)


def test_agent_later():
    """messaged is not there; then it is, and has it once."""
    messaged = Daemon(start=False)
    messaged.listener.close()
    os.unlink(messaged.path)
    with Monitord(bus=False, files=alerting(("message", {"agent": "oncall"})),
                  environment={"WAGGLE_ADDRESS": messaged.address}) as d:
        c = d.caller()
        ask(c, "TestReceiver", "s", "ops")
        wait_for(lambda: rows(c, "ListReceivers")[0].get("error"), "the error of the way")
        equal(rows(c, "ListNotifications")[0]["state"], "waiting")
        with Daemon() as other:
            other_client = other.client()
            other_client.call("RegisterAgent", "oncall")
            os.symlink(other.path, messaged.path)
            wait_for(lambda: rows(c, "ListNotifications")[0]["state"] == "told", "it to be told")
            equal(len(other_client.receive("oncall")), 1, "messages")
            check("error" not in rows(c, "ListReceivers")[0], "the way works again")
    messaged.notify.close()
    shutil.rmtree(messaged.directory)


def test_journal_and_signal():
    with Monitord(files=alerting(("journal", {}), ("dbus", {}))) as d:
        c = d.caller(over_bus=True)
        ask(c, "TestReceiver", "s", "ops")
        d.wait_log("[DRILL] FIRING WaggleReceiverTest")
        wait_for(lambda: c.of("Notified"), "the signal")
        receiver, status, dedup, text = c.of("Notified")[0]
        equal((receiver, status), ("ops", "firing"))
        equal(json.loads(text)["dedupKey"], dedup)
        refused("NotFound", ask, c, "TestReceiver", "s", "nobody", text="nobody")


def test_killed_while_it_sends():
    """SIGKILL while the server has it: after the start the same once more, and no other."""
    with Hook(status=None) as hook, Monitord(bus=False) as d:
        d.write("alerting.yaml", alerting(("webhook", {"url": hook.url}))["alerting.yaml"])
        c = d.caller()
        c.call("Reload")
        ask(c, "TestReceiver", "s", "ops")
        wait_for(lambda: len(hook.got) == 1, "the first attempt")
        d.stop(sig=signal.SIGKILL)
        hook.status = 200
        d.start()
        wait_for(lambda: len(hook.got) == 2, "the second")
        c = d.caller()
        wait_for(lambda: rows(c, "ListNotifications")[0]["state"] == "told", "it to be told")
        equal(hook.got[0], hook.got[1], "both attempts")
        d.stop(sig=signal.SIGKILL)
        d.start()
        c = d.caller()
        equal([r["state"] for r in rows(c, "ListNotifications")], ["told"])
        equal(len(hook.got), 2, "attempts")


def test_full_queue():
    """A receiver that takes nothing: older notices of a group are merged, and what is over is told."""
    rules = {"groups": [{"name": "g", "interval": "1s", "rules": [
        {"alert": name, "expr": f'waggle_unit_state{{unit="{name}.service",state="failed"}} == 1'}
        for name in ("a", "b", "c")]}]}
    with Hook(status=500) as hook, Monitord(
            config="[Alerts]\nQueueMax=1\n", files={"rules.d/r.yaml": rules, "alerting.yaml": {
                "route": {"receiver": "ops", "group_by": ["x"], "group_wait": "0s",
                          "group_interval": "100ms"},
                "receivers": [{"name": "ops", "webhook": {"url": hook.url}}]}}) as d:
        c = d.caller()
        for n, name in enumerate(("a", "b", "c"), 1):
            d.unit(f"{name}.service", "[Service]\nExecStart=/bin/sh -c 'exit 3'\n")
            wait_for(lambda: len(rows(c, "ListNotifications")) >= n, f"the notice of {name}")
        d.wait_log("older ones are merged into newer ones of their group")
        hook.status = 200
        wait_for(lambda: any(len(body["alerts"]) == 3 for _, body in hook.got), "all in one")
        wait_for(lambda: not [r for r in rows(c, "ListNotifications") if r["state"] == "waiting"],
                 "an empty queue")
        check("merged" in [r["state"] for r in rows(c, "ListNotifications")],
              rows(c, "ListNotifications"))


def test_refused_is_not_tried_again():
    with Hook(status=404) as hook, Monitord(
            bus=False, files=alerting(("webhook", {"url": hook.url}))) as d:
        c = d.caller()
        ask(c, "TestReceiver", "s", "ops")
        wait_for(lambda: rows(c, "ListNotifications")[0]["state"] == "given-up", "the end of it")
        check("404" in rows(c, "ListNotifications")[0]["error"], "the reason")
        d.wait_log("was not told of")
        equal(len(hook.got), 1, "attempts")


def test_silences_are_kept():
    with Monitord(bus=False) as d:
        c = d.caller()
        now = int(time.time() * 1e6)
        one = ask(c, "Silence", "s", 'unit="a.service"', comment="moving house")[0]
        two = ask(c, "Silence", "s", "team=~\"web|db\"", duration=600_000_000)[0]
        refused("InvalidArgument", ask, c, "Silence", "s", "a=~\".*\"", text="every alert")
        refused("InvalidArgument", ask, c, "Silence", "s", "a=~\"(\"", text="no pattern")
        refused("NotFound", ask, c, "Unsilence", "t", 99, text="there is no silence 99")
        d.restart(sig=signal.SIGKILL)
        c = d.caller()
        found = {s["id"]: s for s in rows(c, "ListSilences")}
        equal(sorted(found), [one, two], "silences")
        equal(found[one]["matchers"], '{unit="a.service"}')
        equal(found[one]["comment"], "moving house")
        equal(found[one]["who"], f"uid:{os.getuid()}")
        check(59 * 60_000_000 < found[one]["ends-at"] - now < 61 * 60_000_000, "an hour")
        ask(c, "Unsilence", "t", one)
        d.restart(sig=signal.SIGKILL)
        c = d.caller()
        equal([s["id"] for s in rows(c, "ListSilences")], [two])
        equal({s["id"]: s["state"] for s in rows(c, "ListSilences", all=True)},
              {one: "expired", two: "active"})


def test_command_line():
    with Hook() as hook, Monitord(
            bus=False, files=alerting(("webhook", {"url": hook.url}))) as d:
        def waggle(*args):
            return subprocess.run(
                [os.environ.get("WAGGLE", "waggle"), "alerts", *args], capture_output=True,
                text=True, check=False, env={**os.environ, "WAGGLE_MONITORING_ADDRESS": d.address})

        number = waggle("silence", "unit=a.service", "team=~web|db", "--for=2h", "-m", "why not")
        equal((number.stdout, number.returncode), ("1\n", 0), number.stderr)
        listed = waggle("silences").stdout
        check('{unit="a.service",team=~"web|db"}' in listed and "why not" in listed, listed)
        equal(json.loads(waggle("silences", "--json=short").stdout)[0]["id"], 1)
        equal(waggle("unsilence", "1").returncode, 0)
        check("0 silences" in waggle("silences").stdout, "none is left")
        check("no pattern" in waggle("silence", "a=~(").stderr, "a wrong pattern is told")
        equal(waggle("unsilence", "x").returncode, 2, "exit status of wrong usage")
        equal(waggle("try", "ops").returncode, 0)
        wait_for(lambda: "told" in waggle("notifications").stdout, "it to be told")
        equal(hook.got[0][1]["alerts"][0]["annotations"]["drill"], "this is a drill")
        check("webhook" in waggle("receivers").stdout, "the receiver is listed")
        check("no receiver" in waggle("try", "nobody").stderr, "an unknown one is told")


def test_bad_file_is_refused():
    """Every problem with file and line; what was in force stays."""
    with Hook() as hook, Monitord(
            bus=False, files=alerting(("webhook", {"url": hook.url}))) as d:
        c = d.caller()
        d.write("alerting.yaml", "route:\n  receivre: x\nreceivers:\n  - name: x\n    mail: {}\n")
        e = refused("Configuration", c.call, "Reload", text="did you mean receiver?")
        check("alerting.yaml:5: /receivers/0/mail: unknown key" in e.text, e.text)
        ask(c, "TestReceiver", "s", "ops")
        wait_for(lambda: hook.got, "the old receiver")


def test_real_alertmanager():
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        raise Skip("prometheus-alertmanager is not installed")
    with Monitord(bus=False) as d:
        config = d.write("am/am.yml", "route: {receiver: x}\nreceivers: [{name: x}]\n")
        port = free_port()
        am = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", program, "--config.file=" + config,
             "--storage.path=" + os.path.join(d.directory, "am"), "--cluster.listen-address=",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            d.write("alerting.yaml", alerting(
                ("alertmanager", {"url": f"http://127.0.0.1:{port}"}))["alerting.yaml"])
            c = d.caller()
            c.call("Reload")
            ask(c, "TestReceiver", "s", "ops")  # it may come up later: it is tried again
            wait_for(lambda: rows(c, "ListNotifications")[0]["state"] == "told", "it to be told")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/alerts") as answer:
                alerts = json.load(answer)
            equal([a["labels"]["alertname"] for a in alerts], ["WaggleReceiverTest"])
            equal(alerts[0]["annotations"]["drill"], "this is a drill")
        finally:
            am.terminate()
            am.wait()


if __name__ == "__main__":
    main(globals())
