"""A polkitd that allows what it is told to, on the bus of a daemon that is tested."""

import subprocess
import sys

from gi.repository import GLib

from client import Client, Error, wait_for


class Polkit:
    """`prefix`: of the actions: "org.waggle.messaging."."""

    def __init__(self, daemon, prefix):
        self.prefix = prefix
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "dbusmock", "--system",
             "--template", "polkitd"], env=daemon.environment(), stdout=subprocess.DEVNULL)
        self.bus = Client(daemon.bus.address, over_bus=True)
        self.bus.destination = "org.freedesktop.PolicyKit1"
        daemon.helpers.append(self)
        wait_for(self.is_there, "the mock of polkitd")

    def ask(self, method, signature, *args):
        return self.bus.raw(method, signature, *args, interface="org.freedesktop.DBus.Mock",
                            path="/org/freedesktop/PolicyKit1/Authority")

    def is_there(self):
        try:
            self.allow()
            return True
        except (Error, GLib.Error):
            return False

    def allow(self, *actions):
        self.ask("SetAllowed", "(as)", [self.prefix + a for a in actions])

    def stop(self):
        self.bus.close()
        self.process.terminate()
        self.process.wait()
