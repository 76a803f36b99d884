"""waggle-monitord killed just before each of its durable calls (fault.c), while two units fail and
one of them is well again: every end was told to the agent, each under one key of its own, and
nothing was told that is not in the store. And while a receiver with a rate limit gets a summary and
another one what nobody acknowledged: each of them hears of every unit that fails.

WAGGLE_CRASH_FULL=1 takes every call; else so many are taken that a run stays short."""

import os
import signal
import sqlite3

from harness import Daemon, main
from monitord import NAME, Monitord, check, equal, wait_for

NOTIFY = NAME + ".Notify"
LIBRARY = os.environ["WAGGLE_FAULT_LIBRARY"]
FULL = os.environ.get("WAGGLE_CRASH_FULL") == "1"
SAMPLES = 100000 if FULL else int(os.environ.get("WAGGLE_CRASH_SAMPLES", "8"))
FILES = {
    "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s",
                  "group_interval": "200ms"},
        "receivers": [{"name": "ops", "message": {"agent": "oncall"}}]},
    "rules.d/units.yaml": {"groups": [{"name": "units", "rules": [
        {"alert": "UnitFailed", "expr": 'waggle_unit_state{state="failed"} == 1'}]}]}}
LIMITED = {**FILES, "alerting.yaml": {
    "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s", "group_interval": "200ms",
              "escalate": [{"after": "300ms", "receiver": "boss"}]},
    "receivers": [{"name": "ops", "message": {"agent": "oncall"},
                   "rate_limit": {"notifications": 1, "per": "2s"}},
                  {"name": "boss", "message": {"agent": "boss"}}]}}
UNITS = ("a.service", "b.service", "c.service")
WANTED = ["[FIRING] UnitFailed a.service", "[FIRING] UnitFailed b.service",
          "[RESOLVED] UnitFailed a.service"]


class World:
    def __init__(self, files=FILES):
        self.messaged = Daemon()
        self.agent = self.messaged.client()
        for agent in ("oncall", "boss"):
            self.agent.call("RegisterAgent", agent)
        self.d = Monitord(files=files, start=False,
                          environment={"WAGGLE_ADDRESS": self.messaged.address})
        self.count_file = os.path.join(self.d.directory, "count")
        self.mail = {}
        self.texts = {"oncall": [], "boss": []}

    def __enter__(self):
        for name in UNITS:
            self.d.unit(name)
        return self

    def __exit__(self, *why):
        try:
            self.d.__exit__(*why)
        finally:
            self.messaged.__exit__(*why)

    def start_faulty(self, n):
        """FALSE: it died before it was ready."""
        self.d.more.update({"LD_PRELOAD": LIBRARY, "WAGGLE_FAULT": f"kill:{n}",
                            "WAGGLE_FAULT_COUNT": self.count_file})
        self.d.start(wait=False)
        wait_for(lambda: self.is_over() or "READY=1" in self.heard(), "start or end")
        for name in ("LD_PRELOAD", "WAGGLE_FAULT", "WAGGLE_FAULT_COUNT"):
            self.d.more[name] = None
        return not self.is_over()

    def heard(self):
        try:
            return self.d.notify.recv(65536).decode()
        except OSError:
            return ""

    def is_over(self):
        return self.d.process.poll() is not None

    def count(self):
        with open(self.count_file, "rb") as f:
            return int.from_bytes(f.read(8), "little")

    def read(self, agent="oncall"):
        for _number, token, _sender, body, fields in self.agent.receive(agent, max=100):
            check(fields["id"] not in self.mail, "messaged stores a key once")
            self.mail[fields["id"]] = fields["subject"]
            self.texts[agent].append(bytes(body).decode())
            self.agent.call("Ack", token)
        return sorted(self.mail.values())

    def knows(self, agent, word, units):
        """It was told this of each of the units, alone or in a summary."""
        self.read(agent)
        return all(any(f"{word} UnitFailed {unit}" in text for text in self.texts[agent])
                   for unit in units)

    def wait_mail(self, wanted, or_over=False):
        wait_for(lambda: set(wanted) <= set(self.read()) or (or_over and self.is_over()),
                 f"{wanted} in {self.mail}")

    def story(self, or_over=False):
        """Each step waits for its mail, or for the death."""
        self.d.systemd("KillUnit", "(ssi)", "a.service", "all", signal.SIGKILL)
        self.wait_mail(WANTED[:1], or_over)
        self.d.systemd("KillUnit", "(ssi)", "b.service", "all", signal.SIGKILL)
        self.wait_mail(WANTED[:2], or_over)
        self.d.systemd("StartUnit", "(ss)", "a.service", "replace")
        self.wait_mail(WANTED, or_over)

    def stored(self):
        """Keys of all notifications in the store."""
        with sqlite3.connect(os.path.join(self.d.state, "monitord.db")) as db:
            return {row[0] for row in db.execute(
                "SELECT json_extract(record, '$.dedup') FROM notification")}


    def fired(self, unit):
        """Its firing is a transition in the store."""
        with sqlite3.connect(os.path.join(self.d.state, "monitord.db")) as db:
            return any(unit in row[0] and '"kind":"firing"' in row[0]
                       for row in db.execute("SELECT record FROM alert_transition"))


