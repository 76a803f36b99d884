"""Policies and places that somebody made to hurt: the courier refuses them in words, goes on with
everybody else's mail, and answers all the time."""

import json
import os
import shutil
import subprocess
import time

from courier import COURIER, PROBE, Rig
from harness import Skip, main
from storm import DELIVERY, Ear, check, equal, wait_for

CONFIG = DELIVERY
# A look at a screen with the worst regular expression; else the loop turns in milliseconds.
STALL_USEC = 5000000


def policy(*entries, **rules):
    return json.dumps({"backends": list(entries), **rules})


class Place(Rig):
    def __init__(self, program=COURIER, **given):
        super().__init__(config=CONFIG, program=program, **given)
        self.ears = [Ear(self.courier), Ear(self.messaged)]

    def ping(self):
        """Returns how long the answer took, us."""
        begin = time.monotonic()
        equal(self.courier.ask("Ping"), ())
        return (time.monotonic() - begin) * 1e6

    def memory(self):
        with open(f"/proc/{self.courier.process.pid}/status", encoding="utf-8") as f:
            return int(next(x for x in f if x.startswith("VmRSS")).split()[1]) * 1024


REFUSED = {
    "longer than 64 KiB": json.dumps({"backends": [{"use": "inbox", "directory": "~/x",
                                                    "x-pad": "p" * 65536}]}),
    "1000 back-ends": policy(*[{"use": "inbox", "directory": f"~/{i}"} for i in range(1000)]),
    "deep": "[" * 30000,
    "deep, closed": '{"backends":' + "[" * 5000 + "]" * 5000 + "}",
    "deep in what is ignored": '{"backends": [{"use": "inbox", "directory": "~/x", "x-a": '
                               + "[" * 1000 + "]" * 1000 + "}]}",
    "a NUL": '{"backends": [{"use": "inbox", "directory": "~/a\\u0000b"}]}',
    "half a character": '{"backends": [{"use": "inbox", "directory": "~/\\ud800"}]}',
    "the root": policy({"use": "inbox", "directory": "/"}),
    "the root again": policy({"use": "inbox", "directory": "/./"}),
    "home itself": policy({"use": "inbox", "directory": "~/"}),
    "upwards": policy({"use": "inbox", "directory": "../.."}),
    "upwards from home": policy({"use": "inbox", "directory": "~/a/../../.ssh"}),
    "somebody's home": policy({"use": "inbox", "directory": "~nobody/x"}),
    "no command": policy({"use": "exec", "command": []}),
    "a command below here": policy({"use": "exec", "command": ["./a"]}),
    "a variable that is none": policy({"use": "exec", "command": ["true"],
                                       "environment": {"A=B": "x"}}),
    "a regular expression that is none": policy({"use": "tmux", "pane": "%1", "prompt": "(("}),
    "a huge number": '{"backends": [{"use": "inbox", "directory": "~/x", "max-messages": 1e400}]}',
    "numbers without end": '{"backends": [' + "1," * 20000 + "1]}",
    "nothing": "",
    "no object": "[]",
}


def test_hostile_policies_are_refused_in_words():
    with Place() as r:
        for name, text in REFUSED.items():
            begin = time.monotonic()
            problems = r.courier.ask("CheckPolicy", "(s)", text)[0]
            check(problems and all(p[1] for p in problems), f"{name}: {problems}")
            check(time.monotonic() - begin < 20, f"{name} took {time.monotonic() - begin:.1f} s")
            check(sum(len(p[1]) for p in problems) < 65536, f"{name}: too many words")
        for name, text in REFUSED.items():
            if len(text) < 60000 and text:
                r.client.call("RegisterAgent", "hostile", policy=text)
                sent = r.client.send("hostile", b"x")
                r.wait_receipt(sent, "attempt-held")
                check("policy" in r.causes(sent, "attempt-held")[0], name)
        mail = {"use": "inbox", "directory": r.path("mail")}
        largest = json.dumps({"backends": [{**mail, "x-pad": "p" * 65000}]})
        equal(r.courier.ask("CheckPolicy", "(s)", largest)[0], [])
        r.client.call("RegisterAgent", "good", policy=largest)
        r.wait_receipt(r.client.send("good", b"x"), "announced")


