"""Receivers with a rate limit, on real failures of units: so many are told, the rest is one summary
that names every alert, whatever is killed meanwhile."""

import signal
import time

from harness import main
from hook import Hook
from monitord import NAME, Monitord, check, equal, wait_for

NOTIFY = NAME + ".Notify"
PER = 4
RULES = {"groups": [{"name": "g", "rules": [
    {"alert": "Failed", "expr": 'waggle_unit_state{state="failed"} == 1'}]}]}
FAILS = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"


def world(**ways):
    return Monitord(files={"rules.d/r.yaml": RULES, "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s",
                  "group_interval": "100ms"},
        "receivers": [{"name": "ops", "rate_limit": {"notifications": 2, "per": f"{PER}s"},
                       **ways}]}})


def rows(caller, **options):
    return caller.with_options(NOTIFY, "ListNotifications", **options)[0]


def receiver(caller):
    return caller.with_options(NOTIFY, "ListReceivers")[0][0]


def units(body):
    return sorted(a["labels"]["unit"] for a in body["alerts"])


def test_summary():
    with Hook() as hook, world(webhook={"url": hook.url}) as d:
        c = d.caller()
        begin = time.monotonic()
        for name in "ab":
            d.unit(f"{name}.service", FAILS)
        wait_for(lambda: len(hook.got) == 2, "two to be told")
        for name in "cde":
            d.unit(f"{name}.service", FAILS)
        wait_for(lambda: sorted(r["state"] for r in rows(c)) == 2 * ["told"] + 3 * ["waiting"],
                 "two to be told and three to wait")
        d.wait_log("as often as its rate_limit allows")
        check(receiver(c)["rate-limited"], "the receiver shows it")
        d.stop(sig=signal.SIGKILL)
        d.start()  # remembers what was told, and what was not
        wait_for(lambda: len(hook.got) == 3, "the summary")
        check(time.monotonic() - begin >= PER, "not before the limit lets it through")
        body = hook.got[2][1]
        equal((body["suppressed"], units(body)), (3, ["c.service", "d.service", "e.service"]))
        equal(body["groupKey"], "suppressed:ops/webhook/0")
        c = d.caller()
        wait_for(lambda: not rows(c, waiting=True), "nothing to wait")
        equal(sorted(r["state"] for r in rows(c)), ["merged", "merged", "told", "told", "told"])
        check("rate-limited" not in receiver(c), "it is over")
        check("suppressed" not in hook.got[1][1], "what was let through is no summary")
        equal(len({body["dedupKey"] for _, body in hook.got}), 3, "dedup keys")
        d.manager.write("c.service", "[Service]\nExecStart=/bin/sleep 1000\n")
        d.systemd("Reload")
        d.systemd("StartUnit", "(ss)", "c.service", "replace")  # it is well again: whoever heard of it in a summary hears of its end
        wait_for(lambda: any(a["status"] == "resolved" and a["labels"]["unit"] == "c.service"
                             for _, b in hook.got[3:] for a in b["alerts"]), "the end of c")


def test_journal():
    """One line instead of many, that says how many and which."""
    with world(journal={}) as d:
        c = d.caller()
        for name in "abcd":
            d.unit(f"{name}.service", FAILS)
        d.wait_log("notifications were suppressed by the rate_limit of this receiver")
        wait_for(lambda: not rows(c, waiting=True), "nothing to wait")
        told = [r for r in rows(c) if r["state"] == "told"]
        check(len(told) <= 4, told)


if __name__ == "__main__":
    main(globals())
