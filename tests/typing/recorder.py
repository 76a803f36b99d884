"""What runs inside xterm: puts the terminal into raw mode and writes every byte that is typed to
the file named, carriage return as newline. Never interprets anything."""

import os
import sys
import termios
import tty

out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
tty.setraw(0, termios.TCSANOW)
os.write(out, b"ready\n")
while True:
    data = os.read(0, 65536)
    if not data:
        break
    os.write(out, data.replace(b"\r", b"\n"))
