#!/usr/bin/python3
"""scrape PATH: the metrics behind a Unix socket, as a server of Prometheus reads them."""

import socket
import sys


def main(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    connection.connect(path)
    connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit(head.decode(errors="replace"))
    sys.stdout.write(body.decode())


main(sys.argv[1])