def span():
    """Durable calls up to the start, and up to the end of the story."""
    with World() as w:
        check(w.start_faulty(0), "the daemon does not start")
        ready = w.count()
        w.story()
        equal(w.read(), sorted(WANTED), "messages without a death")
        return ready, w.count()


def once(n):
    with World() as w:
        alive = w.start_faulty(n)
        if alive:
            w.story(or_over=True)
        if not w.is_over():  # the call has not come yet; it may while it leaves
            w.d.stop(check_status=False)
        else:
            w.d.process = None
        w.d.start()
        if not alive:
            w.story()
        c = w.d.caller()
        w.d.systemd("StartUnit", "(ss)", "a.service", "replace")
        w.wait_mail(WANTED[1:2])  # it still fails
        if w.fired("a.service"):  # the transition was stored: it is told, however late
            w.wait_mail(WANTED[:1])
        wait_for(lambda: not c.with_options(NOTIFY, "ListNotifications", waiting=True)[0],
                 "nothing to wait")
        told = w.read()
        for subject in set(told):
            equal(told.count(subject), 1, f"kill at {n}: {subject}")
        if WANTED[0] in told:  # whoever saw it fire hears of its end
            w.wait_mail([WANTED[2]])
        check(set(w.mail) <= w.stored(), f"kill at {n}: told without being stored: {w.mail}")


def test_killed_at_each_durable_call():
    ready, end = span()
    step = max(1, (end - ready) // SAMPLES)
    for n in range(ready + 1, end + 1, step):
        once(n)
    print(f"# {ready} calls to the start, {end} to the end, each {step}. taken", flush=True)


def fail_all(w):
    for name in UNITS:
        w.d.systemd("KillUnit", "(ssi)", name, "all", signal.SIGKILL)


def wait_all_known(w, or_over=False):
    for agent in ("oncall", "boss"):
        wait_for(lambda a=agent: w.knows(a, "FIRING", UNITS) or (or_over and w.is_over()),
                 f"{agent} to know all: {w.mail}")


def limited_once(n):
    with World(LIMITED) as w:
        alive = w.start_faulty(n)
        fail_all(w)
        if alive:
            wait_all_known(w, or_over=True)
        if not w.is_over():
            w.d.stop(check_status=False)
        else:
            w.d.process = None
        w.d.start()
        wait_all_known(w)  # by whichever of its lives
        w.d.systemd("StartUnit", "(ss)", "a.service", "replace")
        for agent in ("oncall", "boss"):
            wait_for(lambda a=agent: w.knows(a, "RESOLVED", UNITS[:1]), f"{agent} to hear of the end")
        c = w.d.caller()
        wait_for(lambda: not c.with_options(NOTIFY, "ListNotifications", waiting=True)[0],
                 "nothing to wait")


def test_killed_while_it_sums_up_and_escalates():
    with World(LIMITED) as w:
        check(w.start_faulty(0), "the daemon does not start")
        ready = w.count()
        fail_all(w)
        wait_all_known(w)
        check(any("[SUMMARY of 2 suppressed]" in subject for subject in w.mail.values()), w.mail)
        equal(sum("[ESCALATED]" in subject for subject in w.mail.values()), 3, w.mail)
        end = w.count()
    step = max(1, (end - ready) // max(1, SAMPLES // 2))
    for n in range(ready + 1, end + 1, step):
        limited_once(n)
    print(f"# {ready} calls to the start, {end} to the end, each {step}. taken", flush=True)


if __name__ == "__main__":
    main(globals())
