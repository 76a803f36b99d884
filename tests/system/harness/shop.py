"""shop: a small web service of a machine, deployed with `waggle deploy` by the installed service."""

import json

from harness.host import INSIDE

DEPLOYD = "waggle-deployd.service"
UNIT = "shop.service"
ENDS = ("done", "aborted", "rolled-back", "rollback-failed")
TARGET = "[Target]\nRoot=/srv/shop\n"
# holds a deployment in the middle of its verification
HOLD = {"command": "sleep 120", "name": "a look that takes its time", "timeout": "2min"}
GET = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/', timeout=5).read().decode())"


class Shop:
    def __init__(self, m):
        self.m = m

    def target(self, name="shop", text=TARGET):
        self.m.run("mkdir", "-p", "/etc/waggle/targets.d")
        self.m.run("tee", f"/etc/waggle/targets.d/{name}.conf", stdin=text)

    def release(self, word, how="good", keys=(), checks=(), **manifest):
        """Makes a release that answers `word`; returns its manifest's path. `checks` come to its own."""
        base = f"/root/releases/{word}"
        self.m.run(f"{INSIDE}/release.py", base, word, how, *keys, stdin=json.dumps(manifest))
        path = f"{base}/shop.json"
        if checks:
            content = json.loads(self.m.out("cat", path))
            content["checks"] += checks
            self.m.run("tee", path, stdin=json.dumps(content))
        return path

    def deploy(self, manifest, *options, **given):
        """`waggle deploy run`: (exit status, all that it said)."""
        done = self.m.run("waggle", "deploy", "run", manifest, *options, **{"check": False, "timeout": 120, **given})
        return done.returncode, done.stdout + done.stderr

    def history(self, *options):
        """Newest first."""
        return json.loads(self.m.out("waggle", "--json=short", "deploy", "history", *options))

    def newest(self):
        return self.history("-n", "1")[0]

    def shown(self):
        """All that is kept of the newest deployment."""
        return json.loads(self.m.out("waggle", "--json=short", "deploy", "show", self.newest()["id"]))

    def wait_newest(self, state, timeout=60):
        """Until the newest deployment is in `state`."""

        def there():
            row = self.newest()
            assert row["state"] == state or row["state"] not in ENDS, row
            return row if row["state"] == state else None

        return self.m.wait(f"the newest deployment {state}", there, timeout)

    def answer(self):
        return self.m.out("/usr/bin/python3", "-c", GET)

    def serves(self, word):
        """It is this release that is current, active and answers."""
        current = self.m.out("cat", "/srv/shop/current/word").split()[0]
        assert current == word, f"{current} is current, not {word}"
        assert self.m.show(UNIT, "ActiveState") == "active", self.m.show(UNIT, "ActiveState")
        assert self.answer() == word, self.answer()

    def serves_after(self, word):
        """Seconds from when the newest deployment began to go back until the release `word` said that it serves."""
        rows = [(row["to"], row["time"]) for row in self.shown()["transitions"]]
        # one that is a roll-back of its own goes back from its beginning
        begin = next((time for state, time in rows if state == "rolling-back"), rows[0][1])
        said = [e for e in self.m.journal(f"_SYSTEMD_UNIT={UNIT}") if e["MESSAGE"] == f"serving {word}"]
        return (int(said[-1]["__REALTIME_TIMESTAMP"]) - begin) / 1e6

    def starts(self, *matches):
        """What was started since the boot, in order."""
        lines = self.m.out("journalctl", "-b", "-q", "-o", "cat", "-u", UNIT, *matches).splitlines()
        return [line.removeprefix("serving ") for line in lines if line.startswith("serving ")]
