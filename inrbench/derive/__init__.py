"""Derivatives of a network's output by its coordinates, for equations: written out for plain chains, else backwards twice."""

from inrbench.derive.backward import backward_jet
from inrbench.derive.chain import is_chain
from inrbench.derive.jet import Jet, Wanted
from inrbench.derive.written import written_jet

__all__ = ["Jet", "Wanted", "backward_jet", "is_chain", "written_jet"]
