"""waggle service: what the command line says of the registry, and with which status it ends."""

import json
import os
import subprocess

from monitord import Monitord, check, equal
from harness import main

DOCUMENT = "name: shop\ntags: [web]\nendpoints: [{address: 'tcp:1'}]\nprobes:\n  - push: ran\n    every: 1d\n" \
           "  - file: %s\n    interval: 1h\n"


class Cli:
    def __init__(self, daemon):
        self.env = {**daemon.environment(), "WAGGLE_MONITORING_ADDRESS": daemon.address}

    def run(self, *args, stdin=None):
        return subprocess.run([os.environ["WAGGLE"], "service", *args], env=self.env, input=stdin, capture_output=True,
                              text=True, timeout=60, check=False)

    def good(self, *args, **more):
        done = self.run(*args, **more)
        equal(done.returncode, 0, f"{args}: {done.stderr}")
        return done.stdout


def test_the_life_of_a_service():
    with Monitord() as d:
        cli = Cli(d)
        mark = os.path.join(d.directory, "mark")
        wrong = cli.run("register", "--dry-run", "-", stdin=DOCUMENT.replace("push", "pusch") % mark)
        equal(wrong.returncode, 2, wrong.stderr)
        check("line 5" in wrong.stderr or ":5:" in wrong.stderr, wrong.stderr)
        cli.good("register", "--dry-run", "-", stdin=DOCUMENT % mark)
        equal(cli.good("list", "--all"), "")
        cli.good("register", "-", stdin=DOCUMENT % mark)
        equal([s["name"] for s in json.loads(cli.good("list", "--json=short"))], ["shop"])
        equal(cli.run("find", "web").returncode, 3, "none is healthy yet")
        cli.good("push", "shop", "ran", "--text=fine")
        equal(cli.run("probe", "shop", "file").returncode, 1)
        with open(mark, "w", encoding="utf-8"):
            pass
        check("pass" in cli.good("probe", "shop", "file"))
        check("tcp:1" in cli.good("find", "web"))
        text = cli.good("show", "shop")
        check("healthy" in text and "fine" in text, text)
        cli.good("maintenance", "shop", "--reason=new disks")
        check("new disks" in cli.good("show", "shop"))
        cli.good("maintenance", "shop", "--end")
        cli.good("unregister", "shop")
        equal(cli.good("list"), "")
        wrong = cli.run("show", "shop")
        equal(wrong.returncode, 3)
        check("there is no service" in wrong.stderr, wrong.stderr)
        wrong = cli.run("register", "-", stdin="name: a\nprobes:\n  - htpp: x\n")
        equal(wrong.returncode, 2)
        check("did you mean http?" in wrong.stderr, wrong.stderr)


if __name__ == "__main__":
    main(globals())
