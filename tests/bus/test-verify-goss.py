"""waggle-verify --goss: goss files as people write them, their templates, and what is wrong with some."""

import base64
import json
import os
import subprocess
import tempfile

from harness import check, equal, main
from servers import Web, certificate
from verify import LIMIT, PROGRAM

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goss")


def goss(file, *args, text=None, **env):
    done = subprocess.run(
        [PROGRAM, "--goss", "--format=json", *args, file],
        input=text and text.encode(), capture_output=True, timeout=LIMIT, env=dict(os.environ, **env),
    )
    results = json.loads(done.stdout) if done.stdout else None
    return done.returncode, results, done.stderr.decode()


def test_a_whole_host():
    code, results, text = goss(f"{HERE}/base.yaml", f"--vars={HERE}/vars.yaml", GOSS_TEST="with", HOME="/root")
    wrong = [(c["name"], c.get("text")) for c in results["checks"] if c["verdict"] != "pass"]
    equal((code, wrong), (0, []), text)
    names = [c["name"] for c in results["checks"]]
    for name in ("file /etc/group", "group root", "package no-such-package-42", "matching user-bob", "command json"):
        check(name in names, f"{name} is missing: {names}")
    check("command skipped" not in names, "a skipped one was run")


def test_what_does_not_hold_fails():
    code, results, _ = goss(f"{HERE}/base.yaml", f"--vars={HERE}/vars.yaml", GOSS_TEST="without")
    wrong = [c["name"] for c in results["checks"] if c["verdict"] != "pass"]
    equal((code, wrong), (1, ["package this-would-fail"]), "the other branch")


def test_a_web_service():
    answer = (200, {"Content-Type": "application/json"}, '{"status": "healthy"}')
    with Web({"/health": answer}) as web, tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        with open("/proc/self/comm", encoding="utf-8") as comm:
            json.dump({"port": web.port, "process": comm.read().strip()}, f)
        f.flush()
        code, results, text = goss(f"{HERE}/service.yaml", f"--vars={f.name}")
        wrong = [(c["name"], c.get("text")) for c in results["checks"] if c["verdict"] != "pass"]
        equal((code, wrong), (0, []), text)
        health = next(h for method, path, h, body in web.requests if path == "/health")
        equal(health["X-Test"], "yes", "header")
        equal(health["Authorization"], "Basic " + base64.b64encode(b"me:secret").decode(), "credentials")


def test_a_client_certificate():
    with tempfile.TemporaryDirectory() as d:
        server, client = certificate(d), certificate(d, name="client")
        with Web({"/": (200, {}, "in")}, pem=server, authority=client + ".crt") as web:
            url = f"https://localhost:{web.port}/"
            given = {"status": 200, "ca-file": server + ".crt", "body": ["in"]}
            both = {**given, "cert-file": client + ".crt", "key-file": client + ".key"}
            code, _, said = goss("-", text=json.dumps({"http": {url: both}}))
            equal(code, 0, said)
            code, results, _ = goss("-", text=json.dumps({"http": {url: given}}))
            check(code != 0, f"without one it was let in: {results}")
            none = {**both, "key-file": "/no/such/key"}
            code, results, _ = goss("-", text=json.dumps({"http": {url: none}}))
            equal(results["checks"][0]["verdict"], "error", "a key that is not there")
            check("/no/such/key" in results["checks"][0]["text"], results["checks"][0]["text"])


def test_a_proxy():
    url = "http://no-such-host.invalid/health"
    with Web({url: (200, {}, "by proxy")}) as web:
        given = {"status": 200, "proxy": f"http://127.0.0.1:{web.port}", "body": ["by proxy"]}
        code, _, said = goss("-", text=json.dumps({"http": {url: given}}))
        equal(code, 0, said)
        equal(web.requests[0][1], url, "what the proxy was asked for")


