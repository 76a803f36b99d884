#!/usr/bin/python3
"""waggle-prober and waggle-probe-exec: looks for another process, each answered once whatever
becomes of it; commands in a unit of their own behind a socket, which this test plays."""

import hashlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import threading

import verify

PROBER, EXEC = sys.argv[1], sys.argv[3]


class Prober:
    """One prober, talked to in lines."""

    def __init__(self, *args):
        ours, theirs = socket.socketpair()
        ours.settimeout(60)
        self.process = subprocess.Popen([PROBER, "--user", *args], stdin=theirs, env=verify.ENVIRONMENT)
        theirs.close()
        self.socket, self.lines = ours, ours.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.shutdown(socket.SHUT_RDWR)
        assert self.process.wait(timeout=60) == 0, self.process.returncode

    def send(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def answers(self, count):
        return {answer["id"]: answer for answer in (json.loads(self.lines.readline()) for _ in range(count))}


class Units:
    """The socket of waggle-probe-exec, and an instance for each connection, as systemd does it."""

    def __init__(self):
        self.path = str(verify.DIRECTORY / "probe-exec")
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.processes = []
        self.more = threading.Condition()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            process = subprocess.Popen([EXEC], stdin=connection, env=verify.ENVIRONMENT)
            connection.close()
            with self.more:
                self.processes.append(process)
                self.more.notify_all()

    def wait_for(self, count):
        with self.more:
            assert self.more.wait_for(lambda: len(self.processes) >= count, 30)
        return self.processes[count - 1]


def edited_release():
    """Drift of what serves, told by a probe: which file it is."""
    content = verify.write("probed/bin", "shop")
    os.chmod(content, 0o644)
    os.chmod(content.parent, 0o755)
    tree = verify.write("probed.tree", "waggle-tree 1\nd 0755 - - .\nf 0644 - - 4 "
                        + hashlib.sha256(b"shop").hexdigest() + " bin\n")
    link = tree.parent / "serves"
    link.symlink_to("probed")
    with Prober() as prober:
        prober.send(id=1, check={"release": str(link)}, timeout=60_000_000)
        assert prober.answers(1)[1]["verdict"] == "pass"
        content.write_text("shoq")
        prober.send(id=2, check={"release": str(link)}, timeout=60_000_000)
        got = prober.answers(1)[2]
    assert got["verdict"] == "fail" and "bin: its content is another one" in str(got), got


def verdicts():
    path = verify.write("there", "x")
    with Prober() as prober:
        prober.send(id=1, check={"file": str(path)}, timeout=60_000_000)
        prober.send(id=2, check={"file": str(path) + "-not"}, timeout=60_000_000)
        prober.send(id=3, check={"file": str(path), "expect": {"size": 1}, "warn": {"size": 2}}, timeout=60_000_000)
        prober.send(id=4, check={"command": "sleep 60"}, timeout=200_000)
        got = prober.answers(4)
    assert [got[i]["verdict"] for i in (1, 2, 3, 4)] == ["pass", "fail", "warn", "error"], got
    assert got[1]["values"]["exists"] is True and got[1]["values"]["size"] == 1, got
    assert "exists: expected true" in got[2]["text"], got
    assert "in time" in got[4]["text"] and got[4]["duration"] >= 200_000, got


def a_check_that_is_none():
    with Prober() as prober:
        prober.send(id=1, check={"htpp": "http://localhost/"})
        prober.send(id=2, check={"file": "not/absolute"})
        prober.send(id=3)
        prober.send(id=4, check={"file": "/", "requires": "other"})
        got = prober.answers(4)
    assert all(got[i]["refused"] and got[i]["verdict"] == "error" for i in got), got
    assert "did you mean http?" in got[1]["text"], got
    assert "belongs to the checks of a verify file" in got[4]["text"], got


def cancelled_is_not_answered():
    with Prober() as prober:
        prober.send(id=1, check={"command": "sleep 60"}, timeout=60_000_000)
        prober.send(cancel=1)
        prober.send(id=2, check={"value": "x", "expect": {"value": "x"}}, timeout=60_000_000)
        assert list(prober.answers(1)) == [2]


def what_never_answers_holds_nobody_up():
    with socket.create_server(("127.0.0.1", 0)) as silent, Prober() as prober:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for number in range(20):
            prober.send(id=number, check={"http": url}, timeout=400_000)
        prober.send(id=99, check={"value": "x", "expect": {"value": "x"}}, timeout=60_000_000)
        first = json.loads(prober.lines.readline())
        assert first["id"] == 99 and first["verdict"] == "pass", first
        got = prober.answers(20)
    assert {answer["verdict"] for answer in got.values()} == {"fail"}, got


def many_bytes_are_left_out():
    with Prober() as prober:
        prober.send(id=1, check={"command": "head -c 300000 /dev/zero", "expect": {"exit-status": 0}}, timeout=60_000_000)
        answer = prober.answers(1)[1]
    assert answer["verdict"] == "pass" and "stdout" not in answer["values"], answer


def nonsense_ends_it():
    with Prober() as prober:
        prober.socket.sendall(b"{}\n")
        assert prober.lines.readline() == b""


def commands_run_behind_the_socket():
    units = Units()
    with Prober("--exec-socket=" + units.path) as prober:
        prober.send(id=1, check={"plugin": "plugin", "argv": ["sh", "-c", "echo fine '|' t=5s; exit 1"]}, timeout=60_000_000)
        prober.send(id=2, check={"command": "c", "argv": ["sh", "-c", "echo $X; cat"], "env": ["X=1"], "stdin": "in",
                                 "expect": {"stdout": "1\nin"}}, timeout=60_000_000)
        prober.send(id=3, check={"command": "sleep 60"}, timeout=600_000)
        prober.send(id=4, check={"command": "true", "user": "nobody"}, timeout=60_000_000)
        prober.send(id=5, check={"command": "/no/such/program"}, timeout=60_000_000)
        got = prober.answers(5)
        assert [got[i]["verdict"] for i in (1, 2, 3, 4, 5)] == ["warn", "pass", "error", "error", "error"], got
        assert "user" in got[4]["text"] and "waggle-probe-exec@.service" in got[4]["text"], got
        assert "/no/such/program" in got[5]["text"], got
        count = len(units.processes)
        # one that is killed with its unit is an error, not a success and not a wait
        prober.send(id=6, check={"command": "sleep 60"}, timeout=60_000_000)
        unit = units.wait_for(count + 1)
        unit.send_signal(signal.SIGKILL)
        assert "ended without an answer" in prober.answers(1)[6]["text"]
    for process in units.processes:
        process.wait(timeout=60)


def whoever_leaves_ends_the_command():
    units = Units()
    mark = verify.DIRECTORY / "pid"
    ours = socket.socket(socket.AF_UNIX)
    ours.connect(units.path)
    request = {"argv": ["sh", "-c", f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60"], "env": [], "timeout": 60_000_000}
    ours.sendall(json.dumps(request).encode() + b"\n")
    process = units.wait_for(1)
    while not mark.exists() and process.poll() is None:
        pass
    pid = os.pidfd_open(int(mark.read_text()))
    ours.close()
    assert process.wait(timeout=60) == 0
    assert select.select([pid], [], [], 30)[0], "the command outlives its client"


if __name__ == "__main__":
    verify.main([verdicts, edited_release, a_check_that_is_none, cancelled_is_not_answered,
                 what_never_answers_holds_nobody_up, many_bytes_are_left_out, nonsense_ends_it, commands_run_behind_the_socket,
                 whoever_leaves_ends_the_command])
