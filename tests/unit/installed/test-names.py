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
# a service: its word in names.h, and the scopes it is there for
SERVICES = {
    "waggle-messaged": ("MESSAGING", ("system", "user")),
    "waggle-courier": ("DELIVERY", ("user",)),
    "waggle-typist": ("TYPING", ("user",)),
    "waggle-monitord": ("MONITORING", ("system", "user")),
}


def interfaces_of(word):
    """The interfaces of a service are its bus name and what lies below it."""
    bus_name = NAMES["WG_BUS_" + word]
    own = {value for name, value in NAMES.items() if name.startswith("WG_IFACE_")}
    return {value for value in own if value == bus_name or value.startswith(bus_name + ".")}


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    text = (TOP / "units" / path).read_text(encoding="utf-8")
    parser.read_string("\n".join(line for line in text.splitlines() if not line.startswith("@")))
    return parser


def sockets():
    for name, (word, scopes) in SERVICES.items():
        for scope in scopes:
            socket = unit(f"{scope}/{name}.socket")["Socket"]
            path = f"%t/{NAMES['WG_SOCKET_DIR']}/{NAMES['WG_SOCKET_' + word]}"
            assert socket["ListenStream"] == path, socket["ListenStream"]
            assert socket["FileDescriptorName"] == NAMES["WG_FD_NAME_PRIVATE"]
            assert scope == "system" or socket["SocketMode"] == "0600", "a user's socket is open to others"


def services():
    for name, (word, scopes) in SERVICES.items():
        for scope in scopes:
            service = unit(f"{scope}/{name}.service.in")["Service"]
            assert service["BusName"] == NAMES["WG_BUS_" + word]
            assert service["ExecStart"].endswith(f"/{name} --{scope}"), service["ExecStart"]
            assert service["RuntimeDirectory"] != NAMES["WG_SOCKET_DIR"], "the sockets would go with the service"


def instance():
    service = unit("system/waggle-courier@.service.in")["Service"]
    assert service["User"] == "%i", "it would have the rights of somebody else than the agent's owner"
    assert "BusName" not in service
    assert "%i" in service["StateDirectory"] and "%i" in service["RuntimeDirectory"]
    assert not (TOP / "units/system/waggle-courier@.socket").exists()


def activation():
    for name, (word, scopes) in SERVICES.items():
        bus_name = NAMES["WG_BUS_" + word]
        for bus, scope in (("system", "system"), ("session", "user")):
            path = TOP / f"dbus/{bus_name}.{bus}.service"
            assert path.exists() == (scope in scopes), path
            if path.exists():
                text = path.read_text(encoding="utf-8")
                assert f"\nName={bus_name}\n" in text and f"\nSystemdService={name}.service\n" in text, text


def target():
    wanted = unit("user/waggle.target")["Unit"]["Wants"].split()
    assert wanted == ["waggle-messaged.socket", "waggle-courier.socket"], wanted
    wanted = unit("system/waggle.target")["Unit"]["Wants"].split()
    assert wanted == ["waggle-messaged.socket"], wanted


def policy_of(word, owner):
    bus_name = NAMES["WG_BUS_" + word]
    root = xml.etree.ElementTree.parse(TOP / f"dbus/{bus_name}.conf.in").getroot()
    rules = [(p.get("user"), p.get("context"), rule) for p in root for rule in p]
    assert rules and not [r for _, _, r in rules if r.tag != "allow"]
    for user, context, rule in rules:
        if rule.get("own"):
            assert (user, rule.get("own")) == (owner, bus_name)
        else:
            assert rule.get("send_destination") == bus_name
            assert rule.get("send_interface"), "opened for every interface"
            assert context == "default" or user == "root"
    opened = {r.get("send_interface") for _, context, r in rules if context == "default" and r.get("send_interface")}
    own = interfaces_of(word)
    standard = {"org.freedesktop.DBus." + i for i in ("Introspectable", "ObjectManager", "Peer", "Properties")}
    assert opened == own | standard, opened ^ (own | standard)


def policy():
    policy_of("MESSAGING", "@messaged_user@")
    policy_of("MONITORING", "@monitord_user@")


def metrics():
    """HTTP comes by other sockets of the same service, and is nobody's business elsewhere."""
    for scope in ("system", "user"):
        socket = unit(f"{scope}/waggle-monitord-metrics.socket")["Socket"]
        assert socket["FileDescriptorName"] == NAMES["WG_FD_NAME_METRICS"]
        assert socket["Service"] == "waggle-monitord.service"
        text = (TOP / f"units/{scope}/waggle-monitord-metrics.socket").read_text(encoding="utf-8")
        for address in re.findall(r"^ListenStream=(.*)$", text, re.MULTILINE):
            assert address.startswith(("127.0.0.1:", f"%t/{NAMES['WG_SOCKET_DIR']}/")), address


def closed():
    """The courier and the typist are a user's: nothing of theirs may be on the system bus."""
    files = {p.name for p in (TOP / "dbus").glob("*.conf.in")}
    assert files == {BUS_NAME + ".conf.in", NAMES["WG_BUS_MONITORING"] + ".conf.in"}, files


def interfaces():
    files = {p.stem for p in (TOP / "dbus").glob("*.xml")}
    # a service that is not in this source yet has no tables to dump
    own = set()
    for word, room in (("MESSAGING", "messaging"), ("DELIVERY", "delivery"), ("TYPING", "typing"),
                       ("DEPLOYMENT", "deployment"), ("MONITORING", "monitoring")):
        if (TOP / "src" / room / "main.c").exists():
            own |= interfaces_of(word)
    assert files == own, files ^ own


checks.run(
    {
        "the sockets have the names the daemons look for": sockets,
        "the services have their bus names": services,
        "the courier's instance is its user's and nothing more": instance,
        "the activation files start their units": activation,
        "the targets want the sockets": target,
        "no other name is opened on the system bus": closed,
        "the bus policy opens exactly its interfaces": policy,
        "metrics are served to this machine only": metrics,
        "there is an interface file for each interface": interfaces,
    }
)
