"""The HTTP socket of waggle-monitord: what it tells, of units whose groups are files, and to whom."""

import os
import socket
import subprocess

from harness import main
from monitord import Monitord, check, equal, wait_for
from scrape import Connection, Tree, fetch, parse, scrape, value

FAST = "[Metrics]\nIntervalSec=200ms\nFreshSec=0\n"


class World(Monitord):
    """No manager: units are found by their groups."""

    def __init__(self, metrics="", more="", **given):
        super().__init__(start=False, manager=False, **given)
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.socket = os.path.join(self.directory, "metrics")
        self.configure(f"[Units]\nWatch=no\n{FAST}ControlGroups={self.tree.path}\n{metrics}\n"
                       f"[Http]\nListen={self.socket}\n{more}\n")

    def scrape(self, **headers):
        return scrape(self.socket, **headers)

    def until(self, name, want, /, **labels):
        wait_for(lambda: value(self.scrape(), name, **labels) == want, f"{name} {want}")


def test_units():
    with World() as d:
        d.tree.group("system.slice", 10)
        d.tree.group("system.slice/shop.service", 2)
        d.tree.group("system.slice/shop.service/inner.service", 7)
        d.tree.group("user.slice/user-1000.slice/session-1.scope", 3)
        d.start()
        d.until("waggle_unit_cpu_seconds_total", 6, unit="shop.service", type="service")
        s = d.scrape()
        equal(value(s, "waggle_unit_memory_bytes", unit="shop.service"), 8192)
        equal(value(s, "waggle_unit_memory_bytes", unit="system.slice"), 40960)
        equal(value(s, "waggle_unit_tasks", unit="session-1.scope"), 3)
        equal(value(s, "waggle_unit_io_written_bytes_total", unit="shop.service"), 2048)
        equal(value(s, "waggle_unit_pressure_io_stalled_seconds_total", unit="shop.service"), 0.001)
        equal(value(s, "waggle_unit_memory_max_bytes", unit="shop.service"), None, "no limit")
        equal(value(s, "waggle_unit_tasks", unit="inner.service"), None, "a service's own group")
        check(value(s, "waggle_host_load1") is not None, "the machine's load")
        check(value(s, "waggle_monitor_files_read_total") > 50, "files were counted")


def test_absent_is_absent():
    with World() as d:
        d.tree.write("system.slice/a.service/pids.current", "4\n")
        d.start()
        d.until("waggle_unit_tasks", 4, unit="a.service")
        s = d.scrape()
        equal([n for n in s if n.startswith("waggle_unit_") and n != "waggle_unit_tasks"], [])
        d.tree.remove("system.slice/a.service")
        d.until("waggle_unit_tasks", None, unit="a.service")


def test_counters_survive():
    """A unit that is started anew counts from 0; its counter does not, nor after a restart of ours."""
    with World() as d:
        d.tree.group("system.slice/a.service", 5)
        d.start()
        cpu = "waggle_unit_cpu_seconds_total"
        d.until(cpu, 15, unit="a.service")
        d.tree.remove("system.slice/a.service")
        d.until(cpu, None, unit="a.service")
        d.tree.group("system.slice/a.service", 1)
        d.until(cpu, 18, unit="a.service")
        d.restart()
        d.until(cpu, 18, unit="a.service")
        d.tree.group("system.slice/a.service", 4)
        d.until(cpu, 27, unit="a.service")
        d.stop()
        d.tree.remove("system.slice/a.service")
        d.tree.group("system.slice/a.service", 1)
        d.start()
        d.until(cpu, 30, unit="a.service")


