#!/usr/bin/python3
"""How a deployment handles units and hooks under a real systemd: order, reload or restart, daemon-reload, limits;
and the checks of units there: properties, settle, bind, and checks made from what is there."""

import json

from harness import tap
from harness.shop import Shop

ORDER = "/run/order"
PHASES = ["pre-flight", "pre-stage", "post-stage", "pre-switch", "post-switch", "post-start", "post-verify", "post-commit"]
# in the tree of the release once there is one, else in the directory of the target
HOOK = ["/bin/sh", "-c", 'echo "$WAGGLE_HOOK $WAGGLE_TARGET $WAGGLE_VERSION $NOTHING $PWD $WAGGLE_RELEASE_PATH" >>/run/hooks']
SLEEPS = "ExecStart=/bin/sleep infinity\n"


def _write(m, path, text, mode="644"):
    m.run("install", "-D", "-m", mode, "/dev/stdin", path, stdin=text)


def _unit(name, service="", unit=""):
    """A unit that tells when it starts and when it has ended."""
    told = f'/bin/sh -c "echo {{}} {name} >>{ORDER}"'
    lines = f"[Unit]\nDescription={name}\n{unit}[Service]\nExecStartPre={told.format('start')}\n"
    return lines + f"ExecStopPost={told.format('stop')}\n" + (service or SLEEPS)


def _release(m, word, files, **manifest):
    """A release of target "pair" with these unit files; returns its manifest's path."""
    base = f"/root/releases/{word}"
    _write(m, f"{base}/tree/word", word)
    for name, text in files.items():
        _write(m, f"{base}/tree/units/{name}", text)
    content = {
        "name": "pair", "version": word, "target": "pair", "artifacts": [{"source": "tree"}],
        "units": {"install": [f"units/{u}" for u in files], "start": sorted(files)},
        "checks": [{"file": "/srv/pair/current/word", "expect": {"content": word}}],
    } | manifest  # fmt: skip
    _write(m, f"{base}/pair.json", json.dumps(content))
    return f"{base}/pair.json"


def _deploy(m, word, files, wanted=0, **manifest):
    m.run("rm", "-f", ORDER, "/run/hooks")
    status, text = Shop(m).deploy(_release(m, word, files, **manifest))
    assert status == wanted, (status, text)
    return text


def _lines(m, path):
    return m.out("cat", path).splitlines()


def _verify(m, checks, *options, **more):
    """`waggle verify`: (exit status, name -> (verdict, text))"""
    m.run("tee", "/run/verify.json", stdin=json.dumps({"name": "here", "checks": checks} | more))
    done = m.run("waggle", "verify", "--format=json", *options, "/run/verify.json", check=False)
    assert done.stdout, done.stderr
    return done.returncode, {c["name"]: (c["verdict"], json.dumps(c)) for c in json.loads(done.stdout)["checks"]}


# ---- units
PAIR = {"a.service": _unit("a", unit="After=b.service\n"), "b.service": _unit("b")}


def test_order(m):
    """units start in the order of After=, not in that of the manifest"""
    m.run("systemctl", "start", "waggle.target")
    Shop(m).target("pair", "[Target]\nRoot=/srv/pair\n")
    _deploy(m, "one", PAIR)
    assert _lines(m, ORDER) == ["start b", "start a"]


def test_restart_order(m):
    """restarts follow one another in the same order"""
    before = m.show("a.service", "InvocationID"), m.show("b.service", "InvocationID")
    _deploy(m, "two", PAIR)
    assert _lines(m, ORDER) == ["stop b", "start b", "stop a", "start a"], _lines(m, ORDER)
    assert m.show("a.service", "InvocationID") != before[0] and m.show("b.service", "InvocationID") != before[1]


def test_daemon_reload(m):
    """a unit file that has changed is in force, and one that a roll-back puts back is, too"""
    def environment():
        assert m.show("b.service", "NeedDaemonReload") == "no"
        return m.show("b.service", "Environment")

    _deploy(m, "three", PAIR | {"b.service": _unit("b", SLEEPS + "Environment=WORD=three\n")})
    assert environment() == "WORD=three"
    never = [{"file": "/nowhere", "name": "never"}]
    _deploy(m, "four", PAIR | {"b.service": _unit("b", SLEEPS + "Environment=WORD=four\n")}, 5, checks=never)
    assert environment() == "WORD=three"
    assert m.out("cat", f"/proc/{m.show('b.service', 'MainPID')}/environ").count("WORD=three") == 1


