"""Serving a site to this machine alone."""

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from inrbench.errors import printable


def site_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder's regular files. Raises OSError where the port is taken."""
    return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder.resolve())))


class _Handler(SimpleHTTPRequestHandler):
    """Answers to its own name only, so that no page from elsewhere reads the site through a name that leads here."""

    def parse_request(self) -> bool:
        """Read a request's head; refuse it unless it names this server."""
        if not super().parse_request():
            return False
        port = self.server.server_port  # type: ignore[attr-defined]  # of an HTTPServer
        if self.headers.get("Host") in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            return True
        self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "this server answers to 127.0.0.1 and localhost only")
        return False

    def translate_path(self, path: str) -> str:
        """Return the file of an address; what is not there where a link leads out of the site's folder."""
        found = super().translate_path(path)
        inside = Path(found).relative_to(self.directory)
        steps = [Path(self.directory, *inside.parts[: n + 1]) for n in range(len(inside.parts))]
        return str(Path(self.directory, ".none")) if any(step.is_symlink() for step in steps) else found

    def log_message(self, format: str, *args: Any) -> None:
        """Print a line for each request, whatever it holds."""
        super().log_message("%s", printable(format % args))
