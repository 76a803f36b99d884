#!/usr/bin/python3
"""display: what the X server says of its keyboard, as JSON: which keys are down, and a digest of the map.

Plain Xlib by way of ctypes, so that nothing that is tested has a part in it.
"""

import ctypes
import hashlib
import json
import sys

x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
x11.XQueryKeymap.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
x11.XDisplayKeycodes.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)]
x11.XGetKeyboardMapping.restype = ctypes.POINTER(ctypes.c_ulong)
x11.XGetKeyboardMapping.argtypes = [ctypes.c_void_p, ctypes.c_ubyte, ctypes.c_int, ctypes.POINTER(ctypes.c_int)]


def main():
    display = x11.XOpenDisplay(None)
    if not display:
        sys.exit("no display")
    keys = ctypes.create_string_buffer(32)
    x11.XQueryKeymap(display, keys)
    down = [code for code in range(256) if keys.raw[code // 8] >> (code % 8) & 1]
    first, last, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    x11.XDisplayKeycodes(display, first, last)
    count = last.value - first.value + 1
    symbols = x11.XGetKeyboardMapping(display, first.value, count, width)
    table = [symbols[i] for i in range(count * width.value)]
    # an unused key may get more columns that are all empty: they mean nothing
    rows = [table[i : i + width.value] for i in range(0, len(table), width.value)]
    text = ";".join(",".join(f"{s:x}" for s in row).rstrip(",0") for row in rows)
    print(json.dumps({"down": down, "map": hashlib.sha256(text.encode()).hexdigest()[:16], "rows": text}))


main()
