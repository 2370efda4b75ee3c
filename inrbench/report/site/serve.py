"""Serve a site to this machine only."""

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from inrbench.errors import printable


def site_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server for the regular files of a folder.

    Args:
        folder: The folder to serve.
        host: The address to bind to.
        port: The port to bind to; 0 for any free port.

    Raises:
        OSError: The port is in use.
    """
    return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(folder.resolve())))


class _Handler(SimpleHTTPRequestHandler):
    """Request handler that accepts only the host names of this server.

    This prevents another web page from reading the site through a host name that resolves to this machine.
    """

    def parse_request(self) -> bool:
        """Read the head of a request; refuse the request if its Host is not this server."""
        if not super().parse_request():
            return False
        port = self.server.server_port  # type: ignore[attr-defined]  # of an HTTPServer
        if self.headers.get("Host") in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            return True
        self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "this server accepts requests to 127.0.0.1 and localhost only")
        return False

    def translate_path(self, path: str) -> str:
        """Return the file of an address; a file that does not exist for links, hidden files, pipes and devices."""
        found = super().translate_path(path)
        inside = Path(found).relative_to(self.directory)
        steps = [Path(self.directory, *inside.parts[: n + 1]) for n in range(len(inside.parts))]
        no_path = "\0" in found
        hidden = any(part.startswith(".") for part in inside.parts)
        if no_path or hidden or any(step.is_symlink() for step in steps) or _is_special(Path(found)):
            return str(Path(self.directory, ".none"))
        return found

    def list_directory(self, path: Any) -> None:
        """Answer that a folder without a page is not found: no list of files is served."""
        self.send_error(HTTPStatus.NOT_FOUND, "File not found")

    def end_headers(self) -> None:
        """End the head: another web page may not load these files, and their type is the stated one."""
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print a line for each request, with control characters escaped."""
        super().log_message("%s", printable(format % args))


def _is_special(path: Path) -> bool:
    """Return whether a path is a pipe, a device or a socket, which could block the server."""
    return path.exists() and not (path.is_file() or path.is_dir())
