"""registry: the interface org.waggle.Monitoring1.Registry for tests, with its JSON read."""

import json

from monitord import REGISTRY


class Registry:
    """The interface, with JSON read."""

    def __init__(self, daemon, over_bus=False):
        self.client = daemon.caller(over_bus)

    def call(self, method, signature="", *args, **options):
        return self.client.with_options(REGISTRY, method, signature, *args, **options)

    def register(self, document, **options):
        text = document if isinstance(document, str) else json.dumps(document)
        return self.call("Register", "s", text, **options)[0]

    def show(self, name):
        return json.loads(self.client.call("Show", "(s)", name, interface=REGISTRY)[0])

    def state(self, name):
        return self.show(name)["state"]

    def names(self, method="List", *args, **options):
        found = self.call(method, "s" if args else "", *args, **options)[1]
        return [s["name"] for s in json.loads(found)]

    def wait_state(self, name, state):
        last = []

        def is_so():
            last[:] = [self.show(name)]
            return last[0]["state"] == state
        try:
            self.client.wait(is_so, f"{name} to be {state}")
        except Exception as error:
            raise AssertionError(f"{error}: {last}") from error
        return last[0]

    def probe(self, service, name):
        return next(p for p in self.show(service)["probes"] if p["name"] == name)