def test_paths_of_gjson():
    hosts = {"hosts": [{"name": "a", "up": True, "load": 3}, {"name": "b", "up": False, "load": 9}]}
    good = {"hosts.#": 2, "hosts.#.name": {"contain-elements": ["a", "b"]}, "hosts.#(load>5).name": "b",
            "hosts.#(up==true)#|#": 1, "{hosts.0.name,n:hosts.#}": {"equal": {"name": "a", "n": 2}},
            "@dig:load|@reverse": {"equal": [9, 3]}, "[hosts.#,!true]": {"equal": [2, True]}, "h*.0.name": "a", "hosts.0.@keys": {"consist-of": ["name", "up", "load"]}}
    code, _, said = goss("-", text=json.dumps({"matching": {"x": {"content": hosts, "matches": {"gjson": good}}}}))
    equal(code, 0, said)
    bad = {"hosts.#(name==b).load": {"lt": 5}}
    code, results, _ = goss("-", text=json.dumps({"matching": {"x": {"content": hosts, "matches": {"gjson": bad}}}}))
    equal(code, 1, "a path that finds what is wrong")
    check("hosts.#(name==b).load" in results["checks"][0]["assertions"][0]["expected"], results["checks"][0])


def refused(text, word, *args):
    code, _, said = goss("-", *args, text=text)
    equal(code, 78, f"{text}: {said}")
    check(word in said, f"{text}: {said}")


def test_what_cannot_be_said_is_refused():
    refused("file: {/x: {exist: true}}", "no such attribute")
    refused("files: {/x: {exists: true}}", "no such resource")
    refused("addr: {'tcp://127.0.0.1:1': {reachable: true, local-address: here}}", "an address in numbers")
    refused("http: {'http://x/': {status: 200, proxy: 'p'}}", "is a URL")
    refused("http: {'http://x/': {status: 200, proxy: 'http://a:b@p/'}}", "a password does not belong")
    refused("http: {'http://x/': {status: 200, key-file: /k}}", '"cert-file" is missing')
    refused("matching: {a: {content: 1, matches: {be-nice: 1}}}", "there is no matcher")
    refused("matching: {a: {content: {b: 1}, matches: {gjson: {'{a,b': 1}}}}", "multipath does not end")
    refused("matching: {a: {content: {b: 1}, matches: {have-key-with-value: 1}}}", "needs a map of keys")
    refused("gossfile: {nowhere.yaml: {}}", "nowhere.yaml")
    refused("- a list", "is a map of resources")


def test_templates_that_are_wrong_name_their_line():
    for text, word in (
        ("a: 1\n{{ if }}x{{ end }}", "stdin:2: expected a value or a function"),
        ("{{ nosuch 1 }}", "stdin:1: there is no function"),
        ("{{ if true }}x", "the text ends before {{end}}"),
        ("x{{ end }}", "{{end}} without a block"),
        ('\n\n{{ "open }}', "stdin:3: expected the quotation mark"),
        ("{{ $x }}", "there is no variable $x"),
        ("{{ .Vars.a.b }}", "there is no .b"),
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ('{{ range until 1000 }}{{ "x" | repeat 40000 }}{{ end }}', "bytes of output"),
        ('{{ readFile "/no/such/file" }}', "readFile"),
        ("{{ div 1 0 }}", "division by 0"),
        ("{{ " + "(" * 100 + "1" + ")" * 100 + " }}", "more than"),
        ('{{ template "x" }}', 'there is no template "x"'),
        ("{{ template x }}", "the name of a template"),
        ('{{ if true }}{{ define "x" }}{{ end }}{{ end }}', "stands in no block"),
        ('{{ define "x" }}y', "the text ends before"),
        ('{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}', "templates within more than"),
        ('{{ define "x" }}{{ $y }}{{ end }}{{ $y := 1 }}{{ template "x" }}', "there is no variable $y"),
        ('{{ fail "no such host" }}', "no such host"),
        ("{{/* no end", "comment does not end"),
        ('{{ genPrivateKey "rsa" }}', "keys and certificates are not made"),
        ('{{ bcrypt "x" }}', "no secret is made"),
        ('{{ $m := dict }}{{ set $m "a" (list $m) }}', "a map cannot be put into itself"),
        ('{{ mustToDate "2006-01-02" "x" }}', "does not fit the layout"),
        ('{{ randInt 5 5 }}', "the second number is above"),
        ('{{ dateModify "1h" "x" }}', "dateModify needs a time"),
        ('{{ semver "x" }}', "is no version"), ('{{ divf 1 0 }}', "a division by 0"),
        ('{{ $x := 1 }}{{ $x.Format "y" }}', "a method of times"),
    ):
        refused(text, word)


