#!/usr/bin/python3
"""scrape WHERE: the metrics behind a Unix socket, or a port of this machine, as a server of Prometheus reads them."""

import socket
import sys


def connect(where, timeout):
    if where.isdigit():
        return socket.create_connection(("127.0.0.1", int(where)), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    connection.connect(where)
    return connection


def scrape(where, timeout=20):
    connection = connect(where, timeout)
    connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit(head.decode(errors="replace"))
    return body.decode()


if __name__ == "__main__":
    sys.stdout.write(scrape(sys.argv[1]))
