"""Compute metrics from the named outputs of an evaluation. The same code serves every task and every metric."""

import math
from collections.abc import Sequence

from inrbench.data import require_file
from inrbench.errors import InrbenchError, first_line
from inrbench.problems.base import Evaluation, Predict
from inrbench.problems.outputs import Outputs
from inrbench.spec import Measurement, Metric

HISTORY = "primary_history"
COMPUTE_ERRORS = (InrbenchError, RuntimeError, ImportError, OSError)
"""Errors of a metric's own function that do not end the run: the metric gets no value, and a note with the reason.

All other errors, such as a ``ValueError``, are faults of the metric and end the run.
"""


class Evaluator:
    """Metrics of one protocol on one problem.

    Args:
        metrics: The protocol's metrics. The first is the primary metric.
        evaluation: The problem's evaluation, which provides the outputs.
    """

    def __init__(self, metrics: Sequence[Metric], evaluation: Evaluation) -> None:
        self.metrics, self.evaluation = tuple(metrics), evaluation
        self.history: list[float] = []
        """Values of the primary metric so far, of the calls of ``primary`` that are remembered and of ``measure``."""

    def primary(self, predict: Predict, remember: bool = True) -> float:
        """Return only the primary metric, for a point of the learning curve; NaN if it cannot be computed.

        Args:
            predict: Function from points to values.
            remember: Whether metrics that choose among the points of the curve can choose this one.
        """
        computed, _ = self._value(self.metrics[0], self._outputs(predict, self.metrics[:1]))
        value = math.nan if computed is None else computed
        if remember:
            self.history.append(value)
        return value

    def measure(self, predict: Predict) -> list[Measurement]:
        """Return all metrics. A metric that cannot be computed has no value, and a note with the reason."""
        outputs = self._outputs(predict, self.metrics)
        measured: list[Measurement] = []
        for metric in self.metrics:
            value, note = self._value(metric, outputs)
            if not measured:
                self.history.append(math.nan if value is None else value)
            measured.append(Measurement(metric=metric, value=value, note=note))
        return measured

    def _outputs(self, predict: Predict, metrics: Sequence[Metric]) -> Outputs:
        outputs = self.evaluation.outputs(predict)
        outputs.expected = frozenset(name for metric in metrics for name in metric.needs)
        return outputs

    def _value(self, metric: Metric, outputs: Outputs) -> tuple[float | None, str | None]:
        """Return the value, or None with the reason. An error in the network itself is raised: it ends the run."""
        if metric.compute is None:
            return None, f"metric '{metric.id}' has no function 'compute'"
        try:
            values = [self.history if name == HISTORY else outputs[name] for name in metric.needs]
        except InrbenchError as error:
            return None, str(error)
        try:
            data = {keyword: require_file(*file) for keyword, file in metric.data.items()}
            return float(metric.compute(*values, **data)), None
        except COMPUTE_ERRORS as error:
            return None, first_line(error)