def test_places_that_are_something_else():
    with Place() as r:
        os.mkfifo(r.path("fifo"))
        os.symlink(r.directory, r.path("link"))
        os.mkdir(r.path("open"))
        os.chmod(r.path("open"), 0o777)
        for part in ("tmp", "cur"):
            os.makedirs(r.path("half/" + part), mode=0o700)
        os.mkfifo(r.path("half/new"))
        wrong = {
            "fifo": {"use": "inbox", "directory": r.path("fifo")},
            "link": {"use": "inbox", "directory": r.path("link/mail")},
            "open": {"use": "inbox", "directory": r.path("open/mail")},
            "half": {"use": "inbox", "directory": r.path("half")},
            "device": {"use": "inbox", "directory": "/dev/null/mail"},
            "folder": {"use": "exec", "command": [r.directory]},
            "pipe": {"use": "exec", "command": [r.path("fifo")]},
            "missing": {"use": "exec", "command": [r.path("missing")]},
            "nowhere": {"use": "exec", "command": ["true"], "directory": r.path("fifo")},
            "tmux": {"use": "tmux", "pane": "%1", "socket": r.path("fifo")},
        }
        sent = {}
        for name, entry in wrong.items():
            r.client.call("RegisterAgent", name, policy=policy(entry))
            sent[name] = r.client.send(name, b"x")
        for name, number in sent.items():
            wait_for(lambda n=number: {"attempt-failed", "attempt-held", "nacked"}
                     & set(r.client.states(n)), f"word of {name}")
            states = r.client.states(number)
            check(not {"announced", "acked", "dead"} & set(states), f"{name}: {states}")
            explained = r.courier.explain(name)["backends"][0]
            check(explained["last-cause"], f"{name}: {explained}")
        good = {"use": "inbox", "directory": r.path("mail")}
        r.client.call("RegisterAgent", "good", policy=policy(good))
        r.wait_receipt(r.client.send("good", b"x"), "announced")
        equal(os.listdir(r.path("open")), [])


def test_a_regular_expression_that_explodes():
    if shutil.which("tmux") is None:
        raise Skip("there is no tmux here")
    with Place() as r:
        socket = r.path("tmux")
        tmux = ["tmux", "-f", "/dev/null", "-S", socket]
        line = "a" * 60 + "!"
        subprocess.run(tmux + ["new-session", "-d", "-x", "120", "-y", "40", "-s", "s",
                               f"printf '{line}\\n%.0s' $(seq 38); printf '{line}'; exec cat"],
                       check=True)
        try:
            slowest = 0
            for i, regex in enumerate(("(a+)+$", "(a|aa)+$", "^(a?){60}a{60}$", "(a+)+\\1$")):
                for option in ("prompt", "expect"):
                    name = f"{option}-{i}"
                    r.client.call("RegisterAgent", name, policy=policy(
                        {"use": "tmux", "pane": "s", "socket": socket, option: regex}))
                    sent = r.client.send(name, b"x")
                    held = []
                    while not held:
                        slowest = max(slowest, r.ping())
                        held = r.causes(sent, "attempt-held") + r.causes(sent, "attempt-failed")
            print(f"# slowest answer {slowest / 1000:.0f} ms")
            check(slowest < STALL_USEC, f"the courier stood still for {slowest / 1e6:.2f} s")
        finally:
            subprocess.run(tmux + ["kill-server"], check=False)


def test_a_policy_that_changes_a_thousand_times():
    with Place(PROBE) as r:
        policies = [policy({"use": "inbox", "directory": r.path(f"mail-{i}")}) for i in range(3)]
        policies += [policy(r.entry("bell")), "{"]
        r.client.call("RegisterAgent", "a", policy=policies[0])
        sent, before = [], 0
        for i in range(1000):
            r.client.call("UpdateAgent", "a", policy=policies[i % len(policies)])
            if i % 4 == 0:
                sent.append(r.client.send("a", b"x"))
            if i == 200:
                before = r.memory()
            if i % 100 == 0:
                r.ping()
        r.client.call("UpdateAgent", "a", policy=policies[0])
        last = r.client.send("a", b"x")
        r.wait_receipt(last, "announced")
        grown = r.memory() - before
        print(f"# grown by {grown >> 10} KiB in 800 changes")
        check(grown < 16 << 20, f"the courier grew by {grown >> 20} MiB")
        for number in sent:  # a policy that was refused holds its mail for half a minute
            states = r.client.states(number)
            check({"announced", "attempt-held"} & set(states), f"{number}: {states}")
            check(states.count("announced") <= 1, f"{number}: {states}")


def test_an_agent_removed_while_its_job_runs():
    with Place(PROBE) as r:
        gate = r.path("gate")
        for use in ("bell", "take"):
            r.agent(use, r.entry(use, "file:" + gate, name=use))
            sent = r.client.send(use, b"x")
            r.wait_runs(use)
            r.client.call("UnregisterAgent", use, force=True)
            equal(r.client.states(sent)[-1], "dead")
        open(gate, "w", encoding="utf-8").close()
        wait_for(lambda: r.courier.property("NInFlight") == 0, "the jobs to end")
        for use in ("bell", "take"):
            r.agent(use, r.entry(use, name=use + "-again"))
            sent = r.client.send(use, b"y")
            r.wait_runs(use + "-again")
            equal(r.lines(use + "-again")[0]["messages"], [sent])
        r.ping()


main(globals())
