"""Load a stored network in Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inrbench.registry import Registry
from inrbench.spec import Domain
from inrbench.store import is_remote, open_mirror, stored_run

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with the weights that a run stored.

    Args:
        module: The network, on the CPU, in evaluation mode. It maps coordinates ``(N, in_features)``, float32 and inside of
            ``domain``, to values ``(N, out_features)`` as they were fitted: not clipped, and in the range that the protocol
            fits (``value_range`` of images).
        domain: Lowest and highest value of each coordinate.
        row: The stored row of the run: task, signal, method, parameters, metrics, and so on.
    """

    module: "nn.Module"
    domain: Domain
    row: dict[str, Any]

    def __call__(self, coordinates: "Tensor") -> "Tensor":
        """Return values ``(N, out_features)`` at coordinates ``(N, in_features)``. Gradients are available."""
        values: Tensor = self.module(coordinates)
        return values


def load_network(
    run: str, results: str | Path = "results", *, plugins: Sequence[str | Path] = (), signal: str | Path | None = None
) -> LoadedNetwork:
    """Return the network that a run stored. The run must have stored its weights, which is the default.

    Args:
        run: The id of the run, or its beginning; ``inrbench results list`` prints all ids.
        results: The results folder, or ``s3://BUCKET/PREFIX``.
        plugins: Files with the run's method or task, if they are yours.
        signal: The file that was fitted, if the signal is one of your files.

    Raises:
        NothingFound: There is no such run, or its weights were not stored.
        BrokenPlugin: The code of the method has changed since the run.
        BadValue: Several ids begin like this, or the signal's file was not given.
        DataMissing: The data of the signal are missing.
        StoreError: The results folder or the bucket cannot be read.
    """
    from inrbench.execute.loading import load_run

    folder = Path(results)
    if is_remote(str(results)):
        mirror = open_mirror(str(results))
        mirror.sync(artifacts=True)
        folder = mirror.folder
    row = stored_run(folder, run)
    network, problem = load_run(row, folder, Registry(tuple(plugins)), None if signal is None else Path(signal))
    domain = problem.domain or ((-1.0, 1.0),) * problem.in_features
    return LoadedNetwork(network.eval(), domain, row)