def test_reload(m):
    """what is to be reloaded is, and goes on; what cannot be reloaded is restarted"""
    told = f'ExecReload=/bin/sh -c "echo reload a >>{ORDER}"\n'
    units = {"a.service": _unit("a", SLEEPS + told), "b.service": _unit("b")}
    _deploy(m, "five", units)
    pid = m.show("a.service", "MainPID")
    _deploy(m, "six", units, strategy={"restart": "reload-or-restart"})
    assert _lines(m, ORDER) == ["reload a", "stop b", "start b"] or _lines(m, ORDER)[0] == "stop b", _lines(m, ORDER)
    assert "reload a" in _lines(m, ORDER) and m.show("a.service", "MainPID") == pid
    # a unit of somebody else, which reads a file of the release
    _write(m, "/etc/systemd/system/proxy.service", _unit("proxy", SLEEPS + told.replace("reload a", "reload proxy")))
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "start", "proxy.service")
    pid = m.show("proxy.service", "MainPID")
    _deploy(m, "seven", {}, units={"reload": ["proxy.service"]})
    assert [line for line in _lines(m, ORDER) if "proxy" in line] == ["reload proxy"], _lines(m, ORDER)
    assert m.show("proxy.service", "MainPID") == pid


def test_stop_first(m):
    """stop-first stops units before the switch"""
    at = 'ExecStopPost=/bin/sh -c "cat /srv/pair/current/word >>/run/order"\n'
    units = {"c.service": _unit("c", SLEEPS + at)}
    _deploy(m, "eight", units)
    _deploy(m, "nine", units, units={"install": ["units/c.service"], "start": ["c.service"], "stop-first": True})
    assert _lines(m, ORDER) == ["stop c", "eightstart c"], _lines(m, ORDER)


# ---- sockets
# tells the release that it was started from; once started it knows no other
PROGRAM = ("import socket; door, word = socket.socket(fileno=3), open('/srv/pair/current/word', 'rb').read(); "
           "[(c.sendall(word), c.close()) for c in iter(lambda: door.accept()[0], None)]")  # fmt: skip
DOOR = f'[Service]\nExecStart=/usr/bin/python3 -c "{PROGRAM}"\n'
ASK = "import socket; s = socket.create_connection(('127.0.0.1', 8086), 9); print(s.recv(99).decode())"
ASK_ALWAYS = f"""
import time
while True:
    try:
        {ASK.replace("print", "")}
    except OSError:
        time.sleep(0.01)
"""
CRASHED = ["/bin/sh", "-c", "until systemctl is-failed -q door.socket; do sleep 0.05; done; exit 1"]


def test_sockets(m):
    """a socket and what it starts are of the same release, also after one that crashed at each connection, and whoever
    connects meanwhile; what requires the service behind the socket is up again"""
    units = {"door.socket": "[Socket]\nListenStream=127.0.0.1:8086\n", "door.service": DOOR}

    def deploy(word, wanted=0, more=(), files=units, **manifest):
        how = {"install": [f"units/{u}" for u in files], "start": ["door.socket", *more]}
        _deploy(m, word, files, wanted, units=how, **manifest)
        assert m.show("guest.service", "ActiveState") == ("inactive" if word == "door-1" else "active"), word

    _write(m, "/etc/systemd/system/guest.service",
           "[Unit]\nRequires=door.service\nAfter=door.service\n[Service]\n" + SLEEPS)
    deploy("door-1")
    m.run("systemctl", "start", "guest.service")
    m.run("systemd-run", "--quiet", "--unit=asks", "/usr/bin/python3", "-c", ASK_ALWAYS)
    for n in range(2, 5):
        m.wait("an answer", lambda: m.show("door.service", "ActiveState") == "active")
        deploy(f"door-{n}", strategy={"restart": "stop-start" if n == 4 else "restart"})
        assert m.out("/usr/bin/python3", "-c", ASK) == f"door-{n}"
    crash = {"command": "crashed", "name": "crashed", "argv": CRASHED, "timeout": "60s"}
    deploy("door-bad", 5, files=units | {"door.service": "[Service]\nExecStart=/bin/false\n"}, checks=[crash])
    assert m.out("/usr/bin/python3", "-c", ASK) == "door-4"
    # both named
    for n in (5, 6):
        deploy(f"door-{n}", more=["door.service"])
        assert m.out("/usr/bin/python3", "-c", ASK) == f"door-{n}"
    m.run("systemctl", "stop", "asks.service", "guest.service")
    m.run("sh", "-c", "rm /etc/systemd/system/guest.service && systemctl daemon-reload")


