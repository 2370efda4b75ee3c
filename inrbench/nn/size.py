"""How large a network is, in reals and in bytes."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class NetworkSize:
    """``trainable`` and ``stored`` count real scalars (a complex number is two); ``bytes`` is the size of the latter."""

    trainable: int
    stored: int
    bytes: int


def network_size(network: nn.Module) -> NetworkSize:
    """Count the parameters and persistent buffers of a network."""
    state = list(network.state_dict(keep_vars=True).values())
    trainable = [p for p in network.parameters() if p.requires_grad]
    return NetworkSize(
        trainable=sum(map(_reals, trainable)),
        stored=sum(map(_reals, state)),
        bytes=sum(v.numel() * v.element_size() for v in state),
    )


def _reals(value: Tensor) -> int:
    return value.numel() * (2 if value.is_complex() else 1)
