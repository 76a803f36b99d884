"""Escalation, on real failures of units: what nobody acknowledges goes to the next receiver, once,
though the service is killed in between; what somebody acknowledged does not."""

import json
import signal

from harness import main, refused
from hook import Hook
from monitord import ALERTS, NAME, Monitord, equal, wait_for

NOTIFY = NAME + ".Notify"
RULES = {"groups": [{"name": "g", "rules": [
    {"alert": "Failed", "expr": 'waggle_unit_state{state="failed"} == 1'}]}]}
FAILS = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"


def world(first, second, after):
    return Monitord(files={"rules.d/r.yaml": RULES, "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s",
                  "group_interval": "200ms", "escalate": [{"after": after, "receiver": "boss"}]},
        "receivers": [{"name": "ops", "webhook": {"url": first.url}},
                      {"name": "boss", "webhook": {"url": second.url}}]}})


def heal(d, name):
    d.manager.write(name, "[Service]\nExecStart=/bin/sleep 1000\n")
    d.systemd("Reload")
    d.systemd("StartUnit", "(ss)", name, "replace")


def told(hook, status):
    return [a["labels"]["unit"] for _, body in hook.got for a in body["alerts"]
            if a["status"] == status]


def test_to_the_boss():
    with Hook() as ops, Hook() as boss, world(ops, boss, "5s") as d:
        c = d.caller()
        for name in ("seen.service", "unseen.service"):
            d.unit(name, FAILS)
            wait_for(lambda name=name: name in told(ops, "firing"), f"{name} to be told")
            if name == "seen.service":
                alerts = json.loads(c.with_options(ALERTS, "List")[0])
                found = [a["fingerprint"] for a in alerts if a["labels"].get("unit") == name]
                c.with_options(ALERTS, "Acknowledge", "s", found[0])
        equal(boss.got, [])
        d.stop(sig=signal.SIGKILL)
        d.start()
        wait_for(lambda: boss.got, "the escalation")
        body = boss.got[0][1]
        equal((body["escalation"], body["receiver"]), (1, "boss"))
        equal(told(boss, "firing"), ["unseen.service"])  # the other one's time came before
        d.wait_log("since nobody has acknowledged it")
        d.stop(sig=signal.SIGKILL)
        d.start()
        for name in ("seen.service", "unseen.service"):
            heal(d, name)
        wait_for(lambda: len(told(ops, "resolved")) == 2, "ops to hear of both ends")
        wait_for(lambda: told(boss, "resolved"), "the boss to hear of the end")
        c = d.caller()
        wait_for(lambda: not c.with_options(NOTIFY, "ListNotifications", waiting=True)[0],
                 "nothing to wait")
        equal(set(told(boss, "firing") + told(boss, "resolved")), {"unseen.service"})
        equal(len({body["dedupKey"] for _, body in boss.got}), 2, "what the boss was told")


def test_reload_says_what_is_wrong():
    with Hook() as ops, Hook() as boss, world(ops, boss, "1h") as d:
        c = d.caller()
        d.write("alerting.yaml", "route: {receiver: a, escalate: [{after: 1m, receiver: a}]}\n"
                "receivers: [{name: a}]\n")
        refused("Configuration", c.call, "Reload", text="/route/escalate/0/receiver")


if __name__ == "__main__":
    main(globals())
