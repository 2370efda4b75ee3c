"""Derivatives of a network's output by its coordinates, for equations: forwards in one sweep, or backwards twice."""

from inrbench.derive.backward import backward_jet
from inrbench.derive.forward import can_go_forward, forward_jet
from inrbench.derive.jet import Jet, Wanted

__all__ = ["Jet", "Wanted", "backward_jet", "can_go_forward", "forward_jet"]
