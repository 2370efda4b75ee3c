"""Child process of ``Registry.check_third_party``: import one plugin; if that fails, print the reason and exit with 1."""

import json
import sys

from inrbench.errors import InrbenchError
from inrbench.registry.registry import Registry


def main(request: str) -> int:
    """Import the plugin of a JSON request ``[kind, name, files]`` and return the exit code."""
    kind, name, files = json.loads(request)
    registry = Registry(files)
    try:
        registry.method(name) if kind == "method" else registry.task(name)
    except InrbenchError as error:
        sys.stdout.write(f"{error}\n".replace("\n", " ").rstrip() + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
