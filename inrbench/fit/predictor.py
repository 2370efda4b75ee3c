"""A fitted network as evaluations use it: a function of coordinates, with derivatives on request."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from inrbench.derivatives import DerivativeSpec, Jet, backward_jet
from inrbench.nn import is_solver

PREDICTED_POINTS = {"cpu": 8192, "cuda": 65536}
"""Points evaluated at once, by type of device."""


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Evaluate in ``eval()`` mode, then restore the network's mode, its buffers and the random state.

    Batch norms must not learn from evaluation data. If the forward pass of a network draws random numbers, its training must
    not depend on how often it was evaluated.
    """
    modes = {module: module.training for module in network.modules()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    devices = [] if torch.cuda.is_available() is False else list(range(torch.cuda.device_count()))
    network.eval()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        for name, buffer in network.named_buffers():
            if name in buffers and not torch.equal(buffer, buffers[name]):
                buffer.copy_(buffers[name])
        for module, mode in modes.items():
            module.training = mode


class Predictor:
    """The network as a function from coordinates on any device to values on the CPU, evaluated in chunks.

    Coordinates are converted to the data type of the network's weights. Values are float32, or float64 for a network in
    float64.

    Args:
        network: Network to evaluate.
        device: Device of the network.
        at_once: Points evaluated at once; PREDICTED_POINTS for the device if not given.
    """

    def __init__(self, network: nn.Module, device: torch.device, at_once: int | None = None) -> None:
        self._network, self.device = network, device
        weights = next(network.parameters(), torch.zeros(()))
        self._dtype = torch.float64 if weights.dtype in (torch.float64, torch.complex128) else torch.float32
        self._size = at_once or PREDICTED_POINTS[device.type]

    def __call__(self, coordinates: Tensor) -> Tensor:
        """Return values ``(N, out_features)``."""
        return self._values(coordinates, torch.device("cpu"))

    def on_device(self, coordinates: Tensor) -> Tensor:
        """Return values ``(N, out_features)`` on the device of the network."""
        return self._values(coordinates, self.device)

    def _values(self, coordinates: Tensor, device: torch.device) -> Tensor:
        with torch.inference_mode(), evaluation_mode(self._network):
            parts = [self._network(part.to(self.device, self._dtype)) for part in coordinates.split(self._size)]
            return torch.cat([part.to(device, self._dtype) for part in parts])

    def jet(self, coordinates: Tensor, wanted: DerivativeSpec) -> Jet:
        """Return value and derivatives on the CPU, by reverse mode: an independent check of what the fast engine trained."""
        network = self._network
        jet_at = network.jet if is_solver(network) else partial(backward_jet, network)
        with evaluation_mode(network):
            parts = [jet_at(part.to(self.device, self._dtype), wanted) for part in coordinates.split(self._size)]
        first, second = (
            tuple(torch.cat([t.detach().cpu() for t in column]) for column in zip(*rows, strict=True))
            for rows in ([jet.first for jet in parts], [jet.second for jet in parts])
        )
        return Jet(torch.cat([jet.value.detach().cpu() for jet in parts]), first, second)
