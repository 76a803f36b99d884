"""What is written down about the courier is what it does: the interface file and manual pages."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from courier import COURIER, NAME
from harness import HERE, check, equal, main

TOP = os.path.dirname(os.path.dirname(HERE))


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def manual(name):
    """A page without its escapes."""
    return re.sub(r"\\f.", "", read("docs", name).replace("\\-", "-"))


def introspect():
    return subprocess.run([COURIER, "--introspect=" + NAME], capture_output=True, text=True,
                          check=True).stdout


def members(tag):
    interface = ElementTree.fromstring(introspect()).find("interface")
    return {m.get("name"): m for m in interface.iter(tag)}


def test_the_interface_file_is_the_table():
    equal(read("dbus", NAME + ".xml"), introspect(), NAME + ".xml")


def arguments(member, direction):
    return [f"{a.get('type')} {a.get('name')}" for a in member.iter("arg")
            if a.get("direction", "in") == direction]


def test_the_manual_has_every_member_with_its_arguments():
    page = manual("org.waggle.Delivery1.5")
    described = set()
    for tag in ("method", "signal"):
        for name, member in members(tag).items():
            line = name + "(" + ", ".join(arguments(member, "in")) + ")"
            results = arguments(member, "out")
            if results:
                line += " \\(-> " + ", ".join(results)
            check(re.search("^" + re.escape(line) + "$", page, re.M), f"'{line}' is not there")
            described.add(name)
    for name, member in members("property").items():
        check(re.search(rf"^{name} {member.get('type')}$", page, re.M), f"property {name}")
    equal(set(re.findall(r"^([A-Z]\w+)\(", page, re.M)), described, "members described")


def test_the_manual_has_every_key_of_the_answers():
    page = manual("org.waggle.Delivery1.5")
    source = read("src", "delivery", "explain.c")
    keys = set(re.findall(r'_insert(?:_value)?\(&?d,\s*"([a-z-]+)"', source))
    check(len(keys) >= 18, f"only {len(keys)} keys found: {sorted(keys)}")
    described = {k for k in re.findall(r'^\.IP "([a-z-]+) [a-z{}]+" \d+$', page, re.M)}
    equal(described, keys, "keys of the answers")


def test_the_manual_has_every_key_of_the_configuration():
    page = manual("courier.conf.5")
    pattern = r'[{"A-Z]+,\s*\\?\s*"([A-Z]\w+)",\s*\\?\s*WG_CONFIG'
    source = read("src", "delivery", "settings.c") + read("src", "common", "service.h")
    keys = set(re.findall(pattern, source))
    check(len(keys) > 10, f"only {len(keys)} keys found in the tables")
    equal(set(re.findall(r"^([A-Z]\w+)=$", page, re.M)), keys, "keys in the manual")
    defaults = dict(re.findall(r'"([A-Z]\w+)",\s*WG_CONFIG_\w+,\s*"([^"]+)"',
                               read("src", "delivery", "settings.c")))
    for key, default in defaults.items():
        text = page[page.index("\n" + key + "=\n"):].split(".TP")[0]
        check(f"Default: {default}." in text, f"the default of {key}")


def test_the_manual_has_every_option():
    page = manual("waggle-courier.8")
    told = subprocess.run([COURIER, "--help"], capture_output=True, text=True, check=True).stdout
    for option in re.findall(r"--[a-z-]+", told):
        check(option in page, f"option {option}")


main(globals())
