"""Derivatives of a network's output by its coordinates, for equations: written out for plain chains, else backwards twice."""

from inrbench.derivatives.analytic import analytic_jet
from inrbench.derivatives.autograd import backward_jet
from inrbench.derivatives.feedforward import is_feedforward
from inrbench.derivatives.jet import DerivativeSpec, Jet

__all__ = [
    "DerivativeSpec",
    "Jet",
    "analytic_jet",
    "backward_jet",
    "is_feedforward",
]
