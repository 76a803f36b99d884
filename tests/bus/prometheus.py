"""A real Prometheus, for the tests."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request

from harness import Skip
from servers import free_port


def need(program):
    if shutil.which(program) is None:
        raise Skip(f"no {program} here (apt: prometheus)")


class Prometheus:
    """Scrapes `target` each second; `job`: more of its scrape configuration."""

    def __init__(self, directory, target, **job):
        self.address = f"127.0.0.1:{free_port()}"
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                {"job_name": "waggle", **job, "static_configs": [{"targets": [target]}]}]}, f)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "prometheus", "--config.file=" + config,
             "--storage.tsdb.path=" + os.path.join(directory, "tsdb"),
             "--web.listen-address=" + self.address], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def query(self, expr):
        url = f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]
        except OSError:
            return []

    def stop(self):
        self.process.terminate()
        self.process.wait()
