"""Score the pages of the published site with Lighthouse: ``python benchmarks/site_scores.py OUT.json``.

Needs Node.js with ``npx``, network access for the first call, and Chromium or Chrome (``CHROME_PATH``, or on the path). The site
of ``results/published`` is built, served on this machine, and one page of each kind is scored on a desktop and on a simulated
phone. Written are the four scores (0 to 100), and the audits that do not pass.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.report.site.serve import site_server

VERSION = "12.8.2"
RESULTS = Path(__file__).parents[1] / "results" / "published"
FORMS = {"desktop": ["--preset=desktop"], "phone": []}


def pages(site: Path) -> dict[str, str]:
    """Return one page of each kind: the largest one."""
    found = {"home": "index.html", "compare": "compare.html", "about": "about.html"}
    for kind in ("tables", "signals", "methods", "papers", "runs"):
        largest = max((site / kind).glob("*.html"), key=lambda page: page.stat().st_size)
        found[kind] = f"{kind}/{largest.name}"
    return found


def score(address: str, form: list[str]) -> dict:
    """Return the scores of a page and the names of the audits that do not pass."""
    command = ["npx", "--yes", f"lighthouse@{VERSION}", address, *form, "--quiet", "--output=json",
               "--chrome-flags=--headless=new --no-sandbox --disable-gpu"]  # fmt: skip
    chrome = os.environ.get("CHROME_PATH") or shutil.which("chromium") or shutil.which("google-chrome") or ""
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "CHROME_PATH": chrome})
    report = json.loads(done.stdout)
    weighted = [each["id"] for kind in report["categories"].values() for each in kind["auditRefs"] if each["weight"]]
    scores = {name: round(100 * kind["score"]) for name, kind in report["categories"].items()}
    failed = [
        name
        for name in weighted
        if (report["audits"][name]["score"] or 0) < 0.9 and report["audits"][name]["score"] is not None
    ]
    return {"scores": scores, "did_not_pass": failed}


def main(out: Path) -> None:
    """Write the scores of all pages."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        build_site(RESULTS, site, Registry())
        server = site_server(site, "127.0.0.1", 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_address[1]}"
        found = {
            kind: {form: score(f"{root}/{page}", options) for form, options in FORMS.items()}
            for kind, page in pages(site).items()
        }
        server.shutdown()
    out.write_text(json.dumps({"lighthouse": VERSION, "pages": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
