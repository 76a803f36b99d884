#!/usr/bin/python3
"""A roll-back rehearsed under a real systemd: the release of before is started beside the one that serves,
on the same port, behind walls that hold."""

import json

from harness import tap
from harness.shop import UNIT, Shop

# what the program of a release sees; put into the one that is rehearsed
LOOK = r'''
if pathlib.Path("/run/dbus").exists() is False:
    def can_write(path):
        try:
            open(path, "w").close()
            return True
        except OSError:
            return False
    print("look " + __import__("json").dumps({
        "run": [n for n in sorted(os.listdir("/run")) if not n.startswith("waggle-rehearsal-")],
        "network": os.listdir("/sys/class/net"),
        "word": pathlib.Path("/srv/shop/current/word").read_text().split()[0],
        "writes": [p for p in ("/srv/shop/x", "/etc/x", "/var/x") if can_write(p)],
        "own": can_write(os.environ["RUNTIME_DIRECTORY"] + "/x"),
    }), flush=True)
'''


# handed its sockets, in whatever order, it tells what they are and answers at the port with its release
DOOR = r'''#!/usr/bin/python3
import json, os, pathlib, socket
word = (pathlib.Path(__file__).resolve().parents[1] / "word").read_text().strip()
doors = [socket.socket(fileno=3 + i) for i in range(int(os.environ["LISTEN_FDS"]))]
assert int(os.environ["LISTEN_PID"]) == os.getpid()
told = {
    "word": word, "names": os.environ["LISTEN_FDNAMES"], "tmp": os.listdir("/tmp"),
    "doors": [d.getsockname() if isinstance(d.getsockname(), str) else list(d.getsockname()[:2]) for d in doors],
}
print("door " + json.dumps(told), flush=True)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
port = next(d for d in doors if d.family == socket.AF_INET)
while True:
    peer = port.accept()[0]
    peer.sendall(word.encode())
    peer.close()
'''
DOOR_UNITS = {
    "door.service": "[Service]\nType=notify\nNotifyAccess=all\nExecStart=/srv/door/current/bin/door\n",
    "door.socket": "[Socket]\nListenStream=127.0.0.1:8085\nListenStream=/run/door.sock\nSocketUser=bob\n"
                   "Symlinks=/run/door.link\nFileDescriptorName=front\n",
    "back.socket": "[Socket]\nListenStream=@waggle-door\nService=door.service\n",
}  # fmt: skip
ASK = "import socket; s = socket.create_connection(('127.0.0.1', 8085), 5); print(s.recv(99).decode())"


def _rehearse(m, *options, target="shop"):
    done = m.run("waggle", "--json=short", "deploy", "rehearse", target, "--isolate", *options, check=False)
    return done.returncode, json.loads(done.stdout)


def _nothing_is_left(m):
    assert m.out("ls", "/run/systemd/system") == "", m.out("ls", "/run/systemd/system")
    assert "waggle-rehearsal" not in m.out("ls", "/run")
    units = m.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "waggle-rehearsal*")
    assert not units, units


def test_beside_the_live_one(m):
    """the release of before comes up on the live one's port, in a world of its own; the live one notices nothing"""
    shop = Shop(m)
    shop.target()
    m.run("systemctl", "start", "waggle.target")
    m.run("tee", "/etc/shop.env", stdin="A=b\n")
    first = shop.release("good-1", keys=["EnvironmentFile=/etc/shop.env"])
    serve = "/root/releases/good-1/tree/bin/serve"
    text = m.out("cat", serve)
    m.run("tee", serve, stdin=text.replace("\n\naddress = ", "\n" + LOOK + "\naddress = "))
    for manifest in (first, shop.release("good-2")):
        status, said = shop.deploy(manifest)
        assert status == 0, (status, said)
    before = m.show(UNIT, "InvocationID")
    status, result = _rehearse(m, "--observe=500ms")
    assert (status, result["verdict"]) == (0, "pass"), result
    looks = [line for line in m.out("journalctl", "-b", "-q", "-o", "cat").splitlines() if line.startswith("look ")]
    assert len(looks) == 1, looks
    seen = json.loads(looks[0].removeprefix("look "))
    assert seen == {"run": ["systemd"], "network": ["lo"], "word": "good-1", "writes": [], "own": True}, seen
    shop.serves("good-2")
    assert m.show(UNIT, "InvocationID") == before
    _nothing_is_left(m)


def test_that_cannot_start(m):
    """a release that cannot start any more is found out, and nothing of it stays"""
    m.run("rm", "/etc/shop.env")
    status, result = _rehearse(m)
    assert (status, result["verdict"]) == (1, "fail"), result
    assert result["steps"][-1]["name"] == "start shop.service", result
    assert "environment files" in result["steps"][-1].get("journal", ""), result
    Shop(m).serves("good-2")
    assert m.out("ls", "/run/systemd/system") == ""
    assert "waggle-rehearsal" not in m.out("systemctl", "--failed", "--no-legend", "--plain")


