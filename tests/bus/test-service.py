"""The life of the daemon: activation, restart, reload, idle exit, a second one, a read-only store."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time

from client import AGENT, Client, Error
from harness import DAEMON, DIES_WITH_US, LIMIT, Bus, Daemon, Skip, check, equal, main, refused, wait_for

LONG = 60000000
ACCEPTS = 0x10000  # __SO_ACCEPTCON of /proc/net/unix


@contextlib.contextmanager
def mounted(daemon, options):
    """A file system of its own under the daemon's state directory."""
    if os.getuid() != 0:
        raise Skip("needs root to mount a file system")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", daemon.state], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        try:
            daemon.stop(check_status=False)
        finally:
            subprocess.run(["umount", daemon.state], check=False)


def listens(path):
    """A socket has its name before it listens; who connects in between is refused."""
    with open("/proc/net/unix", encoding="utf-8") as f:
        rows = [line.split() for line in f]
    return any(row[-1] == path and int(row[3], 16) & ACCEPTS for row in rows)


def test_socket_activate_starts_it():
    with Daemon(start=False) as d:
        path = os.path.join(d.directory, "activated")
        env = d.environment()
        del env["NOTIFY_SOCKET"]
        args = DIES_WITH_US + ["systemd-socket-activate", "--listen=" + path, "--fdname=private"]
        args += [f"--setenv={k}={env[k]}" for k in ("WAGGLE_CONFIG_PATH", "WAGGLE_IDLE_EXIT")]
        activator = subprocess.Popen(
            args + [DAEMON, "--user", "--no-bus", "--state-dir=" + d.state], env=env,
            stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: listens(path), "the socket")
            client = Client("unix:path=" + path)
            client.call("RegisterAgent", "a")
            equal(client.call("GetAgent", "a")[0]["name"], "a")
            client.close()
            activator.terminate()
            equal(activator.wait(LIMIT), 0, "exit status")
        finally:  # only what a failure left: its status must not take the failure's place
            activator.kill()
            activator.wait()


def test_mail_survives_a_kill():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        sent = [c.send("a", str(i).encode()) for i in range(20)]
        d.restart(sig=signal.SIGKILL)
        got = d.client().receive("a", max=99)
        equal([m[0] for m in got], sent)
        equal([bytes(m[3]) for m in got], [str(i).encode() for i in range(20)])


def test_numbers_are_never_reused():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        last = c.send("a", b"x")
        c.call("Ack", c.receive("a")[0][1])
        d.restart()
        check(d.client().send("a", b"y") > last, "a new number")


def test_second_daemon_on_the_same_state_is_refused():
    with Daemon() as d:
        env = d.environment()
        done = subprocess.run(
            [DAEMON, "--user", "--no-bus", "--state-dir=" + d.state,
             "--listen=" + os.path.join(d.directory, "other")],
            env=env, capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode != 0, "it fails")
        check(str(d.process.pid) in done.stderr, f"the holder is named: {done.stderr}")
        d.client().call("Ping")


def test_reload():
    with Daemon(config="[Messages]\nMaxBody=64K\n") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        refused("BodyTooLarge", c.call, "Send", "a", b"x" * 65537)
        d.configure("[Messages]\nMaxBody=128K\n")
        c.call("Reload")
        c.send("a", b"x" * 65537)
        for bad, hint in (("[Messages]\nMaxBodi=1M\n", "MaxBody"), ("[Massages]\n", "Messages"),
                          ("[Messages]\nMaxBody=much\n", "MaxBody"),
                          ("[Delivery]\nLeaseSec=2h\nMaxLeaseSec=1h\n", "MaxLeaseSec")):
            d.configure(bad)
            refused("Configuration", c.call, "Reload", text=hint)
            c.send("a", b"x" * 65537)
        d.configure("")
        d.process.send_signal(signal.SIGHUP)
        d.wait_notify("RELOADING=1")
        d.wait_notify("READY=1")
        c.send("a", b"x" * 200000)


