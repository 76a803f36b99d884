#!/usr/bin/python3
"""The names that units, bus policy and activation files are written with are those of the code."""

import configparser
import pathlib
import re
import sys
import xml.etree.ElementTree

import checks

TOP = pathlib.Path(sys.argv[1])
HEADER = (TOP / "src/common/names.h").read_text(encoding="utf-8")
NAMES = dict(re.findall(r'^#define (WG_\w+) "([^"]*)"', HEADER, re.MULTILINE))
BUS_NAME = NAMES["WG_BUS_MESSAGING"]


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    text = (TOP / "units" / path).read_text(encoding="utf-8")
    parser.read_string("\n".join(line for line in text.splitlines() if not line.startswith("@")))
    return parser


def sockets():
    for scope in ("system", "user"):
        socket = unit(f"{scope}/waggle-messaged.socket")["Socket"]
        path = f"%t/{NAMES['WG_SOCKET_DIR']}/{NAMES['WG_SOCKET_MESSAGING']}"
        assert socket["ListenStream"] == path, socket["ListenStream"]
        assert socket["FileDescriptorName"] == NAMES["WG_FD_NAME_PRIVATE"]


def services():
    for scope in ("system", "user"):
        service = unit(f"{scope}/waggle-messaged.service.in")["Service"]
        assert service["BusName"] == BUS_NAME
        assert service["ExecStart"].endswith(f"/waggle-messaged --{scope}"), service["ExecStart"]
        assert service["RuntimeDirectory"] != NAMES["WG_SOCKET_DIR"], "the socket would go with the service"


def activation():
    for bus in ("system", "session"):
        text = (TOP / f"dbus/{BUS_NAME}.{bus}.service").read_text(encoding="utf-8")
        assert f"\nName={BUS_NAME}\n" in text and "\nSystemdService=waggle-messaged.service\n" in text, text


def policy():
    root = xml.etree.ElementTree.parse(TOP / f"dbus/{BUS_NAME}.conf.in").getroot()
    rules = [(p.get("user"), p.get("context"), rule) for p in root for rule in p]
    assert rules and not [r for _, _, r in rules if r.tag != "allow"]
    for user, context, rule in rules:
        if rule.get("own"):
            assert (user, rule.get("own")) == ("@messaged_user@", BUS_NAME)
        else:
            assert rule.get("send_destination") == BUS_NAME
            assert rule.get("send_interface"), "opened for every interface"
            assert context == "default" or user == "root"
    opened = {r.get("send_interface") for _, context, r in rules if context == "default" and r.get("send_interface")}
    own = {value for name, value in NAMES.items() if name.startswith("WG_IFACE_")}
    standard = {"org.freedesktop.DBus." + i for i in ("Introspectable", "ObjectManager", "Peer", "Properties")}
    assert opened == own | standard, opened ^ (own | standard)


def interfaces():
    files = {p.stem for p in (TOP / "dbus").glob("*.xml")}
    own = {value for name, value in NAMES.items() if name.startswith("WG_IFACE_")}
    assert files == own, files ^ own


checks.run(
    {
        "the sockets have the names the daemon looks for": sockets,
        "the services have its bus name": services,
        "the activation files start its unit": activation,
        "the bus policy opens exactly its interfaces": policy,
        "there is an interface file for each interface": interfaces,
    }
)