def _door(m, word):
    base = f"/root/releases/door-{word}"
    files = {"bin/door": DOOR, "word": word + "\n", **{f"units/{n}": t for n, t in DOOR_UNITS.items()}}
    for path, text in files.items():
        m.run("install", "-D", "-m", "755", "/dev/stdin", f"{base}/tree/{path}", stdin=text)
    manifest = {
        "name": "door", "version": word, "target": "door", "artifacts": [{"source": "tree"}],
        "units": {"install": [f"units/{u}" for u in DOOR_UNITS], "start": ["back.socket", "door.socket", "door.service"]},
        "checks": [{"file": "/srv/door/current/word", "name": "there", "expect": {"content": word}}],
    }  # fmt: skip
    m.run("tee", f"{base}/door.json", stdin=json.dumps(manifest))
    done = m.run("waggle", "deploy", "run", f"{base}/door.json", check=False, timeout=120)
    assert done.returncode == 0, done


def _doors(m):
    """What each door that was opened since the boot has told."""
    lines = m.out("journalctl", "-b", "-q", "-o", "cat").splitlines()
    return [json.loads(line.removeprefix("door ")) for line in lines if line.startswith("door {")]


def test_handed_its_sockets(m):
    """a service that systemd hands its sockets to is handed sockets of the rehearsal's own, at the same addresses in a
    network of their own; those of the live one answer all the time"""
    Shop(m).target("door", "[Target]\nRoot=/srv/door\n")
    _door(m, "one")
    _door(m, "two")
    live = {u: m.show(u, "InvocationID") for u in DOOR_UNITS}
    n = len(_doors(m))
    m.run("systemd-run", "--quiet", "--unit=asks", "/usr/bin/python3", "-u", "-c",
          f"while True:\n exec({ASK!r})\n import time; time.sleep(0.02)")  # fmt: skip

    def answers():
        return m.out("journalctl", "-b", "-q", "-o", "cat", "-u", "asks.service", "_COMM=python3").splitlines()

    m.wait("an answer", answers)
    status, result = _rehearse(m, "--observe=500ms", target="door")
    m.run("systemctl", "is-active", "asks.service")  # one that is refused ends it
    m.run("systemctl", "stop", "asks.service")
    asked = answers()
    assert (status, result["verdict"], result["not-started"]) == (0, "pass", ["back.socket", "door.socket"]), result
    step = next(s for s in result["steps"] if s["name"] == "start door.service")
    assert step["verdict"] == "pass" and sorted(step["left-out"]) == ["SocketUser", "Symlinks"], step
    seen, = _doors(m)[n:]
    assert seen["word"] == "one" and seen["tmp"] == [], seen
    assert sorted(seen["names"].split(":")) == ["back.socket", "front", "front"], seen
    own = [d for d in seen["doors"] if isinstance(d, str) and d.startswith("/run/waggle-rehearsal-")]
    assert len(own) == 1 and ["127.0.0.1", 8085] in seen["doors"] and len(seen["doors"]) == 3, seen
    assert set(asked) == {"two"}, asked
    assert m.out("/usr/bin/python3", "-c", ASK) == "two"
    assert {u: m.show(u, "InvocationID") for u in DOOR_UNITS} == live
    m.run("test", "-S", "/run/door.sock")
    m.run("test", "-L", "/run/door.link")
    _nothing_is_left(m)


def test_journal_is_evidence(m):
    """a release that starts and does not pass its checks is explained with what its unit wrote since"""
    shop = Shop(m)
    wrong = {"http": "http://127.0.0.1:8080/", "name": "another answer", "unit": UNIT, "expect": {"body": "no"}}
    manifest = shop.release("good-3", checks=[wrong])
    plan = json.loads(m.out("waggle", "--json=short", "deploy", "plan", manifest))
    level, = plan["exposure"]
    assert 0 < level["after"] == level["before"] <= 100, level  # by systemd-analyze, within the service's sandbox
    status, said = shop.deploy(manifest)
    assert status == 5, (status, said)
    why = m.out("waggle", "deploy", "explain", shop.newest()["id"])
    assert "What units wrote last" in why and "serving good-3" in why, why
    shop.serves("good-2")
    m.run("tee", "/root/one.yaml", stdin=f"checks: [{{unit: {UNIT}, name: it runs}}]\n")
    page = m.out("waggle", "verify", "/root/one.yaml", "--explain=it runs")
    assert "its unit wrote last:" in page and "serving good-2" in page and "good-3" not in page, page


if __name__ == "__main__":
    tap.main(globals())
