"""Building blocks of coordinate networks."""

from inrbench.nn.complex import SplitComplexLinear
from inrbench.nn.encoding import Encoding, FourierFeatures, PositionalEncoding, SineFeatures, WaveEncoding
from inrbench.nn.init import Initialiser, siren_init
from inrbench.nn.mlp import CoordinateMLP, parameters_of_mlp, values_per_axis
from inrbench.nn.multiplicative import MultiplicativeNetwork
from inrbench.nn.size import NetworkSize, network_size
from inrbench.nn.solver import Solver
from inrbench.nn.weights import load_weights, save_weights

__all__ = [
    "CoordinateMLP",
    "Encoding",
    "FourierFeatures",
    "Initialiser",
    "MultiplicativeNetwork",
    "NetworkSize",
    "PositionalEncoding",
    "SineFeatures",
    "Solver",
    "SplitComplexLinear",
    "WaveEncoding",
    "load_weights",
    "network_size",
    "parameters_of_mlp",
    "save_weights",
    "siren_init",
    "values_per_axis",
]