def test_bad_configuration_at_the_start():
    with Daemon(config="[Messages]\nMaxBodi=1M\n", start=False) as d:
        d.start(wait=False)
        equal(d.process.wait(60), 78, "exit status (EX_CONFIG)")
        d.process = None
        d.wait_log("MaxBody")


def test_waiting_calls_are_answered_when_it_leaves():
    with Daemon() as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        number = c.send("a", b"x", delay=3600000000)
        waiting = [c.later("Receive", "a", wait=LONG), c.later("Wait", number, "acked", timeout=LONG)]
        c.call("Ping")
        d.stop()
        equal(waiting[0].result(), ([], False))
        equal(waiting[1].result(), (False, "scheduled"))


class Restarter(threading.Thread):
    """systemd's part while the daemon comes and goes: start it when a client knocks."""

    def __init__(self, daemon):
        super().__init__()
        self.daemon_under_test, self.starts, self.stopping = daemon, 0, False
        self.status = None
        self.start()

    def run(self):
        d = self.daemon_under_test
        while not self.stopping:
            # A notify socket that nobody reads would fill up and stop the daemon.
            if select.select([d.notify], [], [], 0)[0]:
                d.notify.recv(65536)
            if d.process.poll() is None:
                time.sleep(0.002)
            elif select.select([d.listener], [], [], 0.05)[0]:
                d.start(wait=False)
                self.starts += 1
        # What this thread has started ends with it.
        d.process.terminate()
        self.status = d.process.wait()
        d.process = None


def test_idle_exit_loses_no_call():
    with Daemon(idle="20ms") as d:
        first = d.client()
        first.call("RegisterAgent", "a")
        first.close()
        restarter = Restarter(d)
        try:
            sent = []
            deadline = time.monotonic() + 4
            pause = 0
            while time.monotonic() < deadline:
                # Around the limit: now just before, now just after, now in the middle of it.
                pause = (pause + 7) % 60
                time.sleep(pause / 1000)
                client = Client(d.address)
                sent.append(client.send("a", b"x"))
                client.close()
            check(restarter.starts >= 3, f"it left and came back {restarter.starts} times")
            client = Client(d.address)
            got = []
            while True:
                messages = client.receive("a", max=256)
                if not messages:
                    break
                got += [m[0] for m in messages]
            equal(sorted(got), sorted(sent), "messages")
            client.close()
        finally:
            restarter.stopping = True
            restarter.join()
        equal(restarter.status, 0, "exit status")


def test_a_deadline_keeps_it_awake():
    with Daemon(idle="50ms") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        number = c.send("a", b"x", ttl=1000000)
        c.close()
        d.wait_notify("STOPPING=1")
        equal(d.process.wait(60), 0, "exit status")
        d.idle = None
        d.start()
        check("expired" in d.client().states(number), "the time to live ran out while it was awake")


def test_volatile_mail_keeps_it_awake():
    with Daemon(idle="20ms") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        number = c.send("a", b"x", volatile=True)
        c.close()
        time.sleep(0.4)  # many times the limit; nothing tells that it stays
        c = d.client()
        got = c.receive("a")
        equal([m[0] for m in got], [number])
        c.call("Ack", got[0][1])  # its lease would have lasted for minutes
        c.close()
        d.wait_notify("STOPPING=1")
        equal(d.process.wait(60), 0, "exit status")
        d.process = None


def test_read_only_state_directory():
    with Daemon(start=False) as d, mounted(d, "ro"):
        d.start(wait=False)
        check(d.process.wait(60) != 0, "it fails")
        d.process = None
        d.wait_log("ead-only")


