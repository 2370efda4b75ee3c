"""smooth-dct: the cosine series that fits the data and is smooth: penalised least squares.

    y = sum_k c_k / (1 + |k|^2) prod_i cos(pi k_i t_i),   t_i in [0, 1] along axis i,   k_i = 0 .. K - 1
    c = argmin  mean squared error + smoothing * sum_k c_k^2

A baseline for inverse problems, where many functions fit the data. The sum of c_k^2 is an energy of second derivatives, so this
is a smoothing spline, much like a thin-plate spline, in closed form. A method that does not beat it gains nothing but
smoothness.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import LinearModel, values_per_axis


class SmoothSeries(LinearModel):
    """Evaluate a damped product basis over the domain of the coordinates.

    Args:
        net: Size of the network.
        terms: Number of frequencies per axis.
        smoothing: Weight of the penalty.
    """

    max_iterations = 5000
    frequencies: Tensor
    low: Tensor
    size: Tensor

    def __init__(self, net: NetworkSpec, terms: int, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.coefficients = nn.Parameter(torch.zeros(*(terms,) * net.in_features, net.out_features))
        low, high = torch.tensor(net.domain, dtype=torch.float64).T
        for name, value in (("frequencies", torch.arange(terms)), ("low", low), ("size", high - low)):
            self.register_buffer(name, value.float())

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the series at coordinates ``(N, in_features)``."""
        place = (x.to(self.coefficients.dtype) - self.low) / self.size
        first, *others = (torch.cos(torch.pi * column[:, None] * self.frequencies) for column in place.T)
        y = torch.tensordot(first, self.coefficients * self.damping(), dims=1)
        for cosines in others:
            y = torch.einsum("nk,nk...->n...", cosines, y)
        return y

    def penalty(self) -> Tensor:
        """Return the weighted sum of squared coefficients."""
        return self.smoothing * self.coefficients.square().sum()

    def damping(self) -> Tensor:
        """Return 1 / (1 + |k|^2) for each frequency, ``(terms, ..., 1)``."""
        axes = [self.frequencies.square()] * (self.coefficients.dim() - 1)
        return 1 / (1 + torch.stack(torch.meshgrid(*axes, indexing="ij")).sum(0)[..., None])


@register_method(
    "smooth-dct",
    formula="sum of c_k prod cos(pi k t) / (1 + |k|^2), as many terms as the network has parameters",
    latex=r"y = \sum_k \frac{c_k}{1 + |k|^2} \prod_d \cos(\pi k_d t_d)",
    kinds=("restoration", "ct"),
    # tried by hand, in powers of ten, on the signals on which the networks are tuned under 'standard': the best for inpainting
    # (1e-4 to 1e-9) and denoise (1e-3 to 1e-7); for ct and super-resolution, ten times less was better by 0.5 and 0.06 dB, but
    # was stopped before it converged
    task_params={"inpainting": {"smoothing": 1e-8}, "ct": {"smoothing": 1e-6}},
    closed_form=True,
)
def smooth_dct(net: NetworkSpec, *, smoothing: float = 1e-7) -> nn.Module:
    """Build a cosine series with about as many coefficients as the network has parameters.

    Args:
        net: Size of the network.
        smoothing: Weight of the penalty.
    """
    return SmoothSeries(net, values_per_axis(net), smoothing)
