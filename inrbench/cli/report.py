"""``inrbench report``."""

from pathlib import Path

import click

from inrbench.cli.options import plugin_option, results_and_artifacts_option
from inrbench.console import say

HOST = "127.0.0.1"


@click.command("report")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("site"),
    show_default=True,
    help="The site's folder; an earlier site there is replaced.",
)
@click.option("--serve", is_flag=True, help="Then serve the site, to this machine only, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="For --serve; 0 picks a free one.")
@click.option("--url", default="", help="The address at which you publish the site: links to it then show a picture.")
@plugin_option
@results_and_artifacts_option
def command(output: Path, serve: bool, port: int, url: str, plugins: tuple[Path, ...], results: Path) -> None:
    """Write a static site of the results.

    It has an answer, leaderboards, curves, pictures, methods, verdicts on papers, and the runs behind each number. It opens
    from the file system, needs no network, and can be copied to any web server.

    \b
    inrbench report -o site
    inrbench report --results results/published -o site --serve
    """
    from inrbench.registry import Registry
    from inrbench.report.site import build_site

    facts = build_site(results, output, Registry(plugins), lambda what: say(f"{what} ..."), url)
    say(f"wrote {output / 'index.html'}: {facts.pages} pages, {facts.bytes / 2**20:.1f} MiB with all media and scripts")
    for reason in facts.refused:
        say(f"skipped: {reason}")
    if serve:
        _serve(output, port)


def _serve(folder: Path, port: int) -> None:
    """Serve a folder on the loopback interface until Ctrl-C."""
    from inrbench.errors import BadValue
    from inrbench.report.site import site_server

    try:
        server = site_server(folder, HOST, port)
    except OSError as error:
        raise BadValue(f"--port {port}: {error.strerror}; choose a different port, or 0 for a free one") from error
    with server:
        say(f"http://{HOST}:{server.server_port}/ (Ctrl-C to stop)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")
