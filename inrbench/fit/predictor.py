"""A fitted network as evaluations see it: a function of coordinates, with derivatives for those who ask."""

from functools import partial

import torch
from torch import Tensor, nn

from inrbench.derive import Jet, Wanted, backward_jet
from inrbench.nn import Solver

PREDICTED_POINTS = {"cpu": 8192, "cuda": 65536}
"""Points that are evaluated at once."""


class Predictor:
    """The network as a function from coordinates on any device to values on the CPU, evaluated in chunks."""

    def __init__(self, network: nn.Module, device: torch.device, at_once: int | None = None) -> None:
        self._network, self._device = network, device
        self._size = at_once or PREDICTED_POINTS[device.type]

    def __call__(self, coordinates: Tensor) -> Tensor:
        """Return values ``(N, out_features)``, float32."""
        with torch.inference_mode():
            return torch.cat([self._network(part.to(self._device)).float().cpu() for part in coordinates.split(self._size)])

    def jet(self, coordinates: Tensor, wanted: Wanted) -> Jet:
        """Return value and derivatives, on the CPU, by reverse mode: they judge what the fast way trained."""
        network = self._network
        jet_at = network.jet if isinstance(network, Solver) else partial(backward_jet, network)
        parts = [jet_at(part.to(self._device), wanted) for part in coordinates.split(self._size)]
        first, second = (
            tuple(torch.cat([t.detach().cpu() for t in column]) for column in zip(*rows, strict=True))
            for rows in ([jet.first for jet in parts], [jet.second for jet in parts])
        )
        return Jet(torch.cat([jet.value.detach().cpu() for jet in parts]), first, second)
