#!/usr/bin/python3
"""idle: calls the service again and again, at distances around its idle limit.

    idle.py DOOR CALLS IDLE-SECONDS

The distance of the calls sweeps from nothing to three times the limit, so that many meet the service
while it decides to leave, leaves, or is gone. On the socket each is a connection of its own, as the
command line makes them; on the bus they share one. Prints how many were answered and how many
not, as JSON.
"""

import json
import sys
import time

from gi.repository import GLib

import call


def main():
    door, calls, idle = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    shared = call.connect(door) if door == "bus" else None
    answered, lost, errors = 0, 0, {}
    for number in range(calls):
        time.sleep(idle * 3 * (number % 61) / 60)
        try:
            connection = shared or call.connect(door)
            call.call(connection, door, call.NAME, "Ping", None)
            answered += 1
            if not shared:
                connection.close_sync(None)
        except GLib.Error as error:
            lost += 1
            errors[error.message] = errors.get(error.message, 0) + 1
    print(json.dumps({"calls": calls, "answered": answered, "lost": lost, "errors": errors}))


if __name__ == "__main__":
    main()
