"""waggle metrics, why and top against a real waggle-monitord."""

import json
import os
import pty
import re
import select
import subprocess
import time

from client import Client
from harness import DIES_WITH_US, listens, main
from monitord import Monitord, check, equal, wait_for
from scrape import Tree

WAGGLE = os.environ.get("WAGGLE", "waggle")


class World(Monitord):
    def __init__(self):
        super().__init__(start=False, manager=False)
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.tree.group("system.slice/a.service", 2, memory_max="8200\n")
        self.configure("[Units]\nWatch=no\n[Metrics]\nIntervalSec=100ms\nFreshSec=0\nSuiteIntervalSec=200ms\n"
                       f"ControlGroups={self.tree.path}\n")
        self.start()
        wait_for(lambda: self.values('waggle_unit_memory_bytes{unit="a.service"}') == [8192],
                 "the first values")

    def env(self):
        return {**self.environment(), "WAGGLE_MONITORING_ADDRESS": self.address, "LC_ALL": "C.UTF-8",
                "COLUMNS": "80", "TERM": "xterm"}

    def run(self, *args):
        return subprocess.run([WAGGLE, *args], env=self.env(), capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)

    def json(self, *args):
        done = self.run("--json=short", *args)
        equal((done.returncode, done.stderr), (0, ""), str(args))
        return json.loads(done.stdout)

    def values(self, expr):
        return [row["value"] for row in self.json("metrics", "query", expr)]


def test_metrics():
    with World() as d:
        text = d.run("metrics", "query", "sum(waggle_unit_memory_bytes)").stdout
        check("8192" in text, text)
        equal(d.values('waggle_unit_memory_bytes{unit="none"}'), [])
        wrong = d.run("metrics", "query", "sum(")
        check(wrong.returncode == 1 or wrong.returncode == 2, str(wrong.returncode))
        check("column" in wrong.stderr, wrong.stderr)
        listed = {row["name"]: row for row in d.json("metrics", "list", "pressure")}
        check(listed and all("pressure" in name for name in listed), str(list(listed)))
        check("waggle_unit_tasks" in d.run("metrics", "list").stdout, "the list")


def test_graph():
    with World() as d:
        wait_for(lambda: (d.values("count_over_time(waggle_host_load1[1m])") or [0])[0] > 5, "some")
        graph = d.run("metrics", "graph", 'waggle_unit_memory_bytes{unit="a.service"}',
                      "--since=-10s").stdout
        check("█" in graph or "▁" in graph, graph)
        check("8192" in graph and all(len(line) <= 80 for line in graph.splitlines()), graph)
        series = d.json("metrics", "graph", 'waggle_unit_memory_bytes', "--since=-10s", "--step=100ms")
        check({v for _, v in series[0]["values"]} == {8192}, str(series))


def test_why():
    with World() as d:
        wait_for(lambda: any(f["severity"] == "critical" for f in d.json("why", "a")["findings"]),
                 "the limit is seen")
        text = d.run("why", "a").stdout
        check("MemoryMax=" in text and text.startswith("a.service\n"), text)
        told = d.json("why", "a")  # what is not read is said: why, and what to do
        check(("journal" in told) != ("journal_unread" in told), told)
        check(("The journal was not read: " in text) == ("journal_unread" in told), text)
        check("journal" in told or "systemd-journal" in told["journal_unread"], told)
        missing = d.run("why", "none")
        check(missing.returncode != 0 and "none.service" in missing.stderr, missing.stderr)


def test_top_in_a_pipe():
    with World() as d:
        text = d.run("top").stdout
        check("load" in text and "UNIT" in text and "\x1b" not in text, text)
        top = d.json("top")
        check(top["host"]["memory_total"] > 0, str(top))


def test_top_tells_queues_and_rates():
    """Whose mail waits, the longest queue first, and how fast it moves."""
    with World() as d:
        path, state = os.path.join(d.directory, "m"), os.path.join(d.directory, "messaged")
        os.mkdir(state)
        env = {k: v for k, v in d.environment().items() if k != "NOTIFY_SOCKET"}
        messaged = subprocess.Popen(DIES_WITH_US + [os.environ["WAGGLE_MESSAGED"], "--user", "--state-dir=" + state,
                                                    "--listen=" + path], env=env)
        try:
            wait_for(lambda: listens(path), "messaged")
            client = Client("unix:path=" + path)
            for agent, mails in (("alice", 1), ("bob", 2)):
                client.call("RegisterAgent", agent)
                for _ in range(mails):
                    client.send(agent, b"x")
            wait_for(lambda: "agents    bob 2  alice 1" in d.run("top").stdout, "the queues")

            def moves():
                client.send("bob", b"x")
                return re.search(r"^rates  .* sent [0-9.]+/s", d.run("top").stdout, re.MULTILINE)

            wait_for(moves, "a rate")
            client.close()
        finally:
            messaged.kill()
            messaged.wait()


def test_top_on_a_screen():
    """80x24 on a real terminal: it draws, stays within the screen, and q gives the terminal back."""
    with World() as d:
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(WAGGLE, [WAGGLE, "top"], {**d.env(), "LINES": "24"})
        seen = b""
        deadline = time.monotonic() + 60
        while b"q leaves" not in seen and time.monotonic() < deadline:
            if select.select([fd], [], [], 0.2)[0]:
                seen += os.read(fd, 65536)
        check(b"UNIT" in seen and b"load" in seen, repr(seen[-300:]))
        os.write(fd, b"q")
        try:
            while os.read(fd, 65536):
                pass
        except OSError:
            pass
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "its status")


def test_top_where_there_is_no_screen():
    """A terminal that is not known, or that cannot move its cursor, gets the lines, once."""
    with World() as d:
        for name in ("dumb", "no-such-terminal"):
            pid, fd = pty.fork()
            if pid == 0:
                os.execve(WAGGLE, [WAGGLE, "top"], {**d.env(), "TERM": name})
            seen = b""
            try:
                while part := os.read(fd, 65536):
                    seen += part
            except OSError:  # it has left
                pass
            equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, repr(seen))
            check(b"UNIT" in seen and b"load" in seen and b"q leaves" not in seen, repr(seen))


if __name__ == "__main__":
    main(globals())
