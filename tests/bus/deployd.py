"""waggle-deployd for the tests: the real daemon and the real waggle-verify on a bus of their own, a
manager of units that really runs services (mock_systemd.py), and releases that are made here."""

import json
import os

from gi.repository import GLib

from caller import ServiceCaller
from client import wait_for
from harness import Daemon, check, equal, whole_lines
from mock_systemd import MockSystemd

NAME = "org.waggle.Deployment1"
PATH = "/org/waggle/Deployment1"
JOB = NAME + ".Job"
TARGET = NAME + ".Target"
DEPLOYD = os.environ.get("WAGGLE_DEPLOYD", "waggle-deployd")
VERIFY = os.environ.get("WAGGLE_VERIFY", "waggle-verify")
TYPES = {"targets": "as", "labels": "a{ss}", "force": "b", "hold": "b", "active": "b",
         "confirm": "t", "since": "t", "job": "t", "parallel": "u", "max_failures": "u", "max": "u"}
SERVE = '#!/bin/sh\necho "serving $(cat "$(dirname "$0")/../word")"\nexec sleep 1000\n'
LIMIT = 90


def vardict(given):
    """a{sv} from keywords: max_failures=1 is {'max-failures': <uint32 1>}."""
    return {key.replace("_", "-"): value if isinstance(value, GLib.Variant)
            else GLib.Variant(TYPES.get(key, "s"), value) for key, value in given.items()}


class Deployd(Daemon):
    program = DEPLOYD
    config_name = "deployd.conf"

    def __init__(self, config="", environment=None, manager=True, **given):
        self.more = {"WAGGLE_VERIFY": VERIFY, "RUNTIME_DIRECTORY": None, **(environment or {})}
        self.manager = None
        super().__init__(**{"bus": True, "start": False, **given})
        self.units = os.path.join(self.directory, "units")
        self.srv = os.path.join(self.directory, "srv")
        os.mkdir(self.units)
        os.mkdir(self.srv)
        self.configure(f"[Programs]\nUnitDirectory={self.units}\n{config}")
        os.mkdir(os.path.join(self.config_dir, "targets.d"))
        if self.bus and manager:
            self.manager = MockSystemd(self.bus.address, self.units)
            self.helpers.append(self.manager)
        if given.get("start", True):
            self.start()

    def environment(self):
        env = {**super().environment(), **self.more}
        return {key: value for key, value in env.items() if value is not None}

    def target(self, name, **keys):
        """A target file; returns its root."""
        root = os.path.join(self.srv, name)
        lines = [f"{key.capitalize()}={value}" for key, value in {"root": root, **keys}.items()]
        path = os.path.join(self.config_dir, "targets.d", name + ".conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[Target]\n" + "\n".join(lines) + "\n")
        return root

    def release(self, name, word="good", target="shop", serve=SERVE, **manifest):
        """A directory with an artifact and shop.json; the unit serves `word`."""
        base = os.path.join(self.directory, "from", name)
        os.makedirs(os.path.join(base, "tree", "bin"))
        for path, text, mode in (("tree/bin/serve", serve, 0o755), ("tree/word", word + "\n", 0o644)):
            with open(os.path.join(base, path), "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(os.path.join(base, path), mode)
        os.makedirs(os.path.join(base, "tree", "units"))
        unit = f"{target}.service"
        with open(os.path.join(base, "tree", "units", unit), "w", encoding="utf-8") as f:
            f.write(f"[Service]\nExecStart={self.srv}/{target}/current/bin/serve\n")
        content = {
            "name": "shop", "version": name, "target": target, "artifacts": [{"source": "tree"}],
            "units": {"install": ["units/" + unit], "start": [unit]},
            "checks": [{"file": "${target.root}/current/word", "name": "the right word",
                        "expect": {"content": {"contains": "good"}}}],
            **manifest}
        with open(os.path.join(base, "shop.json"), "w", encoding="utf-8") as f:
            json.dump({key: value for key, value in content.items() if value is not None}, f)
        return base

    def caller(self, over_bus=False):
        return Caller(self, over_bus)

    def current(self, target="shop"):
        try:
            return os.readlink(os.path.join(self.srv, target, "current"))
        except FileNotFoundError:
            return None

    def served(self, target="shop"):
        """What its service has said at each start."""
        return [line.split()[-1] for line in whole_lines(os.path.join(self.units, f"{target}.service.log"))]

    def word(self, target="shop"):
        """What the release that is current would serve."""
        with open(os.path.join(self.srv, target, "current", "word"), encoding="utf-8") as f:
            return f.read().strip()


class Caller(ServiceCaller):
    """A client of the interface."""

    name, path = NAME, PATH

    def manifest(self, method, base, **options):
        """Validate, Plan or Deploy of shop.json below `base`."""
        fd = os.open(os.path.join(base, "shop.json"), os.O_RDONLY)
        try:
            return self.call(method, "(hsa{sv})", 0, base, vardict(options), fds=[fd])[0]
        finally:
            os.close(fd)

    def deploy(self, base, **options):
        """Path of the job."""
        return self.manifest("Deploy", base, **options)

    def completed(self, job):
        """(result, exit) of the job's signal; waits for it."""
        def found():
            return [s[1] for s in self.client.signals if s[0] == "Completed" and s[2] == job]

        wait_for(found, f"{job} to complete", LIMIT)
        equal(len(found()), 1, "signals Completed")
        return found()[0]

    def run(self, base, **options):
        """Deploys to the end: (result, exit, number of the deployment)."""
        job = self.deploy(base, **options)
        return (*self.completed(job), self.job(job, "Deployments")[0])

    def job(self, path, name):
        return self.client.get(name, path=path, interface=JOB)

    def states(self, deployment):
        """The states it went through, by the signals."""
        return [s[3] for s in self.client.of("StateChanged") if s[0] == deployment]

    def wait_state(self, deployment, state):
        wait_for(lambda: state in self.states(deployment), f"deployment {deployment} to be {state}",
                 LIMIT)

    def show(self, deployment):
        return json.loads(self.call("Show", "(t)", deployment)[0])

    def list(self, **options):
        return self.call("ListDeployments", "(a{sv})", vardict(options))[0]

    def targets(self):
        return {t["name"]: t for t in self.call("List", "(a{sv})", {})[0]}


__all__ = ["Deployd", "Caller", "NAME", "PATH", "JOB", "TARGET", "DEPLOYD", "VERIFY", "check", "equal",
           "vardict", "wait_for"]