def rendered(template, *args):
    """What a template prints, told by a value that is compared with itself."""
    code, results, text = goss("-", *args, text="matching: {a: {content: " + template + ", matches: {equal: impossible}}}")
    check(results, text)
    return results["checks"][0]["assertions"][0]["observed"]


def test_functions():
    for template, wanted in (
        ("{{ add 1 2 3 }}", "6"),
        ("{{ len (list 1 2 3) }}", "3"),
        ('{{ index (dict "a" 7) "a" }}', "7"),
        ('{{ join "-" (list "a" "b") | quote }}', '"a-b"'),
        ('{{ printf "%05d" 42 | quote }}', '"00042"'),
        ('{{ ternary 1 2 false }}', "2"),
        ('{{ splitList "," "c,a,b" | sortAlpha | first }}', '"a"'),
        ('{{ with $x := 5 }}{{ $x }}{{ end }}', "5"),
        ("{{ $n := 0 }}{{ range until 4 }}{{ $n = add $n . }}{{ end }}{{ $n }}", "6"),
        ("{{ range $i, $e := list 7 8 }}{{ if eq $i 1 }}{{ $e }}{{ end }}{{ end }}", "8"),
        ("{{ range list 1 2 3 }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1"),
        ('{{ if and (gt 2 1) (not false) }}1{{ else }}0{{ end }}', "1"),
        ('{{ if eq "a" "b" }}1{{ else if eq "a" "a" }}2{{ else }}3{{ end }}', "2"),
        ('{{ range list }}x{{ else }}9{{ end }}', "9"),
        ('{{ (fromJson "{\\"k\\": [4]}").k | first }}', "4"),
        ('{{ "aBc" | toUpper | trimPrefix "A" | quote }}', '"BC"'),
        ('{{ getEnv "NO_SUCH_VARIABLE" "fallback" }}', '"fallback"'),
        ('{{ if "centos" | regexMatch "[Cc]ent(OS|os)" }}1{{ end }}', "1"),
        ('{{/* nothing */}}{{ 1.5 }}', "1.5"),
    ):
        equal(rendered(template), wanted, template)


def rendered_all(templates, **env):
    """The same for many at once: a process for each would take its time."""
    text = "matching:\n" + "".join(
        f"  n{i}: {{content: {template}, matches: {{equal: impossible}}}}\n" for i, template in enumerate(templates))
    code, results, said = goss("-", text=text, **env)
    check(results, said)
    return [x["assertions"][0]["observed"] for x in results["checks"]]


def test_named_templates():
    pairs = (
        ('{{ define "a" }}{{ .n }}{{ end }}{{ template "a" (dict "n" 4) }}', "4"),
        ('{{ template "b" . }}{{ define "b" }}7{{ end }}', "7"),
        ('{{ block "c" 5 }}{{ add . 1 }}{{ end }}', "6"),
        ('{{ define "d" }}{{ $.k }}{{ end }}{{ template "d" (dict "k" 9) }}', "9"),
        ('{{ define "e" }}{{ range . }}{{ break }}{{ end }}1{{ end }}{{ range list 1 2 }}{{ template "e" list }}'
         '{{ end }}', "11"),
    )
    equal(rendered_all([p[0] for p in pairs]), [p[1] for p in pairs], "templates")


