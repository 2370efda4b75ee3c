"""The size of a network, in real numbers and in bytes."""

from dataclasses import dataclass

from torch import Tensor, nn

from inrbench.nn.hooks import HasDeployedReals


@dataclass(frozen=True)
class NetworkSize:
    """The size of a network. A complex number counts as two real scalars.

    Args:
        trainable: Number of trainable real scalars.
        stored: Number of stored real scalars.
        deployed: Number of stored real scalars after the parts that only training needs have been multiplied out.
        bytes: Size of the stored scalars in bytes.
    """

    trainable: int
    stored: int
    deployed: int
    bytes: int


def network_size(network: nn.Module) -> NetworkSize:
    """Count the parameters and persistent buffers of a network, each once.

    A module that is smaller when deployed than in training reports its deployed size (``HasDeployedReals``).
    """
    state = list({id(value): value for value in network.state_dict(keep_vars=True).values()}.values())
    shrinking = [module for module in network.modules() if isinstance(module, HasDeployedReals)]
    stored = sum(map(_reals, state))
    trainable = [p for p in network.parameters() if p.requires_grad]
    return NetworkSize(
        trainable=sum(map(_reals, trainable)),
        stored=stored,
        deployed=stored - sum(_stored(module) - module.deployed_reals() for module in shrinking),
        bytes=sum(v.numel() * v.element_size() for v in state),
    )


def _stored(module: nn.Module) -> int:
    return sum(map(_reals, module.state_dict(keep_vars=True).values()))


def _reals(value: Tensor) -> int:
    return value.numel() * (2 if value.is_complex() else 1)
