"""A human's draft is not submitted: where the accessibility bus shows that the text field is not
empty, the text is held; where nothing can be seen, it goes on."""

import os
import subprocess
import tempfile
import time

from harness import (DIES_WITH_US, LIMIT, Display, Failure, GtkSink, Hand, XtermSink, check,
                     environment, equal, run)

LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi-bus-launcher")
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


class Accessibility:
    """A session bus of our own with the accessibility bus on it."""

    def __init__(self, display):
        launcher = next((path for path in LAUNCHERS if os.path.exists(path)), None)
        check(launcher, "there is no at-spi-bus-launcher")
        self.directory = tempfile.TemporaryDirectory(prefix="waggle-a11y-")
        config = os.path.join(self.directory.name, "bus.conf")
        with open(config, "w") as file:
            file.write(CONFIG)
        self.bus = subprocess.Popen(
            DIES_WITH_US + ["dbus-daemon", "--config-file", config, "--nofork", "--print-address"],
            env=environment(), stdout=subprocess.PIPE)
        self.address = self.bus.stdout.readline().decode().strip()
        self.env = {**display.env, "DBUS_SESSION_BUS_ADDRESS": self.address,
                    "XDG_RUNTIME_DIR": self.directory.name}
        self.env.pop("NO_AT_BRIDGE")
        self.launcher = subprocess.Popen(DIES_WITH_US + [launcher, "--launch-immediately"],
                                         env=self.env, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        until = time.monotonic() + LIMIT
        while subprocess.run(["dbus-send", "--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus",
                              "org.a11y.Bus.GetAddress"], env=self.env,
                             capture_output=True).returncode:
            if time.monotonic() > until:
                raise Failure("the accessibility bus does not start")
            time.sleep(0.05)

    def end(self):
        for child in (self.launcher, self.bus):
            child.terminate()
            child.wait(LIMIT)
        self.bus.stdout.close()
        self.directory.cleanup()


def test_draft():
    """an entry with a draft is left alone, and the focus is put back; an empty one is typed into"""
    with Display() as display:
        bus = Accessibility(display)
        display.env = bus.env
        hand = Hand(display)
        sink, term = GtkSink(display), XtermSink(display, "term")
        sink.window = hand.wait_for(title="gtk")["window"]
        term.window = hand.wait_for(title="term")["window"]
        equal(hand.type("one", window=sink.window, submit="Return")["result"], "typed")
        equal(sink.take(), "one")
        hand.type("", window=term.window, restore=False)
        before = display.ask("focused")
        equal(sink.process.ask("half a thought"), "set")
        until = time.monotonic() + LIMIT
        while True:  # programs join the accessibility bus in their own time
            reply = hand.type("two", window=sink.window)
            if reply["code"] == "draft" or time.monotonic() > until:
                break
            sink.process.ask("half a thought")
        equal((reply["result"], reply["code"], reply["typed"]), ("held", "draft", 0), reply)
        equal(display.ask("focused"), before, "focus")
        reply = hand.type(" and more", window=sink.window, submit="Return", draft="ignore")
        equal(reply["result"], "typed", reply)
        check("and more" in sink.take(), "the draft was ignored on demand")
        equal(hand.type("three", window=sink.window, submit="Return")["result"], "typed")
        equal(sink.take(), "three")
        # what a terminal has cannot be known
        equal(hand.type("ls", window=term.window, submit="Return")["result"], "typed")
        hand.end()
        bus.end()


def test_hanging_bus():
    """an accessibility bus that does not answer does not keep a text for long"""
    with Display() as display:
        bus = Accessibility(display)
        display.env = bus.env
        hand = Hand(display)
        sink = GtkSink(display, NO_AT_BRIDGE="1")
        sink.window = hand.wait_for(title="gtk")["window"]
        bus.launcher.send_signal(19)  # SIGSTOP
        reply = hand.type("x", window=sink.window, submit="Return")
        equal(reply["result"], "typed", reply)
        check(reply["took"] < 3_000_000, reply)
        bus.launcher.send_signal(18)
        equal(sink.take(), "x")
        hand.end()
        bus.end()


run([test_draft, test_hanging_bus])