# ---- hooks
def test_hooks(m):
    """each hook of a good release runs once, in order, with its environment and in its directory"""
    hooks = {phase: [{"command": HOOK, "environment": ["NOTHING=1"]}] for phase in PHASES + ["pre-rollback", "post-rollback"]}
    _deploy(m, "ten", {}, hooks=hooks)
    seen = [line.split() for line in _lines(m, "/run/hooks")]
    assert [s[0] for s in seen] == PHASES, seen
    assert all(s[1:4] == ["pair", "ten", "1"] for s in seen), seen
    assert [s[0] for s in seen if len(s) == 6] == PHASES[2:], seen
    assert all(s[4] == (s[5] if len(s) == 6 else "/srv/pair") for s in seen), seen
    never = [{"file": "/nowhere", "name": "never"}]
    _deploy(m, "eleven", {}, 5, hooks=hooks, checks=never)
    assert [line.split()[0] for line in _lines(m, "/run/hooks")] == PHASES[:6] + ["pre-rollback", "post-rollback"]


def test_hook_fails(m):
    """a hook that fails before the switch changes nothing, after it everything goes back, after the commit it is told"""
    def failing(phase):
        return {phase: [{"command": ["/bin/sh", "-c", f"echo no {phase}; exit 3"]}]}

    for phase, wanted in (("pre-flight", 1), ("post-stage", 1), ("pre-switch", 5), ("post-start", 5), ("post-verify", 5)):
        text = _deploy(m, "bad-" + phase, {}, wanted, hooks=failing(phase))
        assert "status 3" in text and "no " + phase in text, text
        assert m.out("cat", "/srv/pair/current/word") == "ten", phase
    text = _deploy(m, "twelve", {}, hooks=failing("post-commit"))
    assert m.out("cat", "/srv/pair/current/word") == "twelve"


def test_hook_limits(m):
    """a hook has its user, its time and its number of processes, and nothing of it is left"""
    who = {"command": ["/bin/sh", "-c", "id -u >/tmp/who"], "user": "bob"}
    m.run("rm", "-f", "/tmp/who")
    _deploy(m, "thirteen", {}, hooks={"pre-flight": [who]})
    assert m.out("cat", "/tmp/who") == "2002"
    slow = {"command": ["/bin/sh", "-c", "sleep 987 & sleep 988"], "timeout": "500ms"}
    text = _deploy(m, "slow", {}, 1, hooks={"pre-flight": [slow]})
    assert "pre-flight" in text and "500ms" in text or "0.5" in text or "time" in text, text
    # one that ends well and leaves something behind that is no child of its any more
    stays = {"command": ["/bin/sh", "-c", "setsid sleep 986 >/dev/null 2>&1 </dev/null &"]}
    _deploy(m, "stays", {}, hooks={"post-start": [stays]})
    assert m.run("pgrep", "-f", "sleep 98[678]", check=False).returncode == 1
    left = m.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "waggle-hook-*")
    assert not left, left


# ---- units, hooks and checks while systemd reads its units again and again
STORM = "#!/bin/sh\nwhile systemctl daemon-reload; do echo >>/run/storm; done\n"


def test_reload_storm(m):
    """somebody who reloads systemd all the time stops neither hooks nor checks nor units, and no roll-back"""
    phases = ["pre-flight", "post-switch", "post-verify"]
    hooks = {phase: [{"command": HOOK, "environment": ["NOTHING=1"]}] for phase in phases}
    looks = [{"command": "true", "name": "a command of its own", "sandbox": True}]
    _write(m, "/usr/local/sbin/storm", STORM, "755")
    m.run("systemd-run", "--quiet", "--collect", "--unit=storm", "/usr/local/sbin/storm")
    try:
        m.wait("the storm", lambda: m.run("test", "-s", "/run/storm", check=False).returncode == 0, 60)
        _deploy(m, "fourteen", PAIR, hooks=hooks, checks=looks)
        assert [line.split()[0] for line in _lines(m, "/run/hooks")] == phases
        assert [line for line in _lines(m, ORDER) if "start" in line] == ["start b", "start a"], _lines(m, ORDER)
        _deploy(m, "fifteen", PAIR, 5, hooks=hooks, checks=looks + [{"file": "/nowhere", "name": "never"}])
        assert m.show("storm.service", "ActiveState") == "active"
    finally:
        m.run("systemctl", "stop", "storm.service", check=False)
    reloads = int(m.out("stat", "-c", "%s", "/run/storm"))
    print(f"# {reloads} times")
    assert reloads >= 5, reloads
    assert m.out("cat", "/srv/pair/current/word") == "fourteen"
    for unit in PAIR:
        assert m.show(unit, "ActiveState") == "active", unit


