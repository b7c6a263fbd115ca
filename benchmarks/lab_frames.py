"""How evenly the built lab draws while it trains: python benchmarks/lab_frames.py.

Opens the page in an installed Chromium, presses Play, and reads the time between
frames on the page's main thread. The load of the machine is printed beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from local_site import opened, served  # noqa: E402

SITE = ROOT / "_build" / "html"
SECONDS = 6
RUNS = {
    "one net of 32-32": "f=tanh&layers=32-32",
    "two nets of 32-32": "f=tanh&g=relu&layers=32-32",
    "two nets of ten layers of 64": "f=gelu&g=x*tanh(exp(x))&layers="
    + "-".join(["64"] * 10),
}
PACES = ("5", "Infinity")  # steps a frame: 300 a second, as fast as it goes
MEASURE = """async (milliseconds) => {
  const times = [];
  const long = [];
  const keep = (list) => long.push(...list.getEntries());
  new PerformanceObserver(keep).observe({ entryTypes: ["longtask"] });
  const at = () => Number(document.getElementById("lab-at").textContent);
  const before = at();
  await new Promise((done) => {
    const frame = (now) => {
      times.push(now);
      now - times[0] < milliseconds ? requestAnimationFrame(frame) : done();
    };
    requestAnimationFrame(frame);
  });
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  return {
    rate: (1000 * gaps.length) / (times.at(-1) - times[0]),
    longest: Math.max(...gaps),
    long: long.length,
    steps: at() - before,
  };
}"""


def measure(browser, address, fragment, pace):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/lab.html#{fragment}")
    page.wait_for_function("document.getElementById('lab-spoken')?.textContent")
    page.locator("#lab-pace").select_option(pace)
    page.locator("#lab-play").click()
    page.wait_for_timeout(1500)
    found = page.evaluate(MEASURE, 1000 * SECONDS)
    page.close()
    return found


def main():
    with opened() as browser, served(SITE) as address:
        for name, fragment in RUNS.items():
            for pace in PACES:
                found = measure(browser, address, fragment, pace)
                print(
                    f"{name}, pace {pace}: {found['rate']:.1f} frames/s, longest gap "
                    f"{found['longest']:.0f} ms, {found['long']} long tasks, "
                    f"{found['steps']} steps, load {os.getloadavg()[0]:.1f}"
                )


if __name__ == "__main__":
    main()