def test_full_disk_refuses_new_mail_and_delivers():
    config = "[Store]\nReserve=1M\nLowWater=2M\n"
    with Daemon(start=False, config=config) as d, mounted(d, "size=16M"):
        d.start()
        c = d.client()
        c.call("RegisterAgent", "a")
        number = c.send("a", b"before")
        room = os.statvfs(d.state)
        with open(os.path.join(d.state, "fill"), "wb") as f:
            f.write(bytes(room.f_bavail * room.f_bsize - 1048576))
        wait_for(lambda: full(c), "StoreFull")
        got = c.receive("a", wait=LONG)
        equal(got[0][0], number)
        c.call("Ack", got[0][1])
        check(c.get("StoreState") in ("nearly-full", "full"), c.get("StoreState"))
        os.unlink(os.path.join(d.state, "fill"))
        wait_for(lambda: not full(c), "room again")
        wait_for(lambda: c.get("StoreState") == "ok", "the store to be well")
        c.close()


def full(c):
    try:
        c.send("a", b"new")
        return False
    except Error as error:
        equal(error.name, "org.waggle.Error.StoreFull")
        equal(len(error.arguments), 2, "arguments: text and retry-after")
        return True


def test_status_and_degraded():
    with Daemon(bus=True) as d:
        c = d.client(over_bus=True)
        equal((c.get("Degraded"), c.get("StoreState"), c.get("Scope")), ([], "ok", "user"))
        d.bus.stop()
        d.wait_notify("bus")
        private = d.client()
        wait_for(lambda: private.get("Degraded"), "the lost bus among the degraded")
        check("bus" in private.get("Degraded")[0], "it is named")


def test_bus_comes_back():
    with Daemon(bus=True) as d:
        d.client().call("RegisterAgent", "a")
        d.bus.stop()
        private = d.client()
        wait_for(lambda: private.get("Degraded"), "the lost bus among the degraded")
        d.bus = Bus(d.directory)
        wait_for(lambda: not private.get("Degraded"), "the bus to be back")
        c = d.client(over_bus=True)
        equal(c.get("Name", c.call("GetAgent", "a")[0]["path"], AGENT), "a")
        c.call("RegisterAgent", "b")
        wait_for(lambda: c.of("InterfacesAdded"), "signals on the new bus")


def test_who_may_send_to_whom():
    def rules(d, text):
        with open(os.path.join(d.config_dir, "edges.conf"), "w", encoding="utf-8") as f:
            f.write(text)

    with Daemon() as d:
        c = d.client()
        for name in "a", "b":
            c.call("RegisterAgent", name)
        c.send("b", b"1", from_="a")
        equal(c.call("GetStatistics")[0]["edges"], 0)
        rules(d, "allow a -> b\n")
        c.call("Reload")
        c.send("b", b"2", from_="a")
        refused("NotAuthorized", c.send, "a", b"3", from_="b", text="edges.conf")
        refused("NotAuthorized", c.send, "b", b"4", text="no rule")
        equal(c.call("GetStatistics")[0]["edges"], 1)
        rules(d, "allow a to b\n")
        refused("Configuration", c.call, "Reload", text="edges.conf:1")
        refused("NotAuthorized", c.send, "a", b"5", from_="b")  # the old ones are in force
        checked = subprocess.run([DAEMON, "--user", "--config-check"], env=d.environment(),
                                 stderr=subprocess.PIPE, text=True, check=False)
        check(checked.returncode != 0 and "edges.conf:1" in checked.stderr, checked.stderr)
        rules(d, "")
        c.call("Reload")
        c.send("a", b"6", from_="b")


def test_a_line_of_answers_ends():
    with Daemon(config="[Messages]\nMaxHops=2\n") as d:
        c = d.client()
        c.call("RegisterAgent", "a")
        first = c.send("a", b"1")
        last = c.send("a", b"3", in_reply_to=c.send("a", b"2", in_reply_to=first))
        refused("LimitsExceeded", c.send, "a", b"4", in_reply_to=last, text=f"message {first}")
        equal([m[4].get("hops", 0) for m in c.receive("a", max=9)], [0, 1, 2])
        equal(c.call("GetMessage", last)[0]["chain"], first)


main(globals())
