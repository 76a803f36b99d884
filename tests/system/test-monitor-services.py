#!/usr/bin/python3
"""Monitoring and what it needs around it in a booted systemd: commands of probes in units of their own, a
watchdog for a service that has none, signs of life, and mail by a real sendmail (msmtp)."""

import email
import email.policy
import email.utils
import json
import re

from harness import tap
from harness.host import INSIDE

MONITOR = "waggle-monitord.service"
NAME = "org.waggle.Monitoring1"
COMMANDS = "waggle-probe-exec@*.service"
PLUGINS = "/usr/lib/nagios/plugins"
MAIL = "/srv/mail"
CGROUP = "import pathlib; print(pathlib.Path('/proc/self/cgroup').read_text())"
# what a command may not, each with what tells that it could
TRIES = "\n".join([
    "import os, pathlib, socket",
    "def tries(what, how):",
    "    try: how(); print('could', what)",
    "    except OSError as e: pass",
    "tries('write to the system', lambda: pathlib.Path('/usr/probe').write_text('x'))",
    "tries('write to the state', lambda: pathlib.Path('/var/lib/waggle/monitord/probe').write_text('x'))",
    "tries('read the state', lambda: os.listdir('/var/lib/waggle/monitord'))",
    "tries('connect to its own door', lambda: socket.socket(socket.AF_UNIX).connect('/run/waggle/probe-exec'))",
    "print('tried as', os.getuid() != 0 and open('/proc/self/status').read().split('NoNewPrivs:')[1].split()[0])",
])  # fmt: skip
SLEEPS = ["/bin/sh", "-c", "sleep 997 & exec sleep 998"]
SERVICES = {"services": [
    {"name": "plugins", "probes": [
        {"plugin": "fine", "argv": [PLUGINS + "/check_dummy", "0", "as it should be | fill=42%;80;90"], "name": "fine"},
        {"plugin": "odd", "argv": [PLUGINS + "/check_dummy", "1", "not quite"], "name": "odd"},
        {"plugin": "bad", "argv": [PLUGINS + "/check_dummy", "2", "far from it"], "name": "bad"},
        {"plugin": "process-1", "argv": [PLUGINS + "/check_procs", "-c", "1:", "-C", "systemd"], "name": "process-1"},
        {"plugin": "absent", "argv": [PLUGINS + "/check_nothing"], "name": "absent"}]},
    {"name": "commands", "probes": [
        {"command": "who", "argv": ["/usr/bin/id", "-un"], "name": "who", "expect": {"stdout": "_waggle-probe\n"}},
        {"command": "where", "argv": ["/usr/bin/python3", "-c", CGROUP], "name": "where",
         "expect": {"stdout": {"contains": "waggle-probe-exec@"}}},
        {"command": "may", "argv": ["/usr/bin/python3", "-c", TRIES], "name": "may", "expect": {"stdout": "tried as 1\n"}}]},
    {"name": "endless", "probes": [{"command": "sleeps", "argv": SLEEPS, "name": "sleeps", "timeout": "2s", "interval": "1h"}]},
    {"name": "echoes", "probes": [{"icmp": "127.0.0.1", "name": "loop", "count": 1, "interval": "1h"},
                                  {"icmp": "::1", "name": "six", "count": 1, "interval": "1h"}]},
    {"name": "backup", "probes": [{"push": "night", "every": "5s"}]},
]}  # fmt: skip
# serves one at a time, so one request that does not end is the end of it
SERVER = """
import http.server, time
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        while self.path == "/hang":
            time.sleep(1)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", 8081), Page).serve_forever()
"""
HANGS = """[Service]
Type=notify
NotifyAccess=all
WatchdogSec=3s
Restart=always
RestartSec=100ms
ExecStart=/usr/libexec/waggle/waggle-watchdog --interval=200ms --timeout=1s \
    '--check=http: http://127.0.0.1:8081/' -- /usr/bin/python3 /srv/server.py
"""
RULES = {"groups": [{"name": "mail", "rules": [{
    "alert": "ShopFailed", "expr": 'waggle_unit_state{unit="shop.service",state="failed"} == 1',
    "labels": {"severity": "critical", "place": "Köln"},
    "annotations": {"summary": "{{ $labels.unit }} in {{ $labels.place }} has failed: " + "word " * 300}}]}]}  # fmt: skip
