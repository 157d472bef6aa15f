"""A page of classified images, opened in headless Chromium as a person would open it.

    with open_report("report.html") as page:
        page.choose_label("cat")
        print(page.thumbnails(), page.groups())

Chromium, its driver and Selenium are the distribution's; nothing is downloaded. The browser gets
no names resolved, so a page that asks for anything elsewhere fails instead of reaching it.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from common import need

BROWSER = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")

need("selenium")
for program, package in ((BROWSER, "chromium"), (DRIVER, "chromium-driver")):
    if not program.exists():
        sys.exit(f"missing {program}: apt-get install {package}")

from selenium import webdriver  # noqa: E402 (after the checks that it is there)
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

# What the browser asks of itself: its first tab, for one.
OWN = ("data:", "about:", "chrome:", "chrome-untrusted:")

# Cards that the filters leave out are not in the document; those in it are shown.
GROUPS = """
return [...document.querySelectorAll("section.group")].filter(group => group.checkVisibility())
  .map(group => ({
    kind: group.dataset.kind,
    label: group.querySelector("h2 .cut").textContent,
    count: group.querySelector("h2 .count").textContent,
    images: group.querySelectorAll("article.image").length,
  }));
"""
IMAGES = """
return [...document.querySelectorAll("article.image")].filter(card => card.checkVisibility())
  .map(card => ({
    kind: card.closest("section.group").dataset.kind,
    label: card.dataset.label ?? null,
    error: card.dataset.error ?? null,
    message: card.querySelector(".message")?.textContent ?? null,
    name: card.querySelector(".name").textContent,
    path: card.querySelector(".name").title,
    href: card.querySelector("a").getAttribute("href"),
    thumbnail: card.querySelector("img.thumbnail") !== null,
    ranking: [...card.querySelectorAll(".ranking li")].map(row =>
      [row.firstChild.textContent, row.lastChild.textContent]),
  }));
"""
THUMBNAILS = """
return [...document.querySelectorAll("img.thumbnail")].filter(image => image.checkVisibility())
  .length;
"""
# An image far down is loaded once it is scrolled to.
LOADED = """
const [index, done] = arguments;
const image = document.querySelectorAll("img.thumbnail")[index];
image.scrollIntoView({block: "center"});
const look = () => image.complete && image.naturalWidth > 0 ?
  done([image.naturalWidth, image.naturalHeight]) : requestAnimationFrame(look);
