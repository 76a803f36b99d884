"""What is written down about the daemon is what it does: interface files, manual pages, polkit."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from client import SIGNATURES
from harness import DAEMON, HERE, check, equal, main

TOP = os.path.dirname(os.path.dirname(HERE))
INTERFACES = ("org.waggle.Messaging1", "org.waggle.Messaging1.Agent",
              "org.waggle.Messaging1.Courier")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def manual(name):
    """A page without its escapes."""
    return re.sub(r"\\f.", "", read("docs", name).replace("\\-", "-"))


def introspect(interface):
    return subprocess.run([DAEMON, "--introspect=" + interface], capture_output=True, text=True,
                          check=True).stdout


def members(tag):
    return {m.get("name") for i in INTERFACES
            for m in ElementTree.fromstring(introspect(i)).iter(tag)}


def test_interface_files_are_the_tables():
    for interface in INTERFACES:
        equal(read("dbus", interface + ".xml"), introspect(interface), interface + ".xml")


def test_manual_has_every_member():
    page = manual("org.waggle.Messaging1.5")
    for tag in ("method", "signal"):
        for name in members(tag):
            check(re.search(rf"^{name}\(", page, re.M), f"{tag} {name} is not in the manual")
    for name in members("property"):
        check(re.search(rf"^{name} [a-z]", page, re.M), f"property {name} is not in the manual")


def test_manual_has_no_member_too_many():
    page = manual("org.waggle.Messaging1.5")
    described = set(re.findall(r"^([A-Z]\w+)\(", page, re.M))
    equal(described, members("method") | members("signal"), "members described")


def test_manual_has_every_option():
    page = manual("org.waggle.Messaging1.5")
    table = read("src", "messaging", "bus-options.c")
    options = set(re.findall(r'\{"([a-z-]+)", "([a-z{}]+)"\}', table))
    check(len(options) > 50, f"only {len(options)} options found in the tables")
    for key, kind in options:
        check(f'"{key} {kind}"' in page or f"{key} {kind}" in page,
              f"option {key} of type {kind} is not in the manual")


def test_manual_has_every_key_of_the_configuration():
    page = manual("messaged.conf.5")
    source = read("src", "messaging", "settings.c") + read("src", "common", "service.h")
    keys = set(re.findall(r'[{"A-Z]+,\s*\\?\s*"([A-Z]\w+)",\s*\\?\s*WG_CONFIG', source))
    check(len(keys) > 25, f"only {len(keys)} keys found in the tables")
    equal(set(re.findall(r"^([A-Z]\w+)=$", page, re.M)), keys, "keys in the manual")


def test_manual_has_every_error():
    page = manual("org.waggle.Messaging1.5")
    names = re.findall(r'WG_ERROR_PREFIX "(\w+)"', read("src", "common", "error.c"))
    # what only other services answer stands in their manuals
    others = {"NoDisplay": "org.waggle.Typing1.5"}
    others |= dict.fromkeys(("UnknownDeployment", "UnknownTarget", "TargetBusy", "Poisoned"), "org.waggle.Deployment1.5")
    others |= dict.fromkeys(("UnknownService", "NotFound", "Compacted"), "org.waggle.Monitoring1.5")
    for name in set(names) - {"Timeout", "Locked"}:  # the command line's, the start's
        where = manual(others[name]) if name in others else page
        check(name in where, f"error {name} is not in the manual")


def test_every_polkit_action_is_used_and_there():
    policy = set(re.findall(r'action id="([^"]+)"',
                            read("polkit", "org.waggle.messaging.policy.in")))
    header = dict(re.findall(r'#define (MSG_ACTION_\w+) "([^"]+)"',
                             read("src", "messaging", "bus-access.h")))
    equal(set(header.values()), policy, "actions in the code and in the policy")
    pairs = dict(re.findall(r'\{"(\w+)", (MSG_ACTION_\w+)\}',
                            read("src", "messaging", "bus-access.c")))
    equal(set(pairs.values()), set(header), "actions that a method uses")
    page = manual("org.waggle.Messaging1.5")
    for method, action in pairs.items():
        check(method in members("method"), f"{method} is no method")
        section = page[page.index(header[action]):].split(".TP")[0]
        check(re.search(rf"\b{method}\b", section), f"{method} is not under {header[action]}")


def test_every_method_is_known_to_the_tests():
    equal(set(SIGNATURES), members("method"), "methods that client.py knows")


main(globals())
