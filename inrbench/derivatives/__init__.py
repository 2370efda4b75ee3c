"""Derivatives of a network's output with respect to its coordinates, for equations.

Feedforward chains and WIRE use explicit formulas; other networks use reverse mode twice.
"""

from inrbench.derivatives.analytic import analytic_jet, has_analytic_jet
from inrbench.derivatives.autograd import backward_jet
from inrbench.derivatives.jet import DerivativeSpec, Jet

__all__ = [
    "DerivativeSpec",
    "Jet",
    "analytic_jet",
    "backward_jet",
    "has_analytic_jet",
]