def test_rarer_functions_of_sprig():
    pairs = (
        ('{{ "abcdef" | trunc 3 | quote }}', '"abc"'), ('{{ "abcdef" | trunc -2 | quote }}', '"ef"'),
        ('{{ "abcdef" | substr 1 3 | quote }}', '"bc"'), ('{{ "/a/b/" | trimAll "/" | quote }}', '"a/b"'),
        ('{{ "a b c" | nospace | quote }}', '"abc"'), ('{{ cat "a" 1 "b" | quote }}', '"a 1 b"'),
        ('{{ title "big wide" | quote }}', '"Big Wide"'), ('{{ untitle "Big" | quote }}', '"big"'),
        ('{{ regexFind "[0-9]+" "ab12c" }}', "12"), ('{{ regexFindAll "[a-z]" "a1b2" -1 | len }}', "2"),
        ('{{ regexReplaceAll "(\\\\d)x" "1x2x" "${1}y" | quote }}', '"1y2y"'),
        ('{{ regexReplaceAllLiteral "b" "abc" "$1" | quote }}', '"a$1c"'),
        ('{{ regexSplit "[,;]" "a,b;c" -1 | join "" | quote }}', '"abc"'),
        ('{{ "x" | b64enc | b64dec | quote }}', '"x"'), ('{{ sha1sum "" | trunc 4 | quote }}', '"da39"'),
        ('{{ env "NO_SUCH_VARIABLE" | quote }}', '""'), ('{{ base "/a/b.txt" | quote }}', '"b.txt"'),
        ('{{ dir "/a/b.txt" | quote }}', '"/a"'), ('{{ ext "/a/b.txt" | quote }}', '".txt"'),
        ('{{ prepend (list 2) 1 | join "" }}', "12"), ("{{ list 1 2 3 | reverse | first }}", "3"),
        ("{{ without (list 1 2 3) 2 | len }}", "2"), ('{{ list 1 "" 0 | compact | len }}', "1"),
        ("{{ slice (list 1 2 3) 1 2 | first }}", "2"), ('{{ (set (dict "a" 1) "b" 2).b }}', "2"),
        ('{{ unset (dict "a" 1) "a" | len }}', "0"), ('{{ (merge (dict "a" 1) (dict "a" 2 "b" 3)).a }}', "1"),
        ('{{ pick (dict "a" 1 "b" 2) "a" | keys | first | quote }}', '"a"'),
        ('{{ omit (dict "a" 1 "b" 2) "a" | keys | first | quote }}', '"b"'),
        ('{{ dig "a" "b" 0 (dict "a" (dict "b" 5)) }}', "5"), ('{{ dig "a" "x" 8 (dict "a" dict) }}', "8"),
        ('{{ (split "." "1.2.3")._1 }}', "2"), ("{{ if all 1 true }}1{{ end }}", "1"),
        ("{{ if any 0 false }}1{{ else }}2{{ end }}", "2"), ('{{ kindOf (list 1) | quote }}', '"slice"'),
        ('{{ if kindIs "string" "x" }}1{{ end }}', "1"), ('{{ if deepEqual (list 1) (list 1) }}1{{ end }}', "1"),
        ("{{ add1 4 }}", "5"), ("{{ max 1 9 3 }}", "9"), ("{{ min 4 2 }}", "2"),
        ('{{ untilStep 0 10 3 | join "" | quote }}', '"0369"'),
    )
    for (template, wanted), seen in zip(pairs, rendered_all([p[0] for p in pairs]), strict=True):
        equal(seen, wanted, template)


def same(pairs, **env):
    for (template, wanted), seen in zip(pairs, rendered_all([p[0] for p in pairs], **env), strict=True):
        equal(seen, wanted, template)


