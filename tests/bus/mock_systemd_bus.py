"""The bus side of mock_systemd.py: a connection without any library's ideas of objects.

GDBus answers GetAll("") and calls to unknown paths by itself, which a manager of units must not let
it do; so messages are read from the socket here, descriptors included. Only their form is GLib's.
"""

import array
import os
import socket

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

BROKER = "org.freedesktop.DBus"
FDS = Gio.DBusCapabilityFlags.UNIX_FD_PASSING


class BusError(Exception):
    """What a call is answered with instead of a reply."""

    def __init__(self, name, text):
        super().__init__(text)
        self.name = name


class Call:
    """A method call that came in; `fds` are ours to close."""

    def __init__(self, message, fds):
        self.message, self.fds = message, fds
        self.sender, self.path = message.get_sender(), message.get_path()
        self.interface, self.member = message.get_interface(), message.get_member()
        body = message.get_body()
        self.args = body.unpack() if body is not None else ()


class Connection:
    """`called(call)` answers each method call: returns (signature, values), None for no values, or
    raises BusError; `vanished(name)` is told of connections that ended."""

    def __init__(self, address, called, vanished):
        path = dict(part.split("=", 1) for part in address.split(":", 1)[1].split(","))["path"]
        self.called, self.vanished = called, vanished
        self.serial, self.replies, self.buffer, self.fds = 0, {}, b"", []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self._authenticate()
        self.name = self.call("Hello", None)[0]
        self.call("AddMatch", GLib.Variant("(s)", (
            f"type='signal',sender='{BROKER}',member='NameOwnerChanged',arg2=''",)))

    def _authenticate(self):
        uid = str(os.getuid()).encode().hex()
        self.socket.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\nNEGOTIATE_UNIX_FD\r\n")
        answer = b""
        while answer.count(b"\r\n") < 2:
            answer += self.socket.recv(1024)
        assert b"OK " in answer and b"AGREE_UNIX_FD" in answer, answer
        self.socket.sendall(b"BEGIN\r\n")

    def _send(self, message):
        self.serial += 1
        message.set_serial(self.serial)
        try:
            self.socket.sendall(message.to_blob(FDS))
        except (BrokenPipeError, ConnectionResetError):
            pass  # turn() sees the end
        return self.serial

    def call(self, member, body):
        """A call to the broker, waited for; others are handled meanwhile."""
        message = Gio.DBusMessage.new_method_call(BROKER, "/org/freedesktop/DBus", BROKER, member)
        if body is not None:
            message.set_body(body)
        serial = self._send(message)
        self.replies[serial] = None
        while self.replies[serial] is None:
            if not self.turn():
                raise EOFError("the bus is gone")
        return self.replies.pop(serial)

    def emit(self, path, interface, member, signature, values):
        message = Gio.DBusMessage.new_signal(path, interface, member)
        message.set_body(GLib.Variant(signature, values))
        self._send(message)

    def reply(self, call, signature=None, values=()):
        if call.message.get_flags() & Gio.DBusMessageFlags.NO_REPLY_EXPECTED:
            return
        message = Gio.DBusMessage.new_method_reply(call.message)
        if signature:
            message.set_body(GLib.Variant(signature, values))
        self._send(message)

    def reply_error(self, call, name, text):
        if not call.message.get_flags() & Gio.DBusMessageFlags.NO_REPLY_EXPECTED:
            self._send(Gio.DBusMessage.new_method_error_literal(call.message, name, text))

    def turn(self):
        """Reads what is there (waits for something); False at the end of the connection."""
        room = socket.CMSG_SPACE(16 * array.array("i").itemsize)
        try:
            data, ancillary, _flags, _address = self.socket.recvmsg(65536, room,
                                                                    socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return False
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
                self.fds += list(fds)
        if not data:
            return False
        self.buffer += data
        while len(self.buffer) >= 16:
            size = Gio.DBusMessage.bytes_needed(self.buffer)
            if len(self.buffer) < size:
                break
            blob, self.buffer = self.buffer[:size], self.buffer[size:]
            self._handle(Gio.DBusMessage.new_from_blob(blob, FDS))
        return True

    def _handle(self, message):
        n = message.get_num_unix_fds()
        fds, self.fds = self.fds[:n], self.fds[n:]
        kind = message.get_message_type()
        if kind in (Gio.DBusMessageType.METHOD_RETURN, Gio.DBusMessageType.ERROR):
            body = message.get_body()
            if message.get_reply_serial() in self.replies:
                self.replies[message.get_reply_serial()] = body.unpack() if body else ()
        elif kind == Gio.DBusMessageType.SIGNAL:
            if message.get_member() == "NameOwnerChanged":
                name, _old, new = message.get_body().unpack()
                if not new:
                    self.vanished(name)
        else:
            self._answer(Call(message, fds))
        for fd in fds:
            os.close(fd)

    def _answer(self, call):
        try:
            result = self.called(call)
        except BusError as error:
            self.reply_error(call, error.name, str(error))
            return
        if result is not NotImplemented:  # it is answered later, or never
            self.reply(call, *(result or ()))