def test_formats():
    with World(more="Created=yes") as d:
        d.tree.group("system.slice/a.service", 1)
        d.start()
        d.until("waggle_unit_tasks", 3, unit="a.service")
        status, headers, text = fetch(d.socket)
        equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        check("# EOF" not in text and "_created" not in text, "the older format")
        status, headers, text = fetch(d.socket, Accept="application/openmetrics-text;version=1.0.0")
        equal(headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        check(text.endswith("\n# EOF\n"), "its end")
        check("waggle_unit_cpu_seconds_created{" in text, "when counters began")
        status, headers, zipped = fetch(d.socket, Accept_Encoding="gzip")
        equal(headers["Content-Encoding"], "gzip")
        equal(set(parse(zipped)) - set(parse(text)), set())
        status, headers, body = fetch(d.socket, method="HEAD")
        equal((status, body), (200, ""))


def test_compat():
    with World(more="Compat=yes") as d:
        d.tree.group("system.slice/a.service", 1)
        d.start()
        d.until("node_systemd_unit_tasks_current", 3, name="a.service")
        equal(value(d.scrape(), "systemd_unit_cpu_seconds_total", name="a.service", mode="user"), 2)


def test_reads_only():
    with World() as d:
        d.start()
        equal(fetch(d.socket, "/")[0], 200)
        for path in ("/metrics/x", "/..%2f..%2fetc/passwd", "/metricsx", "/%00"):
            check(fetch(d.socket, path)[0] in (400, 404), path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
            status, headers, _ = fetch(d.socket, method=method)
            equal((status, headers["Allow"]), (405, "GET, HEAD"), method)
        d.until("waggle_monitor_http_requests_total", 5, code="405")


def test_hostile():
    """Nonsense, silence, a client that goes before its answer, too many: others are served."""
    with World() as d:
        d.start()
        held = []
        for data in (b"", b"\0" * 4096, b"GET /metrics HTTP/1.1\r\n", b"GET " + b"/" * 70000,
                     b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 50):
            c = socket.socket(socket.AF_UNIX)
            c.connect(d.socket)
            try:
                c.sendall(data)
            except BrokenPipeError:
                pass
            held.append(c)
        for _ in range(20):
            c = Connection(d.socket)
            c.request("GET", "/metrics")
            c.close()
        equal(fetch(d.socket)[0], 200)
        for c in held:
            c.close()
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(100)]
        for c in crowd:
            c.connect(d.socket)
        wait_for(lambda: any(gone(c) for c in crowd), "the bound of connections")
        for c in crowd:
            c.close()
        wait_for(lambda: answers(d.socket), "an answer after the crowd went")


def gone(c):
    c.setblocking(False)
    try:
        return c.recv(1) == b""
    except BlockingIOError:
        return False


def answers(address):
    try:
        return fetch(address)[0] == 200
    except (OSError, ConnectionError):
        return False


def test_listen_is_reloaded():
    with World() as d:
        d.start()
        other = d.socket + "2"
        with open(os.path.join(d.config_dir, "monitord.conf"), encoding="utf-8") as f:
            text = f.read()
        d.configure(text.replace(f"Listen={d.socket}", f"Listen={other}"))
        d.caller().call("Reload")
        equal(fetch(other)[0], 200)
        check(not answers(d.socket), "the old one is closed")
        d.configure(text.replace(f"Listen={d.socket}", "Listen=nowhere"))
        try:
            d.caller().call("Reload")
            raise AssertionError("a wrong address was taken")
        except Exception as e:  # noqa: BLE001
            check("ADDRESS:PORT" in str(e), str(e))
        equal(fetch(other)[0], 200)


def test_start_is_refused():
    """An address that cannot be: the daemon says so and does not run without it."""
    with World() as d:
        with open(os.path.join(d.config_dir, "monitord.conf"), encoding="utf-8") as f:
            text = f.read()
        d.configure(text.replace(f"Listen={d.socket}", "Listen=127.0.0.1:x"))
        d.start(wait=False)
        equal(d.process.wait(60), 78, "EX_CONFIG")
        d.process = None
        d.wait_log("ADDRESS:PORT")


def test_passed_socket():
    """As systemd passes it: FileDescriptorName=metrics, TCP."""
    with World() as d:
        tcp = socket.create_server(("127.0.0.1", 0))
        script = 'exec 3<&"$A" 4<&"$B"; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=private:metrics ' \
                 'exec "$@"'
        env = {**d.environment(), "A": str(d.listener.fileno()), "B": str(tcp.fileno())}
        with open(d.log_path, "a", encoding="utf-8") as log:
            d.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "bash", "-c", script, "sh", d.program, "--user",
                 "--state-dir=" + d.state], env=env, stdout=log, stderr=log,
                pass_fds=[d.listener.fileno(), tcp.fileno()])
        d.wait_notify("READY=1")
        address = "127.0.0.1:%u" % tcp.getsockname()[1]
        equal(fetch(address)[0], 200)
        d.stop()
        tcp.settimeout(1)  # it is still open: systemd holds it


def test_names_in_host():
    """A page whose name leads here is refused; over the Unix socket any name is taken."""
    with World(more="") as d:
        d.configure(f"[Units]\nWatch=no\n[Http]\nListen={d.socket} 127.0.0.1:0\n")
        d.start()
        with open(f"/proc/{d.process.pid}/net/tcp", encoding="ascii") as f:
            listening = {line.split()[9]: int(line.split()[1].split(":")[1], 16) for line in f
                         if " 0A " in line}
        fds = f"/proc/{d.process.pid}/fd"
        inodes = [os.readlink(os.path.join(fds, fd))[8:-1] for fd in os.listdir(fds)]
        port = next(listening[i] for i in inodes if i in listening)

        def status(address, host):
            connection = Connection(address)
            connection.putrequest("GET", "/", skip_host=True)
            connection.putheader("Host", host)
            connection.endheaders()
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text
        tcp = f"127.0.0.1:{port}"
        for host in (tcp, f"localhost:{port}", "[::1]", socket.gethostname(), "LOCALHOST."):
            equal(status(tcp, host)[0], 200, host)
        for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.e.x"):
            code, text = status(tcp, host)
            equal(code, 421, host)
            check("Hosts=" in text, text)
        equal(status(d.socket, "evil.example")[0], 200)
        d.configure(f"[Units]\nWatch=no\n[Http]\nListen={d.socket} 127.0.0.1:0\n"
                    "Hosts=a.example evil.example\n")
        d.caller().call("Reload")
        equal(status(tcp, "evil.example")[0], 200)


def test_reader_that_never_reads():
    """Who asks and does not read keeps his own answer, and nobody else's."""
    with World() as d:
        for i in range(150):
            d.tree.group(f"system.slice/u{i:03}.service", i + 1)
        d.start()
        wait_for(lambda: len(fetch(d.socket)[2]) > 250000, "more values than a socket takes")
        stuck = []
        for _ in range(5):
            one = Connection(d.socket)
            one.request("GET", "/metrics")
            stuck.append(one)
        check(len(fetch(d.socket)[2]) > 250000, "who comes after them is answered")
        d.caller().call("Ping")
        for one in stuck:
            check(len(one.getresponse().read()) > 250000, "and they may read it later")
            one.close()


if __name__ == "__main__":
    main(globals())
