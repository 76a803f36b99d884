"""What is written down about the deployment service's interface is what it does."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from deployd import DEPLOYD, JOB, NAME, TARGET
from harness import HERE, check, equal, main

TOP = os.path.dirname(os.path.dirname(HERE))


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def manual():
    """The page without its escapes; the root's part, the job's and the target's."""
    page = re.sub(r"\\f.", "", read("docs", "org.waggle.Deployment1.5").replace("\\-", "-"))
    page = page.replace("\\(->", "->")
    job, target = (page.index(f'.SH "INTERFACE ORG.WAGGLE.DEPLOYMENT1.{x}"') for x in ("JOB", "TARGET"))
    return page[:job], page[job:target], page[target:]


def test_interface_files_are_the_tables():
    for interface in (NAME, JOB, TARGET):
        text = subprocess.run([DEPLOYD, "--introspect=" + interface], capture_output=True, text=True,
                              check=True).stdout
        equal(read("dbus", interface + ".xml"), text, interface + ".xml")


def table(interface):
    text = subprocess.run([DEPLOYD, "--introspect=" + interface], capture_output=True, text=True,
                          check=True).stdout
    return ElementTree.fromstring(text)


def lines_of(interface):
    """Members as the manual writes them."""
    found = set()
    for tag in ("method", "signal"):
        for member in table(interface).iter(tag):
            sides = {"in": [], "out": []}
            for arg in member.iter("arg"):
                side = arg.get("direction", "in")
                sides[side].append(f"{arg.get('type')} {arg.get('name')}")
            line = f"{member.get('name')}({', '.join(sides['in'])})"
            found.add(line + (" -> " + ", ".join(sides["out"]) if sides["out"] else ""))
    for member in table(interface).iter("property"):
        found.add(f"{member.get('name')} {member.get('type')}")
    return found


def test_manual_has_every_member():
    for page, interface in zip(manual(), (NAME, JOB, TARGET)):
        page = page.split(".SH ERRORS")[0]
        written = set(re.findall(r"^\.TP\n([A-Z]\w+(?:\(.*| [a-z(){}]+))$", page, re.M))
        equal(written, lines_of(interface), f"members of {interface}")


def test_manual_has_every_option():
    page = manual()[0]
    source = read("src", "deployment", "bus-options.c")
    options = {f"{key} {kind}" for key, kind in re.findall(r'\{"([a-z-]+)", "([a-z{}]+)"\}', source)}
    check(len(options) >= 15, f"only {len(options)} options found in the tables")
    equal(set(re.findall(r'^\.TP\n"([a-z-]+ [a-z{}]+)"$', page, re.M)), options, "options")


def test_manual_has_the_action_of_each_method():
    header = dict(re.findall(r'#define (DPL_ACTION_\w+) "([^"]+)"', read("src", "deployment", "bus.h")))
    rows = re.findall(r'\{(ROOT|JOB), "(\w+)", \w+, (\w+),', read("src", "deployment", "bus-tables.c"))
    check(len(rows) > 15, "the table was not found")
    for part, member, action in rows:
        page = manual()[part == "JOB"]
        said = page[page.index(f"\n{member}("):].split("\n.TP")[0].split("\n.S")[0]
        wanted = [header[action]] if action != "NULL" else []
        equal(re.findall(r"^Action: ([a-z.]+)\.$", said, re.M), wanted, f"the action of {member}")


def test_manual_has_every_field_of_a_deployment():
    page = manual()[0]
    said = page[page.index("\nListDeployments("):].split("\n.TP")[0]
    source = read("src", "deployment", "bus-json.c")
    fields = re.findall(r'\{"([a-z_]+)",\s+"[stib]"\}', source)
    check(len(fields) > 20, f"only {len(fields)} fields found")
    for field in fields:
        check(re.search(rf"\b{field.replace('_', '-')}\b", said), f"field {field} is not in the manual")


if __name__ == "__main__":
    main(dict(globals()))