ALERTING = {
    "route": {"receiver": "nobody", "routes": [
        {"matchers": ["alertname=ShopFailed"], "receiver": "people", "group_by": ["..."], "group_wait": "0s",
         "group_interval": "1s"}]},
    "receivers": [{"name": "nobody"}, {"name": "people", "email": {
        "to": ["ops@example.org", "night@example.org"], "from": "Waggle in Köln <waggle@example.org>"}}],
}  # fmt: skip
MSMTP = "defaults\nauth off\ntls off\nsyslog off\naccount default\nhost 127.0.0.1\nport 2525\nfrom root@example.org\nset_from_header off\n"


def _write(m, path, text):
    m.run("mkdir", "-p", path.rsplit("/", 1)[0])
    m.run("tee", path, stdin=text if isinstance(text, str) else json.dumps(text))


def _service(m, name):
    return json.loads(m.out("waggle", "--json=short", "service", "show", name))


def _probe(m, service, name):
    return next(p for p in _service(m, service)["probes"] if p["name"] == name)


def _wait_probe(m, service, name, state):
    """Until the probe is in this state; returns what is said of it."""

    def there():
        probe = _probe(m, service, name)
        return probe if probe["state"] == state else None

    try:
        return m.wait(f"{service}/{name} {state}", there, 40)
    except AssertionError as error:
        raise AssertionError(f"{error}: {_probe(m, service, name)}") from error


def _metric(m, wanted):
    return re.search(wanted, m.out("/usr/bin/python3", INSIDE + "/scrape.py", "/run/waggle/metrics"))