def test_dates():
    day = '(toDate "2006-01-02" "2017-12-31")'
    same((
        (f'{{{{ {day} | date "02/01/2006" | quote }}}}', '"31/12/2017"'), (f"{{{{ {day}.Year }}}}", "2017"),
        (f'{{{{ {day} | unixEpoch }}}}', "1514696400"), (f'{{{{ {day}.UTC.Hour }}}}', "5"),
        ('{{ toDate "2006-01-02 15:04:05" "2017-12-31 23:59:58.25" | quote }}', '"2017-12-31 23:59:58.25 -0500 EST"'),
        ('{{ toDate "2006-01-02T15:04:05Z07:00" "2017-07-31T10:00:00+02:00" | date "15:04 MST" | quote }}', '"04:00 EDT"'),
        ('{{ toDate "Jan 2, 2006 at 3:04pm (MST)" "Feb 3, 2013 at 7:54pm (UTC)" | quote }}', '"2013-02-03 19:54:00 +0000 UTC"'),
        ('{{ toDate "2006-01-02" "nonsense" | quote }}', '"0001-01-01 00:00:00 +0000 UTC"'),
        (f'{{{{ dateModify "-1.5h" {day} | date "Mon Jan _2 15:04 PM 2006" | quote }}}}', '"Sat Dec 30 22:30 PM 2017"'),
        ('{{ dateInZone "2006-01-02T15:04:05Z07:00" 0 "Europe/Berlin" | quote }}', '"1970-01-01T01:00:00+01:00"'),
        ('{{ dateInZone "15:04Z07:00 MST" 0 "No/Where" | quote }}', '"00:00Z UTC"'),
        ('{{ dateInZone "Monday, 02-Jan-06 03:04:05.000 pm -0700 002" 1000000000 "UTC" | quote }}',
         '"Sunday, 09-Sep-01 01:46:40.000 am +0000 252"'),
        ('{{ htmlDateInZone 1000000000 "Asia/Tokyo" | quote }}', '"2001-09-09"'), ("{{ ago now | quote }}", '"0s"'),
        ("{{ duration 95 | quote }}", '"1m35s"'), ('{{ duration "3600" | quote }}', '"1h0m0s"'),
        ('{{ durationRound "2h10m5s" | quote }}', '"2h"'), ('{{ durationRound "2400h" | quote }}', '"3m"'),
        ('{{ now.Format "2006-01-02" | len }}', "10"), ("{{ if gt now.Unix 1000000000 }}1{{ end }}", "1"),
        ('{{ now | date "2006" | len }}', "4"),
    ), TZ="America/New_York")


def test_chance_and_codes():
    url = "http://u:p@h.org:80/a?q=1#f"
    same((
        ("{{ randAlpha 12 | len }}", "12"), ('{{ if regexMatch "^[0-9]{7}$" (randNumeric 7) }}1{{ end }}', "1"),
        ('{{ if regexMatch "^[0-9A-Za-z]{70}$" (randAlphaNum 70) }}1{{ end }}', "1"), ("{{ randAscii 9 | len }}", "9"),
        ("{{ if eq (randAlpha 30) (randAlpha 30) }}1{{ else }}0{{ end }}", "0"), ("{{ randInt 5 6 }}", "5"),
        ("{{ randBytes 3 | len }}", "4"), ("{{ uuidv4 | len }}", "36"), ('{{ shuffle "hello" | len }}', "5"),
        ('{{ adler32sum "Wikipedia" | quote }}', '"300286872"'), ('{{ b32enc "foob" | quote }}', '"MZXW6YQ="'),
        ('{{ b32enc "foobar" | b32dec | quote }}', '"foobar"'), ('{{ (semver "v1.2.3-rc.1+b").Minor }}', "2"),
        ('{{ (semver "v1.2.3-rc.1+b").Prerelease | quote }}', '"rc.1"'),
        ('{{ if semverCompare "^1.2.0" "1.5.0" }}1{{ end }}', "1"),
        ('{{ if semverCompare ">=2" "1.5.0" }}1{{ else }}0{{ end }}', "0"),
        (f'{{{{ (urlParse "{url}").host | quote }}}}', '"h.org:80"'), (f'{{{{ urlParse "{url}" | urlJoin | quote }}}}', f'"{url}"'),
    ))  # fmt: skip


