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


def _rehearse(m, *options):
    done = m.run("waggle", "--json=short", "deploy", "rehearse", "shop", "--isolate", *options, check=False)
    return done.returncode, json.loads(done.stdout)


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
    assert m.out("ls", "/run/systemd/system") == "", m.out("ls", "/run/systemd/system")


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
