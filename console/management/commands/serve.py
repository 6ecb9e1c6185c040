"""serve: prepare ROSTER_DATA, then be the production server, in one process.

The application is loaded once, before the workers fork: the second start is quick and the workers share their memory.
"""

import gc
import logging
from argparse import ArgumentParser
from typing import Any

from django.core.checks.urls import check_url_config
from django.core.management import BaseCommand, call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger


class Command(BaseCommand):
    help = "Serve the console with the production server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=2)
        parser.add_argument("--threads", type=int, default=4)

    def handle(self, *args: Any, host: str, port: int, workers: int, threads: int, **options: Any) -> None:
        call_command("prepare", stdout=self.stdout)

        def ready(_: Any) -> None:
            self.stdout.write(f"Roster runs at http://{host}:{port} - stop it with Ctrl-C.")
            self.stdout.flush()  # into a file or pipe too: what is left in the buffer would be copied into every worker

        Server(
            bind=f"{host}:{port}",
            workers=workers,
            threads=threads,
            when_ready=ready,
        ).run()


class ServerLog(Logger):
    """The server's own words go where all others go: as JSON, so that a hostile request cannot forge a line."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True


class Server(BaseApplication):
    def __init__(self, **options: Any) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("logger_class", ServerLog)
        self.cfg.set("preload_app", True)
        self.cfg.set("pre_fork", lambda server, worker: connections.close_all())  # no worker may inherit a connection
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("forwarded_allow_ips", "")  # ROSTER_TRUSTED_PROXIES says whom to believe
        self.cfg.set("graceful_timeout", 10)
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        application = get_wsgi_application()
        check_url_config(None)  # imports every view now, not while the first visitor waits
        gc.collect()
        gc.freeze()  # what is loaded stays: the workers share it, and no search for garbage goes through it again
        return application
