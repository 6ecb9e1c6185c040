"""The browser of the stories: Debian's Chromium without windows, else the system's, else Playwright's own."""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

SHELL = "chromium-headless-shell"  # takes half the time of a whole Chromium whose windows nobody sees

# Headless in a container as root; the rest keeps it from calling its maker, which a closed network answers with noise.
FLAGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def program() -> str | None:
    """The path of a Chromium that can be started, or None."""
    for name in (SHELL, "chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def install() -> None:
    """Try to fetch Playwright's own build; needs no root, but a network that has it."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=600)
