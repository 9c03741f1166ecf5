"""Makes live_page.jpg: the page of ``pywinmmf view`` with a shared test picture. Needs selenium and Chromium."""

from __future__ import annotations

import base64
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.support.ui import WebDriverWait

COMMAND = (sys.executable, "-P", "-m", "pywinmmf")
SOURCE = ("camera", "share", "test", "--name", "front", "--size", "960x540", "--fps", "30")
SECONDS = 60
FRAMES = "return Number(document.querySelector('#frames').textContent.replace(/[^0-9]/g, ''))"


def main() -> None:
    """Share, view, and save what the browser shows."""
    with ExitStack() as stack:
        camera = stack.enter_context(subprocess.Popen([*COMMAND, *SOURCE], stderr=subprocess.PIPE, text=True))
        stack.callback(camera.terminate)
        assert camera.stderr is not None and camera.stderr.readline()
        page = stack.enter_context(subprocess.Popen([*COMMAND, "view", "front"], stdout=subprocess.PIPE, text=True))
        stack.callback(page.terminate)
        assert page.stdout is not None
        address = page.stdout.readline().split()[-1]
        options = ChromeOptions()
        for argument in ("--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,750"):
            options.add_argument(argument)
        browser = Chrome(options)
        stack.callback(browser.quit)
        browser.get(address)
        WebDriverWait(browser, SECONDS).until(lambda _: int(browser.execute_script(FRAMES)) > 300)
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "jpeg", "quality": 80})
        Path(__file__).with_suffix(".jpg").write_bytes(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    main()
