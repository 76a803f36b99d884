#!/usr/bin/python3
"""smtp PORT FILE: a mail server that takes everything, and writes each mail down as a line of JSON."""

import json
import socketserver
import sys


class Server(socketserver.StreamRequestHandler):
    def answer(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self):
        lines = []
        while (line := self.rfile.readline().rstrip(b"\r\n")) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"\n".join(lines).decode()

    def handle(self):
        mail = {"to": []}
        self.answer("220 test")
        while line := self.rfile.readline().decode().strip():
            word = line.upper()
            if word.startswith("MAIL FROM:"):
                mail = {"from": line[10:].split()[0].strip("<>"), "to": []}
            elif word.startswith("RCPT TO:"):
                mail["to"].append(line[8:].split()[0].strip("<>"))
            elif word == "DATA":
                self.answer("354 go on")
                mail["data"] = self.data()
                with open(sys.argv[2], "a", encoding="utf-8") as file:
                    file.write(json.dumps(mail) + "\n")
            elif word == "QUIT":
                self.answer("221 bye")
                return
            self.answer("250 test")


socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
