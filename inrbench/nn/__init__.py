"""Building blocks of coordinate networks."""

from inrbench.nn.activations import Gabor, MultiScaleSine, RealInputGabor, Sine, Spacing, per_layer
from inrbench.nn.chebyshev import ChebyshevLayer
from inrbench.nn.complex import SplitComplexLinear
from inrbench.nn.encoding import Encoding, FourierFeatures, PositionalEncoding, SineFeatures, WaveEncoding
from inrbench.nn.hooks import HasDeployedReals, HasDerivatives, HasPenalty, activations_of
from inrbench.nn.init import Initialiser, siren_init, xavier_init
from inrbench.nn.linear import LinearModel
from inrbench.nn.mlp import CoordinateMLP, largest_width, parameters_of_mlp, values_per_axis
from inrbench.nn.multiplicative import MultiplicativeNetwork, SineFilter
from inrbench.nn.size import NetworkSize, network_size
from inrbench.nn.solver import Solver, is_solver
from inrbench.nn.training import HasOwnTraining, OwnTraining, ParameterGroup, Points, Sample, Sampler, own_training_of
from inrbench.nn.weights import load_weights, save_weights

__all__ = [
    "ChebyshevLayer",
    "CoordinateMLP",
    "Encoding",
    "FourierFeatures",
    "Gabor",
    "HasDeployedReals",
    "HasDerivatives",
    "HasOwnTraining",
    "HasPenalty",
    "Initialiser",
    "LinearModel",
    "MultiScaleSine",
    "MultiplicativeNetwork",
    "NetworkSize",
    "OwnTraining",
    "ParameterGroup",
    "Points",
    "PositionalEncoding",
    "RealInputGabor",
    "Sample",
    "Sampler",
    "Sine",
    "SineFeatures",
    "SineFilter",
    "Solver",
    "Spacing",
    "SplitComplexLinear",
    "WaveEncoding",
    "activations_of",
    "is_solver",
    "largest_width",
    "load_weights",
    "network_size",
    "own_training_of",
    "parameters_of_mlp",
    "per_layer",
    "save_weights",
    "siren_init",
    "values_per_axis",
    "xavier_init",
]
