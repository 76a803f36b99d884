"""From Send to a real pane of tmux and back: what the program in it got, and the receipts that come
of it. The back-end by itself is tests/unit/delivery/test-tmux.c."""

import os
import subprocess

from courier import COURIER, Rig
from harness import check, equal, main, wait_for


class Tmux:
    """A server of its own; the program of each pane writes the lines it gets into a file."""

    def __init__(self, rig):
        self.socket = rig.path("tmux")
        self.rig = rig

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.run("kill-server", check=False)

    def run(self, *args, check=True):
        return subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *args], check=check,
                              capture_output=True, text=True, timeout=60).stdout

    def session(self, name):
        self.run("new-session", "-d", "-s", name, "-x", "200", "-y", "20",
                 f"exec tee {self.rig.path(name)} >/dev/null")
        wait_for(lambda: os.path.exists(self.rig.path(name)), "the pane's program")

    def lines(self, name):
        with open(self.rig.path(name), encoding="utf-8") as f:
            return f.read().splitlines()

    def entry(self, pane, **keys):
        return {"use": "tmux", "socket": self.socket, "pane": pane, "submit-delay": "1ms", **keys}


def inbox(rig):
    return {"use": "inbox", "directory": rig.path("mail")}


def test_a_doorbell_is_a_line_for_all():
    with Rig(program=COURIER) as r, Tmux(r) as t:
        t.session("agent")
        r.agent("a", t.entry("agent"), digest={"window": "500ms"})
        sent = [r.client.send("a", b"text") for _ in range(3)]
        for number in sent:
            r.wait_receipt(number, "announced")
        wait_for(lambda: t.lines("agent"), "the line")
        equal(t.lines("agent"), ["3 messages waiting: run waggle receive a"])
        for number in sent:
            states = [state for state, _ in r.receipts(number)]
            check("leased" not in states and "acked" not in states, f"{states}")
            check("pasted into pane %0 (agent:0.0)" in r.causes(number, "announced")[0],
                  f"{r.receipts(number)}")


def test_copy_mode_and_a_body():
    with Rig(program=COURIER) as r, Tmux(r) as t:
        t.session("agent")
        t.run("copy-mode", "-t", "agent")
        r.agent("a", t.entry("agent", body=True))
        sent = r.client.send("a", "gr\u00fc\u00dfe \x1b[201~\x07; $(id) `id`\n".encode())
        r.wait_receipt(sent, "announced")
        wait_for(lambda: t.lines("agent"), "the line")
        equal(t.lines("agent"), ["gr\u00fc\u00dfe ; $(id) `id`"])


def test_two_agents_at_once():
    with Rig(program=COURIER) as r, Tmux(r) as t:
        for name in ("one", "two"):
            t.session(name)
            r.agent(name, t.entry(name, body=True))
        sent = [r.client.send(name, f"{name} {i}".encode())
                for i in range(5) for name in ("one", "two")]
        for number in sent:
            r.wait_receipt(number, "announced")
        for name in ("one", "two"):
            wait_for(lambda n=name: len(t.lines(n)) == 5, "five lines")
            equal(sorted(t.lines(name)), [f"{name} {i}" for i in range(5)])


def test_a_draft_holds_and_the_ladder_goes_on():
    with Rig(program=COURIER) as r, Tmux(r) as t:
        t.session("agent")
        t.run("send-keys", "-t", "agent", "half a thought")
        wait_for(lambda: "half a thought" in t.run("capture-pane", "-p", "-t", "agent"), "the draft")
        r.agent("a", t.entry("agent", prompt="^\\s*$", **{"hold-max": "300ms"}), inbox(r))
        sent = r.client.send("a", b"text")
        r.wait_receipt(sent, "announced")
        check("draft" in r.causes(sent, "attempt-held")[0], f"{r.receipts(sent)}")
        equal(t.lines("agent"), [])
        equal(len(os.listdir(os.path.join(r.path("mail"), "new"))), 1)


def test_no_pane_and_no_server():
    with Rig(program=COURIER) as r, Tmux(r) as t:
        r.agent("a", t.entry("agent"), inbox(r))
        first = r.client.send("a", b"text")
        r.wait_receipt(first, "announced")
        equal(len(r.causes(first, "attempt-failed")), 1)
        t.session("other")
        r.agent("b", t.entry("agent"), inbox(r))
        second = r.client.send("b", b"text")
        r.wait_receipt(second, "announced")
        check("no such pane" in r.causes(second, "attempt-failed")[0], f"{r.receipts(second)}")
        equal(t.lines("other"), [])


main(globals())
