#!/usr/bin/python3
"""sender: sends to an agent without an end, and says on the console which messages were acknowledged.

    sender.py AGENT

What stands on the console was promised before the power went; the console is outside of the machine.
"""

import sys

from gi.repository import GLib

import call


def main():
    connection = call.connect("socket")
    with open("/dev/ttyS0", "w", encoding="ascii") as console:
        count = 0
        while True:
            count += 1
            message = GLib.Variant("(saya{sv})", (sys.argv[1], f"text {count}".encode(), {}))
            number = call.call(connection, "socket", call.NAME, "Send", message).unpack()[0]
            console.write(f"\nacknowledged {number} {count} end\n")
            console.flush()


if __name__ == "__main__":
    main()