# ---- checks
def test_unit_check(m):
    """a check of a unit sees what systemd says of it, and what it will say next"""
    _write(m, "/etc/systemd/system/watched.service", "[Service]\n" + SLEEPS + "[Install]\nWantedBy=multi-user.target\n")
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "enable", "--now", "watched.service")
    pid = int(m.show("watched.service", "MainPID"))
    look = {"unit": "watched", "name": "u", "expect": {
        "running": True, "enabled": True, "sub-state": "running", "restarts": 0, "main-pid": pid, "result": "success",
        "exposure": {"between": [5, 10]}, "needs-reload": False, "kill-mode": "control-group", "problems": {"length": 0}}}  # fmt: skip
    status, seen = _verify(m, [look])
    assert status == 0, seen
    m.run("systemctl", "kill", "--signal=KILL", "watched.service")
    m.wait_state("watched.service", "failed")
    status, seen = _verify(m, [{"unit": "watched", "name": "u", "expect": {"sub-state": "failed", "result": "signal"}},
                               {"unit": "watched", "name": "runs"}, {"unit": "no-such", "name": "none"}])  # fmt: skip
    assert status == 1 and seen["u"][0] == "pass" and seen["runs"][0] == "fail" and seen["none"][0] == "fail", seen


def test_settle(m):
    """a unit that restarts, dies, dumps core or writes an error does not settle; a quiet one does"""
    again = "Restart=always\nRestartSec=50ms\n"
    units = {
        "quiet": SLEEPS,
        "restarts": 'ExecStart=/bin/sh -c "sleep 0.3; exit 1"\n' + again,
        "ends": 'ExecStart=/bin/sh -c "sleep 0.3"\n',
        "errors": 'ExecStart=/bin/sh -c "sleep 0.3; echo \'<3>it is broken\'; sleep infinity"\n',
        "warns": 'ExecStart=/bin/sh -c "sleep 0.3; echo \'<4>careful\'; sleep infinity"\n',
    }
    for name, service in units.items():
        _write(m, f"/etc/systemd/system/s-{name}.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\n" + service)
    m.run("systemctl", "daemon-reload")
    for name in units:
        m.run("systemctl", "start", f"s-{name}.service")
        look = {"settle": f"s-{name}.service", "name": name, "for": "1s", "timeout": "10s"}
        _status, seen = _verify(m, [look])
        verdict = "pass" if name in ("quiet", "warns") else "fail"
        assert seen[name][0] == verdict, (name, seen)
        m.run("systemctl", "stop", f"s-{name}.service")
    assert "it is broken" in _settle_text(m), "the line is not told"


def _settle_text(m):
    m.run("systemctl", "start", "s-errors.service")
    _status, seen = _verify(m, [{"settle": "s-errors.service", "name": "e", "for": "1s", "timeout": "10s"}])
    return seen["e"][1]


def test_bind(m):
    """an answer counts when it comes from the unit that it is asked of, and not from another"""
    for name, port in (("one", 8091), ("two", 8092)):
        m.run("systemd-run", "--quiet", f"--unit=web-{name}", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", port)
    looks = [{"http": f"http://127.0.0.1:{port}/", "name": f"{port} {unit}", "unit": f"web-{unit}.service", "attempts": 20, "pause": "100ms"}
             for port in (8091, 8092) for unit in ("one", "two")]  # fmt: skip
    _status, seen = _verify(m, looks)
    verdicts = {name: verdict for name, (verdict, _text) in seen.items()}
    assert verdicts == {"8091 one": "pass", "8091 two": "fail", "8092 one": "fail", "8092 two": "pass"}, seen
    assert "does not belong to web-two.service" in seen["8091 two"][1], seen


def test_autoadd(m):
    """what is written down of a running unit passes, and does not when the unit is another one"""
    made = m.out("waggle-verify" if m.run("which", "waggle-verify", check=False).returncode == 0
                 else "/usr/libexec/waggle/waggle-verify", "autoadd", "web-one.service")  # fmt: skip
    m.run("tee", "/run/auto.yaml", stdin=made + "\n")
    assert "8091" in made and "web-one.service" in made, made
    done = m.run("waggle", "verify", "/run/auto.yaml", check=False)
    assert done.returncode == 0, done
    m.run("systemctl", "stop", "web-one.service")
    done = m.run("waggle", "verify", "/run/auto.yaml", check=False)
    assert done.returncode == 1 and "8091" in done.stdout, done


if __name__ == "__main__":
    tap.main(globals())
