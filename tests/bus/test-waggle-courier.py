"""The command line's verbs about the courier, with messaged and the real courier beside it."""

import json
import os

from courier import COURIER, Rig
from harness import check, equal, main
from waggle import Cli

OK, FAILURE, USAGE, UNREACHABLE = 0, 1, 2, 6


class Suite(Rig):
    """messaged and waggle-courier, which is on a bus, and a command line that finds both."""

    def __init__(self):
        super().__init__(program=COURIER, bus=True)
        self.cli = Cli(self.messaged, DBUS_SESSION_BUS_ADDRESS=self.courier.bus.address)

    def inbox(self, name, **rules):
        return {"backends": [{"use": "inbox", "directory": self.path(name)}], **rules}

    def file(self, name, policy):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(policy if isinstance(policy, str) else json.dumps(policy))
        return self.path(name)


def test_a_policy_from_a_file_reaches_the_agent():
    with Suite() as s:
        s.cli.run("agent", "register", "a", "--policy-file", s.file("p", s.inbox("mail")))
        equal(s.cli.errors, "")
        number = int(s.cli.run("send", "a", "hello"))
        s.wait_receipt(number, "announced")
        name = os.listdir(os.path.join(s.path("mail"), "new"))[0]
        with open(os.path.join(s.path("mail"), "new", name), encoding="utf-8") as f:
            equal(json.load(f)["text"], "hello")
        check("announced: inbox" in [row["what"] for row in s.cli.json("trace", str(number))],
              s.cli.run("trace", str(number)))


def test_a_wrong_policy_is_refused_with_all_its_problems():
    with Suite() as s:
        path = s.file("p", {"backends": [{"use": "tmx"}, {"use": "inbox"}], "quite": []})
        out = s.cli.run("courier", "check", path, status=FAILURE)
        for part in ("/backends/0/use", "tmux", "/backends/1", "directory", "/quite", "quiet"):
            check(part in out, f"{part} is not in {out}")
        rows = s.cli.json("courier", "check", path, status=FAILURE)
        check("/backends/0/use" in [row["where"] for row in rows], rows)
        s.cli.run("agent", "register", "a", "--policy-file", path, status=USAGE)
        check("/quite" in s.cli.errors, s.cli.errors)
        s.cli.run("agent", "show", "a", status=3)
        equal(s.cli.run("--no-legend", "courier", "check", s.file("q", s.inbox("mail"))), "")


def test_policy_from_stdin_and_two_at_once():
    with Suite() as s:
        text = json.dumps(s.inbox("mail"))
        s.cli.run("agent", "register", "a", "--policy-file=-", stdin=text.encode())
        equal(json.loads(s.cli.json("agent", "show", "a")["policy"]), s.inbox("mail"))
        s.cli.run("agent", "update", "a", "--policy-file=-", "--policy={}", stdin=b"", status=USAGE)
        s.cli.run("agent", "update", "a", "--policy-file", s.path("none"), status=USAGE)
        check("none" in s.cli.errors, s.cli.errors)


def test_how_an_agent_is_reached_is_shown():
    with Suite() as s:
        policy = s.inbox("mail")
        policy["backends"].insert(0, {"use": "tmux", "socket": s.path("tmux"), "pane": "x"})
        s.cli.run("agent", "register", "a", "--policy-file", s.file("p", policy))
        s.wait_receipt(int(s.cli.run("send", "a", "hello")), "announced")
        for verb in (("agent", "show"), ("courier", "show")):
            out = s.cli.run(*verb, "a")
            check("tmux: backing-off" in out and "inbox: ready" in out, out)
            check("Next: " in out, out)
        state = s.cli.json("courier", "show", "a")
        equal([b["use"] for b in state["backends"]], ["tmux", "inbox"])
        row = s.cli.run("--no-legend", "courier", "list").split()
        equal((row[0], row[-2:]), ("a", ["tmux,", "inbox"]))
        equal(s.cli.json("courier", "list")[0]["agent"], "a")


def test_the_list_tells_what_waits_now():
    with Suite() as s:
        s.cli.run("agent", "register", "a", "--policy", json.dumps(s.inbox("mail")))
        for _ in range(2):
            s.wait_receipt(int(s.cli.run("send", "a", "hello")), "announced")
        waiting = lambda: [row["waiting"] for row in s.cli.json("courier", "list")]
        equal(waiting(), [2])
        s.cli.run("receive", "a", "--ack")
        equal(waiting(), [1])
        check("Next: 'inbox' (1 of 1)" in s.cli.run("courier", "show", "a"), "one waits")
        s.cli.run("receive", "a", "--ack")
        equal(waiting(), [0])
        check("Next: nothing, no mail waits; if some came: 'inbox' (1 of 1)" in
              s.cli.run("courier", "show", "a"), "none waits")


def test_without_a_courier():
    with Suite() as s:
        gone = Cli(s.messaged, DBUS_SESSION_BUS_ADDRESS="unix:path=" + s.path("gone"),
                   XDG_RUNTIME_DIR=s.path("gone"))
        gone.run("courier", "list", status=UNREACHABLE)
        check("waggle-courier cannot be reached" in gone.errors, gone.errors)
        # the policy is taken, and the user is told that nobody checked it
        gone.run("agent", "register", "a", "--policy", json.dumps(s.inbox("mail")))
        check("not checked" in gone.errors, gone.errors)
        check("Policy" in gone.run("agent", "show", "a"))


main(globals())
