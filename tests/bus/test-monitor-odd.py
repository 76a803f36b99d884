"""Arguments that nobody expects, at every method of the interfaces: other types, empty and huge texts, other
characters, deep nesting, the ends of numbers, descriptors of all kinds, options of other types. Each call is
answered, and soon; the answer is a value or an error with a sentence; afterwards the service works."""

import os
import socket
import subprocess
import xml.etree.ElementTree

from gi.repository import Gio, GLib

from harness import main, refused
from monitord import METRICS, MONITORD, PATH, Monitord, check, equal

MEGA = 1 << 20
TEXTS = ["", " ", "x" * MEGA, "../../etc/passwd", "\x01\n\t\x7f", "\u202e\ufffe\U0010ffff", "%s%n", "[" * 100000,
         "(" * 100000, "-" * 50000, "sum(" * 3000 + "1" + ")" * 3000, "1" + "+1" * 50000, "9" * 400,
         "x[9999999999y]", '{"name":' * 20000, "{}", "[]", "null", 'a=~"' + "(" * 500 + '"', 'a=~"(x+x+)+y"',
         "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]"]  # fmt: skip
NUMBERS = [0, 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1]
WRONG = {"()": (), "(s)": ("x",), "(ssssss)": ("x",) * 6, "(i)": (-1,), "(v)": (GLib.Variant("s", "x"),),
         "(ay)": (b"x",), "(a{ss})": ({"a": "b"},), "(at)": ([1],)}  # fmt: skip
OPTIONS = ["revision", "wait", "max", "limit", "since", "until", "from", "to", "time", "step", "duration", "comment",
           "all", "states", "tags", "matchers", "owner", "pid", "text", "ends-at", "starts-at", "waiting", "rules"]  # fmt: skip
VALUES = [GLib.Variant("s", ""), GLib.Variant("s", "x" * MEGA), GLib.Variant("t", 2**64 - 1), GLib.Variant("x", -1),
          GLib.Variant("d", float("nan")), GLib.Variant("as", ["x"] * 9000), GLib.Variant("a{ss}", {"..": "groups:"}),
          GLib.Variant("v", GLib.Variant("s", "x")), GLib.Variant("u", 2**32 - 1), GLib.Variant("h", 0)]  # fmt: skip
DEFAULT = {"s": "nothing", "t": 1, "a{sv}": {}, "h": 0}


def methods():
    """(interface, method, types) of what the program says that it has."""
    dump = subprocess.run([MONITORD, "--introspect"], capture_output=True, text=True, check=True).stdout
    for part in dump.split("<node>")[1:]:
        node = xml.etree.ElementTree.fromstring("<node>" + part[:part.index("</node>") + 7])
        for interface in node.iter("interface"):
            for method in interface.iter("method"):
                types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
                yield interface.get("name"), method.get("name"), types


def memfd(text):
    fd = os.memfd_create("odd")
    os.write(fd, text.encode())
    os.lseek(fd, 0, 0)
    return fd


def descriptors():
    yield from (os.open(path, os.O_RDONLY) for path in ("/dev/null", "/dev/zero", "/", "/proc/self/mem"))
    yield os.pipe()[0]
    yield socket.socketpair()[0].detach()
    hole = os.memfd_create("hole")
    os.ftruncate(hole, 1 << 30)
    yield hole
    yield from (memfd(text) for text in TEXTS)


def odd(types):
    """(signature, arguments, descriptor or None) to call a method of these types with."""
    plain, right = [DEFAULT[t] for t in types], "(" + "".join(types) + ")"
    for signature, args in WRONG.items():
        if signature != right:
            yield signature, args, None
    for i, t in enumerate(types):
        values = {"s": TEXTS, "t": NUMBERS, "h": [7], "a{sv}": [
            *({"": v} for v in VALUES[:1]), {"x" * 100000: VALUES[0]}, {f"o{n}": VALUES[0] for n in range(500)},
            *({name: VALUES[(i + k) % len(VALUES)]} for i, name in enumerate(OPTIONS) for k in range(3))]}[t]  # fmt: skip
        for value in values:
            yield right, plain[:i] + [value] + plain[i + 1:], None
    for fd in descriptors() if "h" in types else ():
        yield right, plain, fd


def call(connection, interface, method, signature, args, fd):
    message = Gio.DBusMessage.new_method_call(None, PATH, interface, method)
    message.set_body(GLib.Variant(signature, tuple(args)))
    if fd is None and "h" in signature:
        fd = os.open("/dev/null", os.O_RDONLY)
    if fd is not None:
        message.set_unix_fd_list(Gio.UnixFDList.new_from_array([fd]))  # takes it
    # GLib.Error: not answered in time, or the connection was closed
    reply = connection.send_message_with_reply_sync(message, Gio.DBusSendMessageFlags.NONE, 90000, None)[0]
    if reply.get_message_type() != Gio.DBusMessageType.ERROR:
        return
    name, text = reply.get_error_name(), reply.get_body() and reply.get_body().unpack()[0]
    check(name.startswith(("org.waggle.Error.", "org.freedesktop.DBus.Error.InvalidArgs")), f"{method}: {name}")
    check(text, f"{method}: {name} without a word")


def test_odd_arguments():
    with Monitord() as d:
        d.unit("a.service")
        c, n = d.caller(), 0
        for interface, method, types in methods():
            if method == "Watch":  # it waits where there is nothing to tell
                continue
            for signature, args, fd in odd(types):
                call(c.client.connection, interface, method, signature, args, fd)
                n += 1
        check(n > 1500, str(n))
        c.call("Ping")
        equal(c.get("Degraded"), [])


def test_steps_without_an_end():
    """A step beyond what a signed number holds went backwards for ever."""
    with Monitord() as d:
        c = d.caller()
        for step in (2**62, 2**63 - 1, 2**63, 2**64 - 1):
            equal(c.with_options(METRICS, "QueryRange", "sttt", "1", 5, 7, step)[0], [("", {}, [(5, 1.0)])])
        refused("InvalidArgument", c.with_options, METRICS, "QueryRange", "sttt", "1", 0, 2**64 - 1, 2**63)


if __name__ == "__main__":
    main(globals())
