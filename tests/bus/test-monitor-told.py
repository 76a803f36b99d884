"""From a unit that fails to the mailbox of an agent: a rule, a transition in the store, a
notification, the real messaged. Quick, in order, once each, whatever is killed meanwhile."""

import signal
import time

from harness import Daemon, main
from monitord import NAME, Monitord, check, equal, wait_for

NOTIFY = NAME + ".Notify"
RULES = {"groups": [{"name": "units", "rules": [
    {"alert": "UnitFailed", "expr": 'waggle_unit_state{state="failed"} == 1',
     "labels": {"severity": "critical"},
     "annotations": {"summary": "{{ $labels.unit }} has failed"}}]}]}


def alerting(wait="0s", interval="1s", **more):
    return {"route": {"receiver": "ops", "group_by": ["..."], "group_wait": wait,
                      "group_interval": interval, **more},
            "receivers": [{"name": "ops", "message": {"agent": "oncall"}}]}


class Rig:
    """messaged with the agent, monitord with a manager, and who reads the mail."""

    def __init__(self, **given):
        self.messaged = Daemon()
        self.agent = self.messaged.client()
        self.agent.call("RegisterAgent", "oncall")
        self.monitord = Monitord(
            files={"alerting.yaml": alerting(**given), "rules.d/units.yaml": RULES},
            environment={"WAGGLE_ADDRESS": self.messaged.address})
        self.mail = []  # (id, subject)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        try:
            self.monitord.__exit__(*why)
        finally:
            self.messaged.__exit__(*why)

    def read(self):
        """What has come since, acknowledged."""
        for _number, token, _sender, body, fields in self.agent.receive("oncall", max=100):
            self.mail.append((fields["id"], fields["subject"]))
            self.agent.call("Ack", token)
        return [subject for _id, subject in self.mail]

    def wait_mail(self, *subjects):
        wait_for(lambda: set(subjects) <= set(self.read()), f"{subjects} in {self.mail}")


def failing(name):
    return f"[FIRING] UnitFailed {name} (critical)"


def test_failed_and_well_again():
    with Rig() as rig:
        d = rig.monitord
        d.unit("a.service")
        d.systemd("KillUnit", "(ssi)", "a.service", "all", signal.SIGSEGV)
        rig.wait_mail(failing("a.service"))
        d.systemd("StartUnit", "(ss)", "a.service", "replace")
        rig.wait_mail("[RESOLVED] UnitFailed a.service")
        equal(len(rig.mail), 2, f"messages {rig.mail}")


def test_quick():
    """One after the other; the time from the signal to the mail, as a reader of the mailbox sees
    it. The bound is for a busy machine: the booted system measures against 50 ms."""
    with Rig() as rig:
        took = []
        for i in range(30):
            rig.monitord.unit(f"u{i}.service")
        for i in range(30):
            begin = time.monotonic()
            rig.monitord.systemd("KillUnit", "(ssi)", f"u{i}.service", "all", signal.SIGKILL)
            rig.wait_mail(failing(f"u{i}.service"))
            took.append((time.monotonic() - begin) * 1000)
        took.sort()
        print(f"# p50 {took[15]:.1f} ms, worst {took[-1]:.1f} ms", flush=True)
        check(took[15] < 2000, f"p50 is {took[15]:.1f} ms")
        equal(len(rig.mail), 30, "messages")


def test_killed_at_any_moment():
    """SIGKILL in a storm of failures: in the end each was told, once, and nothing else."""
    with Rig() as rig:
        d = rig.monitord
        names = [f"u{i}.service" for i in range(24)]
        for name in names:
            d.unit(name)
        for i, name in enumerate(names):
            d.systemd("KillUnit", "(ssi)", name, "all", signal.SIGKILL)
            if i % 4 == 3:  # at a moment that is another one each time
                time.sleep(i * 0.0007)
                d.restart(sig=signal.SIGKILL)
        rig.wait_mail(*map(failing, names))
        c = d.caller()
        wait_for(lambda: not c.with_options(NOTIFY, "ListNotifications", waiting=True)[0],
                 "nothing to wait")
        equal(sorted(rig.read()), sorted(map(failing, names)), "messages")
        equal(len({key for key, _subject in rig.mail}), len(names), "dedup keys")
        d.restart(sig=signal.SIGKILL)
        for name in names:
            d.systemd("StartUnit", "(ss)", name, "replace")
        rig.wait_mail(*(f"[RESOLVED] UnitFailed {name}" for name in names))
        equal(len(rig.mail), 2 * len(names), "messages")


def test_silenced_meanwhile():
    """Whoever saw it fire hears of its end; who did not, hears nothing."""
    with Rig() as rig:
        d = rig.monitord
        for name in ("seen.service", "unseen.service"):
            d.unit(name)
        c = d.caller()
        d.systemd("KillUnit", "(ssi)", "seen.service", "all", signal.SIGKILL)
        rig.wait_mail(failing("seen.service"))
        c.with_options(NOTIFY, "Silence", "s", "alertname=UnitFailed")
        d.systemd("KillUnit", "(ssi)", "unseen.service", "all", signal.SIGKILL)
        d.restart(sig=signal.SIGKILL)
        for name in ("seen.service", "unseen.service"):
            d.systemd("StartUnit", "(ss)", name, "replace")
        rig.wait_mail("[RESOLVED] UnitFailed seen.service")
        equal(len(rig.mail), 2, f"messages {rig.mail}")


if __name__ == "__main__":
    main(globals())
