"""Who may do what: a second uid on the private socket and on the bus, with and without polkit, for
each method of the interface."""

import json
import subprocess
import xml.etree.ElementTree as ElementTree

from deployd import DEPLOYD, JOB, NAME, PATH, Deployd, check, equal
from harness import OTHERS, main, need_root, refused, wait_for
from polkit import Polkit

STRANGER = OTHERS[0]
ASK_THE_BUS = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
# what a call needs beyond its arguments; methods with descriptors have a test of their own
ARGUMENTS = {"s": "'shop'", "t": "1", "u": "1", "as": "@as []", "a{sv}": "@a{sv} {}"}
ACTIONS = {
    "Rollback": "rollback", "Rehearse": "deploy", "Confirm": "confirm", "Cancel": "cancel", "List": "inspect",
    "ListDeployments": "inspect", "Show": "inspect", "Explain": "inspect", "Stats": "inspect",
    "CheckDrift": "inspect", "ListPoisoned": "inspect", "Forgive": "manage", "AuditRead": "inspect",
    "AuditVerify": "inspect", "Reload": "manage",
}
WITH_FD = {"Validate": None, "Plan": "deploy", "Deploy": "deploy"}


def methods():
    """name -> (arguments as GVariant text, their signature), out of the daemon's own table."""
    text = subprocess.run([DEPLOYD, "--introspect=" + NAME], check=True, capture_output=True,
                          text=True).stdout
    found = {}
    for method in ElementTree.fromstring(text).iter("method"):
        types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
        values = ", ".join(ARGUMENTS.get(t, "0") for t in types)
        found[method.get("name")] = (f"({values}{',' if len(types) == 1 else ''})",
                                     f"({''.join(types)})")
    return found


def call(stranger, method, given, path=PATH, interface=NAME):
    text, signature = given
    return stranger.call(method, text, signature, interface=interface, path=path, destination=NAME)


def test_every_method_is_known_here():
    equal(set(methods()), set(ACTIONS) | set(WITH_FD) | {"Ping"}, "methods")


def test_user_scope_is_for_its_own_uid():
    need_root()
    with Deployd() as d:
        for over_bus in (False, True):
            s = d.as_uid(STRANGER, over_bus)
            for method, given in methods().items():
                if method not in WITH_FD:
                    refused("NotAuthorized", call, s, method, given)


def test_private_socket_of_the_system_says_where_to_ask():
    need_root()
    with Deployd(scope="system") as d:
        s = d.as_uid(STRANGER)
        call(s, "Ping", methods()["Ping"])
        for method in ACTIONS:
            refused(ASK_THE_BUS, call, s, method, methods()[method])
        c = d.caller()
        equal(c.list(), [], "root is not asked")


def test_each_method_asks_for_its_action():
    need_root()
    with Deployd(scope="system") as d:
        polkit = Polkit(d, "org.waggle.deployment.")
        s = d.as_uid(STRANGER, over_bus=True)
        call(s, "Ping", methods()["Ping"])
        everything = set(ACTIONS.values()) | {"deploy"}
        for method, action in ACTIONS.items():
            polkit.allow(*(everything - {action}))
            refused("NotAuthorized", call, s, method, methods()[method])
        polkit.allow("inspect")
        for method in ("List", "ListDeployments", "Stats", "ListPoisoned", "AuditVerify"):
            call(s, method, methods()[method])
        polkit.allow("confirm")
        refused("UnknownDeployment", call, s, "Confirm", methods()["Confirm"])
        c = d.caller()
        words = [json.loads(e[2]) for e in c.call("AuditRead", "(tu)", 1, 0)[0]]
        refusals = [(w["call"], w["who"], w["error"]) for w in words if w.get("result") == "refused"]
        check(("Cancel", f"uid:{STRANGER}", "org.waggle.Error.NotAuthorized") in refusals,
              f"a refused call is not in the audit log: {refusals}")
        allowed = [w for w in words if w.get("call") == "Confirm" and w.get("by") == "polkit"]
        equal(allowed[0]["action"], "org.waggle.deployment.confirm")


def test_job_of_another_cannot_be_cancelled():
    need_root()
    with Deployd(scope="system") as d:
        polkit = Polkit(d, "org.waggle.deployment.")
        d.target("shop")
        c = d.caller()
        job = c.deploy(d.release("1.0"), confirm=60 * 1000000)
        c.wait_state(c.job(job, "Deployments")[0], "verified")
        s = d.as_uid(STRANGER, over_bus=True)
        polkit.allow("inspect", "deploy")
        refused("NotAuthorized", call, s, "Cancel", ("()", "()"), path=job, interface=JOB)
        polkit.allow("cancel")
        call(s, "Cancel", ("()", "()"), path=job, interface=JOB)
        equal(c.completed(job)[1], 5)


def test_what_was_observed_is_not_for_everybody():
    need_root()
    with Deployd(scope="system") as d:
        polkit = Polkit(d, "org.waggle.deployment.")
        d.target("shop")
        listener = d.caller(over_bus=True)  # root, but it has not called anything
        plain = len(listener.client.signals)
        c = d.caller()
        equal(c.run(d.release("1.0"))[0], "done")
        # signals keep their order: what was sent before the end has come when the end has
        wait_for(lambda: listener.client.of("Completed"), "the end, which is for everybody")
        equal([s for s in listener.client.signals[plain:] if s[0] in ("Result", "StateChanged")], [],
              "signals to one that asked for nothing")
        listener.call("Ping")
        equal(c.run(d.release("1.1", word="good two"))[0], "done")
        wait_for(lambda: listener.client.of("StateChanged"), "what root hears after its first call")
        polkit.stop()


if __name__ == "__main__":
    main(dict(globals()))
