"""waggle-alerting(5) has each key that the reader of alerting.yaml asks for."""

import os
import re
import sys

ROOT = os.environ["SOURCE_ROOT"]
READER = re.compile(r'(?:wg_reader_\w+|read_ranges|add_links|mon_loader_matchers|read_integrations|'
                    r'mon_loader_intervals)\(([^;]*?)[;{]', re.S)
FOREIGN = re.compile(r"_configs$")


def keys():
    found = set()
    for name in ("alerting.c", "alerting-route.c", "alerting-receiver.c", "alerting-interval.c"):
        with open(os.path.join(ROOT, "src", "monitoring", name), encoding="utf-8") as f:
            text = f.read()
        for call in READER.finditer(text):
            if call.group(0).startswith("wg_reader_problem"):
                continue
            found.update(re.findall(r'"([a-z_]+)"', call.group(1)))
    return found


def main():
    with open(os.path.join(ROOT, "docs", "waggle-alerting.5"), encoding="utf-8") as f:
        words = set(re.findall(r"[a-z_]+", re.sub(r"\\f[BIR]", " ", f.read())))
    asked = {k for k in keys() if not FOREIGN.search(k)} | {"webhook_configs", "email_configs"}
    missing = sorted(asked - words)
    print("1..2")
    print(f"{'ok' if len(asked) > 40 else 'not ok'} 1 - {len(asked)} keys are asked for")
    print(f"{'not ok' if missing else 'ok'} 2 - each of them is documented {missing or ''}")
    return 1 if missing or len(asked) <= 40 else 0


if __name__ == "__main__":
    sys.exit(main())