def test_the_rest_of_sprig():
    same((
        ("{{ addf 1.5 2 2 }}", "5.5"), ("{{ divf 10 2 4 }}", "1.25"), ("{{ ceil 1.1 }}", "2"), ("{{ minf 1.5 2 }}", "1.5"),
        ("{{ round 123.555555 3 }}", "123.556"), ('{{ toDecimal "777" }}', "511"), ("{{ seq -3 | quote }}", '"1 0 -1 -2 -3"'),
        ("{{ seq 0 2 10 | quote }}", '"0 2 4 6 8 10"'), ('{{ if typeIs "string" "x" }}1{{ end }}', "1"),
        ('{{ list 1 2 | toStrings | join "," | quote }}', '"1,2"'), ("{{ chunk 3 (list 1 2 3 4 5 6 7) | len }}", "3"),
        ('{{ pluck "n" (dict "n" 1) (dict "m" 2) (dict "n" 3) | len }}', "2"), ('{{ (splitn "$" 2 "a$b$c")._1 | quote }}', '"b$c"'),
        ('{{ abbrev 5 "hello world" | quote }}', '"he..."'), ('{{ abbrevboth 5 10 "1234 5678 9123" | quote }}', '"...5678..."'),
        ('{{ initials "First Try" | quote }}', '"FT"'), ('{{ wrap 5 "aa bb cc" | replace "\\n" "/" | quote }}', '"aa bb/cc"'),
        ('{{ wrapWith 4 "/" "aaaaaa bb" | quote }}', '"aaaa/aa/bb"'), ('{{ swapcase "aBc" | quote }}', '"AbC"'),
        ('{{ snakecase "HTTPServer" | quote }}', '"http_server"'), ('{{ kebabcase "FirstName" | quote }}', '"first-name"'),
        ('{{ camelcase "http_server" | quote }}', '"HttpServer"'), ('{{ plural "one" "many" 2 | quote }}', '"many"'),
        ('{{ regexQuoteMeta "1.2.3" | len }}', "7"), ('{{ html "<a>" | quote }}', '"&lt;a&gt;"'),
        ('{{ urlquery "a b&c" | quote }}', '"a+b%26c"'), ('{{ clean "/a/../b//c/." | quote }}', '"/b/c"'),
        ('{{ expandenv "x${GOSS_CANARY}y$GOSS_CANARY" | quote }}', '"xAyA"'), ('{{ getHostByName "127.0.0.1" | quote }}', '"127.0.0.1"'),
        ('{{ if mustRegexMatch "a" "bab" }}1{{ end }}', "1"), ("{{ push (list 1) 2 | len }}", "2"),
    ), GOSS_CANARY="A")  # fmt: skip


def test_maps_are_changed_in_place():
    same((
        ('{{ $a := dict "k" 1 }}{{ $b := $a }}{{ $_ := set $b "k" 2 }}{{ $a.k }}', "2"),
        ('{{ $a := dict "k" 1 }}{{ $b := deepCopy $a }}{{ $_ := set $b "k" 2 }}{{ $a.k }}', "1"),
        ('{{ $a := dict "k" 1 "l" 2 }}{{ range $k, $v := $a }}{{ $_ := unset $a "k" }}{{ $_ := unset $a "l" }}{{ $v }}{{ end }}', "1"),
        ('{{ $a := dict "k" "lasts" }}{{ $v := $a.k }}{{ $_ := unset $a "k" }}{{ $v | quote }}', '"lasts"'),
        ('{{ $d := mergeOverwrite (dict "a" 1 "m" (dict "x" 1)) (dict "a" 2 "m" (dict "y" 2)) }}{{ $d.a }}{{ $d.m.x }}{{ $d.m.y }}', "212"),
        ('{{ $d := merge (dict "a" 1 "m" (dict "x" 1)) (dict "a" 2 "m" (dict "x" 5 "y" 2)) }}{{ $d.a }}{{ $d.m.x }}{{ $d.m.y }}', "112"),
    ))  # fmt: skip


def test_attributes_that_are_rarer():
    with Web({}) as web:
        code, _, said = goss("-", text=f"""
command:
  override: {{exec: true, exit-status: 0}}
matching:
  old: {{content: {{foo: bar, a/b: 2}}, matches: {{have-key-with-value: {{foo: bar, a/b: {{gt: 1}}}}}}}}
addr:
  tcp://127.0.0.1:{web.port}: {{reachable: true, timeout: 5000, local-address: 127.0.0.2}}
""")
    equal(code, 0, said)
    code, results, _ = goss("-", text="addr: {'tcp://127.0.0.1:1': {reachable: false, local-address: 127.0.0.2}}")
    equal(code, 0, results)
    levels = "service: {no-such-unit: {runlevels: ['3']}}"
    code, results, _ = goss("-", text=levels, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    equal([code, results["checks"][0]["name"]], [4, "service no-such-unit"], "asked of systemd, which is not there")


def test_commands_have_the_environment():
    code, _, text = goss("-", text="command: {'echo $GOSS_CANARY': {exit-status: 0, stdout: [sings]}}",
                         GOSS_CANARY="sings")
    equal(code, 0, text)


main(globals())
