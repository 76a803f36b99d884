#!/usr/bin/python3
"""coldstart: the time from connecting to a socket whose service does not run to the first answer.

    coldstart.py SOCKET

Speaks the bytes of D-Bus itself, made beforehand and sent in one piece, so that the figure
holds no time of a library. Prints microseconds.
"""

import os
import socket
import struct
import sys
import time


def _string(text):
    data = text.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def _field(buffer, code, kind, value):
    buffer += b"\0" * (-len(buffer) % 8)
    return buffer + struct.pack("<BBcB", code, 1, kind, 0) + value


def ping():
    """A call of org.waggle.Messaging1.Ping, marshalled."""
    fields = _field(b"", 1, b"o", _string("/org/waggle/Messaging1"))
    fields = _field(fields, 2, b"s", _string("org.waggle.Messaging1"))
    fields = _field(fields, 3, b"s", _string("Ping"))
    header = struct.pack("<cBBBIII", b"l", 1, 0, 1, 0, 1, len(fields)) + fields
    return header + b"\0" * (-len(header) % 8)


def main():
    uid = str(os.getuid()).encode().hex()
    hello = b"\0AUTH EXTERNAL " + uid.encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n" + ping()
    client = socket.socket(socket.AF_UNIX)
    begin = time.perf_counter_ns()
    client.connect(sys.argv[1])
    client.sendall(hello)
    answer = b""
    while b"AGREE_UNIX_FD\r\n" not in answer or len(answer.split(b"AGREE_UNIX_FD\r\n", 1)[1]) < 16:
        data = client.recv(4096)
        if not data:
            sys.exit(f"the service closed the connection after {answer!r}")
        answer += data
    end = time.perf_counter_ns()
    # little endian, method return
    if answer.split(b"AGREE_UNIX_FD\r\n", 1)[1][:2] != b"l\x02":
        sys.exit(f"no method return: {answer!r}")
    print((end - begin) // 1000)


if __name__ == "__main__":
    main()