look();
"""
SET_SLIDER = """
const slider = document.getElementById(arguments[0]);
slider.value = arguments[1];
slider.dispatchEvent(new Event("input", {bubbles: true}));
slider.dispatchEvent(new Event("change", {bubbles: true}));
"""
# The select's values are "", "label:" and a label, "unknown" and "error".
CHOOSE = """
const select = document.getElementById("label-filter");
const option = [...select.options].find(option => option.value === arguments[0]);
if (!option) return false;
select.value = option.value;
select.dispatchEvent(new Event("input", {bubbles: true}));
select.dispatchEvent(new Event("change", {bubbles: true}));
return true;
"""


class ReportPage:
    """The open page: what it shows, its filters, and what the browser has to say about it."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def reopen(self, fragment=""):
        """Loads the file again, with no filters but the fragment's: no step of the history.

        The page writes a filter into its address a while after it was changed. What waits for that
        is ended first, or the page would be loaded with the filter of before.
        """
        self.run("""
            for (let timer = setTimeout(() => {}); timer > 0; timer -= 1) clearTimeout(timer);
            history.replaceState(null, '', `#${arguments[0]}`);
            """, fragment)
        self.driver.refresh()

    def element(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def elements(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition, seconds=20):
        """Waits until condition(), which gives its value; fails after so many seconds."""
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition())

    # What is shown.

    def shown(self):
        """The number that the page says it shows."""
        return int(self.element("#shown").text)

    def total(self):
        return int(self.element("#total").text)

    def thumbnails(self):
        """How many thumbnails are shown: all that the filters let through, in view or not."""
        return self.run(THUMBNAILS)

    def loaded_size(self, index):
        """(width, height) of a thumbnail's image, once it is scrolled to and decoded."""
        return tuple(self.driver.execute_async_script(LOADED, index))

    def groups(self):
        """The groups in order: kind ("label", "unknown", "error"), label, count, images."""
        return self.run(GROUPS)

    def images(self):
        """The images in order: kind, label, error, message, name, path, href, ranking, ..."""
        return self.run(IMAGES)

    def title(self):
        return self.element("#title").text

    def facts(self):
        """What the header says about the run."""
        return [fact.text for fact in self.elements("#facts li")]

    def note(self):
        """The warning in the header, or ""."""
        return self.element("#note").text

    def confidence(self):
        """The range of confidence beside the sliders, such as "20 to 100 %"."""
        return self.element("#range-text").text

    def empty(self):
        """What the page says where it shows no image, or ""."""
        return self.element("#empty").text

    def overflow(self):
        """How many pixels the page is wider than the window."""
        return self.run("const {scrollWidth, clientWidth} = document.documentElement;"
                        "return scrollWidth - clientWidth")

    # Filters.

    def options(self):
        """What the label filter offers, as (value, text)."""
        return [tuple(pair) for pair in self.run(
            "return [...document.getElementById('label-filter').options]"
            ".map(option => [option.value, option.text])")]

    def choose_label(self, label):
        """Shows one label's images; a label that no image has fails."""
        self._choose(f"label:{label}")

    def choose_group(self, kind):
        """Shows the images that are "unknown", or that have an error: "error"."""
        self._choose(kind)

    def choose_all(self):
        self._choose("")

    def _choose(self, key):
        if not self.run(CHOOSE, key):
            raise AssertionError(f"the page offers no {key!r}")

    def set_confidence(self, minimum=None, maximum=None):
        """Moves the sliders, in whole percent."""
        for name, value in (("min-confidence", minimum), ("max-confidence", maximum)):
            if value is not None:
                self.run(SET_SLIDER, name, value)

    def search(self, text):
        """Types into the search field, replacing its text."""
        field = self.element("#search")
        field.clear()
        field.send_keys(text)

    def clear(self):
        self.element("#clear").click()

    def fragment(self):
        """The address' part after "#", where the filter is kept."""
        return self.run("return location.hash.slice(1)")

    def open_fragment(self, fragment):
        self.run("location.hash = arguments[0]", fragment)

    def go(self, steps):
        """Goes through the browser's history: -1 is back, 1 is forward."""
        self.run("history.go(arguments[0])", steps)

    # What the browser says.

    def seconds_until_ready(self):
        """From the start of the navigation until the page can be used."""
        return self.run("return performance.getEntriesByName('ready')[0].startTime") / 1000

    def errors(self):
        """New errors and warnings on the console; what the page's policy refused is among them."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """Addresses newly asked for, granted or not; not the page itself, nor data: addresses."""
        addresses = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = message["params"]["request"]["url"]
            elif message["method"] == "Network.webSocketCreated":
                address = message["params"]["url"]
            else:
                continue
            if address != self.address and not address.startswith(OWN):
                addresses.append(address)
        return addresses

    def screenshot(self, path, dark=False):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.driver.save_screenshot(str(path))


@contextlib.contextmanager
def open_report(path, fragment="", width=1280, height=900):
    """Opens an HTML file, with a fragment such as "label=cat&min=50"; gives a ReportPage."""
    address = Path(path).resolve().as_uri()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        options.ignore_local_proxy_environment_variables()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync", "--no-first-run",
                         "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND",
                         f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(service=Service(str(DRIVER)), options=options)
        try:
            # A window of the headless browser is wider inside than it was asked to be narrow.
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
            driver.set_page_load_timeout(300)
            driver.set_script_timeout(120)
            driver.get(f"{address}#{fragment}" if fragment else address)
            yield ReportPage(driver, address)
        finally:
            driver.quit()
