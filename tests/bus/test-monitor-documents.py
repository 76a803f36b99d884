"""What is written down about the monitoring service's interfaces is what it does."""

import glob
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from harness import HERE, check, equal, main
from monitord import MONITORD, NAME

TOP = os.path.dirname(os.path.dirname(HERE))


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def interfaces():
    text = subprocess.run([MONITORD, "--introspect"], capture_output=True, text=True, check=True).stdout
    return re.findall(r'<interface name="([^"]+)">', text)


def part_of(interface):
    """The interface's part of the page, without its escapes."""
    page = re.sub(r"\\f.", "", read("docs", NAME + ".5").replace("\\-", "-")).replace("\\(->", "->")
    begin = page.index(f'.SH "INTERFACE {interface.upper()}"\n')
    return page[begin:].split("\n.SH ", 1)[0]


def lines_of(interface):
    """Members as the manual writes them."""
    text = subprocess.run([MONITORD, "--introspect=" + interface], capture_output=True, text=True,
                          check=True).stdout
    table, found = ElementTree.fromstring(text), set()
    for tag in ("method", "signal"):
        for member in table.iter(tag):
            sides = {"in": [], "out": []}
            for arg in member.iter("arg"):
                sides[arg.get("direction", "in")].append(f"{arg.get('type')} {arg.get('name')}")
            line = f"{member.get('name')}({', '.join(sides['in'])})"
            found.add(line + (" -> " + ", ".join(sides["out"]) if sides["out"] else ""))
    return found | {f"{p.get('name')} {p.get('type')}" for p in table.iter("property")}


def test_manual_has_every_member():
    check(len(interfaces()) >= 7, f"only {interfaces()}")
    for interface in interfaces():
        written = set(re.findall(r"^\.TP\n([A-Z]\w+(?:\(.*| [a-z(){}]+))$", part_of(interface), re.M))
        equal(written, lines_of(interface), f"members of {interface}")


def test_manual_has_the_action_of_each_method():
    header = dict(re.findall(r'#define (MON_ACTION_\w+) "([^"]+)"', read("src", "monitoring", "bus.h")))
    source = "".join(read("src", "monitoring", os.path.basename(p)) for p in
                     glob.glob(os.path.join(TOP, "src", "monitoring", "bus-*.c")))
    rows = re.findall(r'(?:\{\s*(\w+),|ROW\()\s*"(\w+)",\s*\w+,\s*(\w+),', source)
    check(len(rows) > 25, f"only {len(rows)} rows were found")
    page = "".join(part_of(interface) for interface in interfaces())
    for _interface, member, action in rows:
        said = [p.split("\n.TP")[0].split("\n.S")[0] for p in page.split(f"\n{member}(")[1:]]
        wanted = [header[action]] if action != "NULL" else []
        check(any(re.findall(r"^Action: ([a-z.]+)\.$", text, re.M) == wanted for text in said),
              f"the action of {member} is not {wanted} in the manual")


if __name__ == "__main__":
    main(globals())
