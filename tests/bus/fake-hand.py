#!/usr/bin/python3
"""A hand without a window system: speaks the packets of src/typing/hand-protocol.h as a scenario says.

$WAGGLE_FAKE_HAND names a JSON file that is read at every request: {"windows": [...], "type": {...},
"start": ...}. What it is asked is appended to FILE.log, one JSON line a request. It is not the real
thing in one respect only: what it "types" arrives nowhere.

  bad-display: one that cannot be opened
  start: "ok", "no-display" (says so and leaves), "die" (before it is ready), "hang"
  type:  {"do": "reply" (default) | "die" | "hang" | "garbage" | "refuse" | "wrong-serial", ...} and
         with "reply" the keys of the answer; "after": seconds that it takes, which "stop" cuts short
"""

import json
import os
import select
import signal
import socket
import sys
import time

import gi

gi.require_version("GLib", "2.0")
from gi.repository import GLib  # noqa: E402

TYPES = {"windows": "aa{sv}", "candidates": "as", "window": "u", "pid": "u", "typed": "u",
         "total": "u", "submitted": "b", "took": "t", "retry": "t", "truncated": "b",
         "focused": "b", "visible": "b", "desktop": "i", "spare-keycodes": "u", "exact": "b",
         "characters": "aa{sv}", "sent": "u", "wrong": "u", "stopped": "b", "group": "u",
         "idle": "t", "locked": "b", "xi2": "b"}
SCENARIO = os.environ["WAGGLE_FAKE_HAND"]
LINK = socket.socket(fileno=3)
LINK.setblocking(True)  # it comes without waiting from the typist


def vardict(given):
    result = {}
    for key, value in given.items():
        kind = TYPES.get(key, "s")
        if kind == "aa{sv}":
            value = [vardict(entry) for entry in value]
        result[key] = GLib.Variant(kind, value)
    return result


def send(serial, kind, **arguments):
    packet = GLib.Variant("(usa{sv})", (serial, kind, vardict(arguments)))
    LINK.send(packet.get_data_as_bytes().get_data())


def receive():
    data = LINK.recv(256 * 1024)
    if not data:
        sys.exit(0)
    packet = GLib.Variant.new_from_bytes(GLib.VariantType("(usa{sv})"), GLib.Bytes.new(data), False)
    return packet.unpack()


def log(kind, arguments):
    with open(SCENARIO + ".log", "a", encoding="utf-8") as f:
        f.write(json.dumps({"kind": kind, "pid": os.getpid(), **arguments}) + "\n")


def scenario(key, default):
    with open(SCENARIO, encoding="utf-8") as f:
        return json.load(f).get(key, default)


def stopped(seconds):
    """Waits as if it typed; TRUE when "stop" came in between."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([LINK], [], [], left)[0]:
            serial, kind, arguments = receive()
            log(kind, arguments)
            if kind == "stop":
                send(serial, "reply", stopped=True)
                return True
    return False


def misbehave(what, serial):
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "hang":
        signal.pause()
    elif what == "garbage":
        LINK.send(b"\xff\x00garbage\x07")
    elif what == "wrong-serial":
        send(serial + 1000, "reply", result="typed")
    elif what == "refuse":
        send(serial, "error", code="org.waggle.Error.InvalidArgument", text="no such key")
    else:
        return False
    return True


def answer_type(serial, arguments):
    plan = dict(scenario("type", {}))
    if misbehave(plan.pop("do", "reply"), serial):
        return
    if stopped(plan.pop("after", 0)):
        send(serial, "reply", result="partial", cause="stopped", code="stopped", typed=1, total=9)
        return
    n = len(arguments["text"])
    answer = {"result": "typed", "cause": "", "code": "", "typed": n, "total": n,
              "submitted": arguments["submit"] != "", "window": arguments["window"], "took": 1000}
    send(serial, "reply", **{**answer, **plan})


def answer(serial, kind, arguments):
    log(kind, arguments)
    if kind == "type":
        answer_type(serial, arguments)
    elif kind == "windows":
        fitting = [w for w in scenario("windows", [])
                   if all(w.get(k) == v for k, v in arguments.items())]
        if not misbehave(scenario("list", "reply"), serial):
            send(serial, "reply", windows=fitting, truncated=False)
    elif kind == "doctor":
        send(serial, "reply", layout="us", verdict="every character survives", exact=True,
             characters=[{"sample": "ascii", "sent": 95, "wrong": 0, "what": ""}],
             **{"spare-keycodes": 19})
    elif kind == "stop":
        send(serial, "reply", stopped=False)
    else:
        send(serial, "error", code="org.waggle.Error.InvalidArgument", text="unknown request")


def main():
    log("start", {"display": os.environ.get("DISPLAY", ""), "arguments": sys.argv[1:],
                  "notify": os.environ.get("NOTIFY_SOCKET", ""),
                  "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1]})
    start = scenario("start", "ok")
    if start == "no-display" or scenario("bad-display", None) == os.environ["DISPLAY"]:
        send(0, "leaving", code="no-display", text="the display :9 cannot be opened")
        sys.exit(3)
    if not misbehave(start, 0):
        send(0, "ready", display=os.environ["DISPLAY"], layout="us", locked=False,
             xi2=scenario("xi2", True))
    while True:
        answer(*receive())


main()