def test_prepare(m):
    """services, rules and receivers are there, and the service watches"""
    _write(m, "/etc/waggle/services.d/test.yaml", SERVICES)
    _write(m, "/etc/waggle/rules.d/test.yaml", RULES)
    _write(m, "/etc/waggle/alerting.yaml", ALERTING)
    _write(m, "/etc/msmtprc", MSMTP)
    _write(m, "/srv/server.py", SERVER)
    _write(m, "/etc/systemd/system/hangs.service", HANGS)
    _write(m, "/etc/systemd/system/shop.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "start", "waggle.target", "shop.service")
    assert m.show("waggle-probe-exec.socket", "ActiveState") == "active"
    known = {s["name"] for s in json.loads(m.out("waggle", "--json=short", "service", "list", "--all"))}
    assert {s["name"] for s in SERVICES["services"]} <= known, known


def test_plugins(m):
    """plugins of Debian's monitoring-plugins are run, and their states and figures are understood"""
    fine = _wait_probe(m, "plugins", "fine", "up")
    assert "as it should be" in json.dumps(fine), fine
    assert "not quite" in json.dumps(_wait_probe(m, "plugins", "odd", "up"))
    assert "far from it" in json.dumps(_wait_probe(m, "plugins", "bad", "down"))
    _wait_probe(m, "plugins", "process-1", "up")
    _wait_probe(m, "plugins", "absent", "down")
    assert m.run("waggle", "service", "probe", "plugins", "fine").returncode == 0
    assert m.run("waggle", "service", "probe", "plugins", "bad", check=False).returncode == 1


def test_commands(m):
    """a command runs as a user of its own, in a unit of its own, and reaches neither the system nor our state"""
    for name in ("who", "where", "may"):
        _wait_probe(m, "commands", name, "up")


def test_time_limit(m):
    """a command that does not end is ended at its time limit with all that it started, and its unit is gone"""
    _wait_probe(m, "endless", "sleeps", "down")
    m.wait("its processes to be gone", lambda: m.run("pgrep", "-f", "sleep 99[78]", check=False).returncode == 1)
    m.wait("its unit to be gone", lambda: "sleep" not in m.out("systemctl", "status", COMMANDS, check=False))
    listed = m.out("systemctl", "list-units", "--all", "--no-legend", "--state=failed", COMMANDS)
    assert not listed, listed
    assert m.show(MONITOR, "NRestarts") == "0"


def test_without_the_socket(m):
    """where units for commands cannot be had none is run as somebody else, and the probe says why"""
    m.run("systemctl", "mask", "--runtime", "--now", "waggle-probe-exec.socket")
    m.run("rm", "-f", "/run/waggle/probe-exec")
    m.run("systemctl", "restart", MONITOR)
    done = m.run("waggle", "service", "probe", "commands", "who", check=False)
    assert done.returncode == 1 and "no unit can be had" in done.stdout + done.stderr, done
    m.run("systemctl", "unmask", "--runtime", "waggle-probe-exec.socket")
    m.run("systemctl", "restart", MONITOR)  # brings it along
    assert m.run("waggle", "service", "probe", "commands", "where").returncode == 0


def test_echoes(m):
    """from its sandbox the service pings without any privilege, and says what to set where the kernel lets nobody"""
    setting = "/proc/sys/net/ipv4/ping_group_range"
    m.run("tee", setting, stdin="1 0")
    done = m.run("waggle", "service", "probe", "echoes", "loop", check=False)
    assert done.returncode == 1 and "net.ipv4.ping_group_range=" in done.stdout + done.stderr, done
    m.run("tee", setting, stdin="0 2147483647")
    for name in ("loop", "six"):
        assert m.run("waggle", "service", "probe", "echoes", name).returncode == 0


def test_sign_of_life(m):
    """who says nothing for too long is down, who says so is up, and who says that it went wrong is down"""
    m.run("waggle", "service", "push", "backup", "night", "--text=3 files")
    assert "3 files" in json.dumps(_wait_probe(m, "backup", "night", "up"))
    _wait_probe(m, "backup", "night", "down")  # by silence
    m.run("waggle", "service", "push", "backup", "night")
    m.run("waggle", "service", "push", "backup", "night", "--fail", "--text=the disk is full")
    assert "the disk is full" in json.dumps(_wait_probe(m, "backup", "night", "down"))


def test_watchdog(m):
    """a service that knows no watchdog and hangs is ended by its manager and started again"""
    m.run("systemctl", "start", "hangs.service")  # returns when the first look was good
    pid = m.show("hangs.service", "MainPID")
    assert m.out("cat", f"/proc/{pid}/comm") == "python3"
    hang = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8081/hang')"
    m.run("systemd-run", "--quiet", "--collect", "/usr/bin/python3", "-c", hang)
    m.wait("another process", lambda: m.show("hangs.service", "MainPID") not in (pid, "0"), 40)
    m.wait_state("hangs.service", "active", 40)
    m.wait("the event", lambda: _metric(m, r'waggle_event_total\{event="watchdog",unit="hangs.service"\} 1'))
    assert "watchdog" in m.out("journalctl", "-q", "-u", "hangs.service").lower()
    m.run("systemctl", "stop", "hangs.service")
    assert not m.out("pgrep", "-x", "waggle-watchdog", check=False)


def _mails(m):
    text = m.run("cat", MAIL, check=False).stdout
    return [json.loads(line) for line in text.splitlines()]


def _receiver(m):
    rows = m.call("ListReceivers", "(@a{sv} {},)", interface=NAME + ".Notify")[0]
    return next(r for r in rows if "email" in json.dumps(r))


def test_mail(m):
    """a mail that no server takes is kept and sent when one does: whole, to all, with its key as Message-ID"""
    m.run("systemctl", "kill", "--signal=SEGV", "shop.service")
    m.wait("the error of msmtp", lambda: "127.0.0.1" in str(_receiver(m).get("error")), 40)
    assert not _mails(m)
    m.run("systemd-run", "--quiet", "--unit=smtp", "/usr/bin/python3", INSIDE + "/smtp.py", "2525", MAIL)
    m.wait("the mail", lambda: _mails(m), 60)
    assert not _receiver(m).get("error"), _receiver(m)
    mail = _mails(m)[0]
    assert mail["to"] == ["ops@example.org", "night@example.org"], mail
    assert mail["from"] == "waggle@example.org", mail["from"]
    assert all(len(line) <= 78 for line in mail["data"].splitlines()), mail["data"]
    read = email.message_from_string(mail["data"], policy=email.policy.default)
    assert read["Subject"] == "[FIRING] ShopFailed shop.service (critical)", read["Subject"]
    assert read["From"] == "Waggle in Köln <waggle@example.org>", read["From"]
    assert read["To"] == "ops@example.org, night@example.org"
    assert read["Auto-Submitted"] == "auto-generated" and email.utils.parsedate_to_datetime(read["Date"])
    assert "shop.service in Köln has failed: word word" in read.get_content(), read.get_content()
    told = m.call("ListNotifications", "(@a{sv} {},)", interface=NAME + ".Notify")[0]
    assert read["Message-ID"].strip("<>").removesuffix("@waggle") in json.dumps(told), (read["Message-ID"], told)


def test_mail_resolved(m):
    """that it is over is a mail, too, and there are no others"""
    m.run("systemctl", "restart", "shop.service")
    m.wait("the second mail", lambda: len(_mails(m)) >= 2, 60)
    read = email.message_from_string(_mails(m)[1]["data"], policy=email.policy.default)
    assert read["Subject"] == "[RESOLVED] ShopFailed shop.service", read["Subject"]
    assert len({email.message_from_string(x["data"])["Message-ID"] for x in _mails(m)}) == len(_mails(m)) == 2


if __name__ == "__main__":
    tap.main(globals())
