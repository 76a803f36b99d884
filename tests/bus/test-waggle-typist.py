"""The command line's verbs about the typist, against a service that answers as each test says."""

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

import threading

from harness import Bus, Daemon, check, equal, main
from waggle import Cli

OK, FAILURE, USAGE, UNREACHABLE, RETRY = 0, 1, 2, 6, 7
NAME, PATH = "org.waggle.Typing1", "/org/waggle/Typing1"
XML = """<node><interface name="org.waggle.Typing1">
<method name="Type"><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
 <arg type="a{sv}" direction="in"/><arg type="s" direction="out"/><arg type="a{sv}" direction="out"/></method>
<method name="ListWindows"><arg type="a{sv}" direction="in"/><arg type="aa{sv}" direction="out"/></method>
<method name="Doctor"><arg type="a{sv}" direction="in"/><arg type="a{sv}" direction="out"/></method>
<method name="Hold"><arg type="s" direction="in"/><arg type="t" direction="in"/></method>
<method name="Release"/></interface></node>"""


class Typist:
    """Serves the interface on a bus of its own, on a thread; `answers`: method -> GVariant."""

    def __init__(self, **answers):
        self.daemon = Daemon()
        self.bus = Bus(self.daemon.directory)
        self.answers, self.calls = answers, []
        self.context, self.ready = GLib.MainContext(), threading.Event()
        self.loop = GLib.MainLoop(self.context)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        self.ready.wait(20)
        self.cli = Cli(self.daemon, DBUS_SESSION_BUS_ADDRESS=self.bus.address)

    def _serve(self):
        self.context.push_thread_default()
        c = Gio.DBusConnection.new_for_address_sync(
            self.bus.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        c.set_exit_on_close(False)
        info = Gio.DBusNodeInfo.new_for_xml(XML)
        c.register_object(PATH, info.interfaces[0], self._called, None, None)
        c.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                    "RequestName", GLib.Variant("(su)", (NAME, 4)), None, 0, 10000, None)
        self.ready.set()
        self.loop.run()

    def _called(self, _c, _sender, _path, _interface, method, args, invocation):
        self.calls.append((method, args.unpack()))
        answer = self.answers.get(method)
        if isinstance(answer, str):
            invocation.return_dbus_error(answer, "the reason for it")
        else:
            invocation.return_value(answer)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.loop.quit()
        self.thread.join(20)
        self.bus.stop()
        self.daemon.__exit__(*why)


def typed(result, **details):
    pairs = {k.replace("_", "-"): v for k, v in details.items()}
    return GLib.Variant("(sa{sv})", (result, pairs))


def s(text):
    return GLib.Variant("s", text)


def u(number):
    return GLib.Variant("u", number)


def test_windows():
    row = {"window": u(0x1a00003), "class": s("XTerm"), "title": s("ä \x1b[31m x"), "pid": u(7),
           "profile": s("xterm"), "focused": GLib.Variant("b", True)}
    with Typist(ListWindows=GLib.Variant("(aa{sv})", ([row],))) as t:
        out = t.cli.run("typist", "windows")
        check("0x1a00003" in out and "XTerm" in out and "1 window" in out, out)
        check("\x1b[31m" not in out, "a title steers the terminal")
        equal(t.cli.json("typist", "windows", "agent*")[0]["pid"], 7)
        equal(t.calls[-1], ("ListWindows", ({"title": "agent*"},)))


def test_doctor():
    good = {"sample": s("Latin"), "sent": u(10), "wrong": u(0), "what": s("")}
    bad = {"sample": s("Emoji"), "sent": u(5), "wrong": u(2), "what": s("😀 came as ?")}
    for rows, status in (([good], OK), ([good, bad], FAILURE), ([], FAILURE)):
        report = {"layout": s("de"), "characters": GLib.Variant("aa{sv}", rows),
                  "spare-keycodes": u(19), "verdict": s("so it is")}
        with Typist(Doctor=GLib.Variant("(a{sv})", (report,))) as t:
            out = t.cli.run("typist", "doctor", status=status)
            check("so it is" in out, out)
            if bad in rows:
                check("3 of 5" in out and "came as" in out, out)


def test_type():
    with Typist(Type=typed("typed", typed=u(5))) as t:
        t.cli.run("typist", "type", "hello", "there", "--class=XTerm", "--at=-5,6", "--no-submit",
                  "--now", "--window=0x10", "--pid=7", "--profile=xterm")
        text, target, options = t.calls[0][1]
        equal((text, target, options),
              ("hello there", {"class": "XTerm", "x": -5, "y": 6, "window": 16, "pid": 7},
               {"submit": False, "idle": 0, "profile": "xterm"}))
        for wrong in ("--at=5", "--window=x", "--pid=0"):
            t.cli.run("typist", "type", "x", wrong, status=USAGE)
        t.cli.run("typist", "type", "x", status=USAGE)
        check("typist windows" in t.cli.errors, t.cli.errors)


def test_what_was_not_typed_is_said():
    for result, status in (("held", RETRY), ("failed", FAILURE), ("partial", FAILURE)):
        with Typist(Type=typed(result, cause=s("a human types"))) as t:
            t.cli.run("typist", "type", "x", "--class=X", status=status)
            equal(t.cli.errors, f"waggle: {result}: a human types\n")
            answer = t.cli.json("typist", "type", "x", "--class=X", status=status)
            equal((answer["result"], answer["cause"]), (result, "a human types"))


def test_hold_and_release():
    with Typist(Hold=None, Release=None) as t:
        out = t.cli.run("typist", "hold", "I", "am", "writing", "--for=5min")
        check("5min" in out, out)
        t.cli.run("typist", "hold")
        t.cli.run("typist", "release")
        equal([c[1] for c in t.calls], [("I am writing", 300000000), ("", 0), ()])


def test_no_typist_and_no_display():
    with Typist(ListWindows="org.waggle.Error.NoDisplay") as t:
        t.cli.run("typist", "windows", status=FAILURE)
        equal(t.cli.errors, "waggle: the reason for it\n")
    with Daemon() as d:
        bus = Bus(d.directory)
        cli = Cli(d, DBUS_SESSION_BUS_ADDRESS=bus.address)
        cli.run("typist", "hold", status=UNREACHABLE)
        check("waggle-typist cannot be reached" in cli.errors, cli.errors)
        bus.stop()


main(globals())
