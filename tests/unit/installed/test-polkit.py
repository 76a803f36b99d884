#!/usr/bin/python3
"""Every action the code asks polkit about is in the policy, and the other way round."""

import pathlib
import re
import sys
import xml.etree.ElementTree

import checks

TOP = pathlib.Path(sys.argv[1])
POLICY = xml.etree.ElementTree.parse(TOP / "polkit/org.waggle.messaging.policy.in").getroot()
ACTIONS = {action.get("id"): action for action in POLICY.iter("action")}
PATTERN = r'"(org\.waggle\.messaging\.[a-z-]+)"'
SOURCES = "".join(p.read_text(encoding="utf-8") for p in (TOP / "src/messaging").glob("*.[ch]"))
RULES = (TOP / "polkit/org.waggle.messaging.rules.in").read_text(encoding="utf-8")


def same_actions():
    asked = set(re.findall(PATTERN, SOURCES))
    assert asked and asked == set(ACTIONS), asked ^ set(ACTIONS)


def each_is_asked():
    macros = dict(re.findall(r"#define (MSG_ACTION_\w+) " + PATTERN, SOURCES))
    code = "".join(p.read_text(encoding="utf-8") for p in (TOP / "src/messaging").glob("*.c"))
    unused = [action for macro, action in macros.items() if macro not in code]
    assert macros and not unused, f"no method asks for {unused}"


def owned():
    for name, action in ACTIONS.items():
        owner = action.findtext("annotate[@key='org.freedesktop.policykit.owner']")
        assert owner == "unix-user:@messaged_user@", f"{name}: polkitd would not answer the service"


def an_administrators():
    for name, action in ACTIONS.items():
        defaults = {d.tag: d.text for d in action.find("defaults")}
        assert defaults == {
            "allow_any": "auth_admin",
            "allow_inactive": "auth_admin",
            "allow_active": "auth_admin_keep",
        }, f"{name}: {defaults}"


def rules_know_the_actions():
    named = set(re.findall(PATTERN, RULES))
    assert named and named <= set(ACTIONS), named - set(ACTIONS)
    assert "org.waggle.messaging.read-mail" not in named, "a group could read everybody's mail"


def wakes_couriers_only():
    rule = RULES.split("polkit.addRule(")[2]
    units = re.compile(re.search(r"/(\^.*\$)/\.test\(action\.lookup\(\"unit\"\)\)", rule).group(1))
    assert units.fullmatch("waggle-courier@1000.service")
    for other in ("waggle-courier@.service", "waggle-courier@bob.service", "sshd.service", "waggle-courier.service",
                  "waggle-courier@1000.service.d", "x-waggle-courier@1000.service", "waggle-courier@1000xservice",
                  "waggle-courier@-1.service", "waggle-courier@1000.socket"):
        assert not units.search(other), other
    for condition in ('action.id == "org.freedesktop.systemd1.manage-units"', 'subject.user == "@messaged_user@"',
                      'action.lookup("verb") == "start"'):
        assert condition + " &&" in rule, condition
    assert "||" not in rule and rule.count("polkit.Result") == 1
    code = (TOP / "src/messaging/daemon-wake.c").read_text(encoding="utf-8")
    made = re.search(r'#define UNIT_FORMAT "([^"]+)"', code).group(1).replace("%u", "1000")
    assert units.fullmatch(made), f"{made} is not what the rule lets be started"


checks.run(
    {
        "code and policy have the same actions": same_actions,
        "each action is asked for": each_is_asked,
        "each action names the service's user as its owner": owned,
        "each action is an administrator's": an_administrators,
        "the service may start couriers' units, and nothing else": wakes_couriers_only,
        "the rules name actions that exist, and none that reads mail": rules_know_the_actions,
    }
)
