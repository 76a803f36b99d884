"""The courier for the tests: the real one, or the probe (courier-probe.c) whose back-ends do what
a test says, with messaged beside it."""

import json
import os

from client import wait_for
from harness import Daemon, check, equal, whole_lines

COURIER = os.environ.get("WAGGLE_COURIER", "waggle-courier")
PROBE = os.environ.get("WAGGLE_COURIER_PROBE", "courier-probe")
PATH = "/org/waggle/Delivery1"
NAME = "org.waggle.Delivery1"


class Courier(Daemon):
    """A courier of one messaging service, on a socket of its own as systemd would pass it."""

    program = PROBE
    config_name = "courier.conf"

    def __init__(self, messaged, program=PROBE, environment=None, **given):
        self.messaged = messaged
        self.program = program
        self.more = environment or {}
        super().__init__(**given)

    def environment(self):
        env = super().environment()
        env["WAGGLE_ADDRESS"] = self.messaged.address
        env.update(self.more)
        return {k: v for k, v in env.items() if v is not None}

    def with_client(self, func):
        """An open connection would keep it from leaving."""
        client = self.client()
        try:
            return func(client)
        finally:
            client.close()
            self.clients.remove(client)

    def ask(self, method, signature="()", *args):
        return self.with_client(
            lambda c: c.raw(method, signature, *args, path=PATH, interface=NAME))

    def property(self, name):
        return self.with_client(lambda c: c.get(name, path=PATH, interface=NAME))

    def wait_connected(self):
        wait_for(lambda: self.property("Connected"), "the courier to be connected")

    def explain(self, agent):
        return self.ask("Explain", "(s)", agent)[0]


class Rig:
    """messaged, a courier with probes, and a client that owns the agents."""

    def __init__(self, config=None, courier_config=None, program=PROBE, **given):
        self.messaged = Daemon(config=config)
        self.courier = Courier(self.messaged, program=program, config=courier_config, **given)
        self.client = self.messaged.client()
        self.directory = self.courier.directory

    def __enter__(self):
        self.courier.wait_connected()
        return self

    def __exit__(self, *why):
        try:
            self.courier.__exit__(*why)
        finally:
            self.messaged.__exit__(*why)

    def path(self, name):
        return os.path.join(self.directory, name)

    def entry(self, use, *answers, **keys):
        """One rung of a policy; its log is named after it."""
        keys = {key.replace("_", "-"): value for key, value in keys.items()}
        entry = {"use": use, "log": self.path(keys.get("name", use)), **keys}
        if answers:
            entry["answers"] = list(answers)
        return entry

    def agent(self, name, *entries, **rules):
        policy = {"backends": list(entries), **rules}
        self.client.call("RegisterAgent", name, policy=json.dumps(policy))

    def lines(self, log, event="run"):
        """What a probe wrote so far."""
        lines = [json.loads(line) for line in whole_lines(self.path(log))]
        return [line for line in lines if event is None or line["event"] == event]

    def wait_runs(self, log, n=1):
        wait_for(lambda: len(self.lines(log)) >= n, f"{n} runs of {log}")
        return self.lines(log)

    def receipts(self, message):
        """(state, cause) of all receipts, oldest first."""
        return [(r[1], r[3]) for r in self.client.call("GetReceipts", message)[0]]

    def wait_receipt(self, message, state, n=1):
        def there():
            return [r[0] for r in self.receipts(message)].count(state) >= n

        try:
            wait_for(there, f"{n} receipts {state}")
        except AssertionError as why:
            raise AssertionError(f"{why}; there are {self.receipts(message)}") from None
        return self.receipts(message)

    def causes(self, message, state):
        return [cause for name, cause in self.receipts(message) if name == state]


__all__ = ["Courier", "Rig", "COURIER", "PROBE", "PATH", "NAME", "check", "equal"]
