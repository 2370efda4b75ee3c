import math
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from inrbench.errors import BadValue
from inrbench.fit import Clock, MemoryMeter, Predictor, count_ops, curve_steps, fit, learning_rate, log_spaced_steps, loop
from inrbench.fit.optimise import Updates
from inrbench.fit.step import FastStep, ReferenceStep
from inrbench.problems import Regression
from inrbench.spec import OPTIMISERS, AdamLbfgs, Protocol

CPU = torch.device("cpu")


class CountingEvaluator:
    """An evaluator that counts its calls."""

    def __init__(self) -> None:
        self.n_calls, self.history = 0, []

    def primary(self, predict, remember):
        self.n_calls += 1
        value = float(predict(torch.zeros(1, 1)))
        self.history += [value] if remember else []
        return value

    def measure(self, predict):
        return []


def protocol(**fields: object) -> Protocol:
    return Protocol(
        **{"name": "t", "width": 8, "n_layers": 1, "epochs": 10, "lr": 1e-2, "lr_min": 1e-3, "metrics": ("x",), **fields}
    )


def problem(n: int = 50, batch: int | None = None) -> Regression:
    x = torch.linspace(-1, 1, n)[:, None]
    return Regression(x, torch.sin(3 * x), batch, CountingEvaluator())


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))


def run(net: nn.Module, chosen: Protocol, fitted: Regression, seed: int = 0, engine: str = "fast", **options: int):
    clock = Clock(CPU)
    return fit(
        net,
        fitted,
        chosen,
        evaluator=fitted.evaluation,
        device=CPU,
        data_seed=seed,
        clock=clock,
        meter=MemoryMeter(CPU),
        engine=engine,
        **options,
    ), clock


@pytest.mark.parametrize("schedule", ["cosine", "exponential", "constant"])
def test_learning_rates_equal_those_of_torch_schedulers(schedule):
    chosen = protocol(schedule=schedule, epochs=20, **({"lr_min": 1e-2} if schedule == "constant" else {}))
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=chosen.lr)
    schedulers = {
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=20, eta_min=chosen.lr_min),
        "exponential": lambda: torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: 0.1 ** (t / 20)),
        "constant": lambda: torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1),
    }
    scheduler = schedulers[schedule]()
    for epoch in range(20):
        assert learning_rate(chosen, epoch) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        scheduler.step()


def test_step_schedule_equals_torch_down_to_the_minimum_rate():
    chosen = protocol(schedule="step", step_epochs=4, step_factor=0.3, epochs=20, lr_min=1e-4)
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=chosen.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimiser, step_size=4, gamma=0.3)
    for epoch in range(20):
        assert learning_rate(chosen, epoch) == pytest.approx(max(1e-4, scheduler.get_last_lr()[0]), rel=1e-9)
        optimiser.step()
        scheduler.step()


def test_a_warm_up_is_linear_and_the_schedule_follows_it():
    chosen = protocol(warmup_epochs=4, epochs=14)
    rates = [learning_rate(chosen, epoch) for epoch in range(14)]
    assert rates[:4] == pytest.approx([2e-3, 4e-3, 6e-3, 8e-3])
    plain = protocol(epochs=10)
    assert rates[4:] == pytest.approx([learning_rate(plain, epoch) for epoch in range(10)])


def test_adam_before_lbfgs_must_have_a_step():
    short = protocol(optimiser=AdamLbfgs(), epochs=60, schedule="constant", lr_min=1e-2)
    advice = r"all 60 steps of this run would be of L-BFGS; leave some to Adam with --set optimiser.lbfgs_steps=15"
    with pytest.raises(BadValue, match=advice):
        run(network(), short, problem())
    fitted, _ = run(network(), short.with_changes({"optimiser.lbfgs_steps": "15"}), problem())
    assert fitted.diverged_at is None


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_each_optimiser_equals_torch_and_reduces_the_loss(name, engine):
    """Two of our steps equal two steps of torch, and a longer run reduces the loss."""
    long = {"adam-lbfgs": {"lbfgs_steps": 20}}
    chosen = protocol(optimiser=OPTIMISERS[name](**long.get(name, {})), epochs=60, schedule="constant", lr_min=1e-2)
    net = network()
    fitted, _ = run(net, chosen, problem(), engine=engine)
    assert fitted.diverged_at is None
    assert fitted.curve[-1].loss < 0.8 * fitted.curve[0].loss
    ours, theirs = network(), network()
    data = problem()
    fields = {"lbfgs": {"max_iter": 3}, "adam-lbfgs": {"lbfgs_steps": 1}}  # more would amplify roundings
    few = OPTIMISERS[name](**fields.get(name, {}))
    run(ours, protocol(optimiser=few, epochs=2, schedule="constant", lr_min=1e-2), data, engine=engine)
    steps = {
        "adam": lambda p: [torch.optim.Adam(p, lr=1e-2)], "adamw": lambda p: [torch.optim.AdamW(p, lr=1e-2)],
        "sgd": lambda p: [torch.optim.SGD(p, lr=1e-2)],
        "lbfgs": lambda p: [torch.optim.LBFGS(p, lr=1e-2, max_iter=3, history_size=100, line_search_fn="strong_wolfe")],
        "adam-lbfgs": lambda p: [
            torch.optim.Adam(p, lr=1e-2),
            torch.optim.LBFGS(p, lr=1, max_iter=1, history_size=100, line_search_fn="strong_wolfe"),
        ],
        "muon": lambda p: [
            torch.optim.Muon([q for q in p if q.ndim == 2], lr=1e-2, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.Adam([q for q in p if q.ndim != 2], lr=1e-2),
        ],
    }[name](list(theirs.parameters()))  # fmt: skip

    def closure():
        theirs.zero_grad()
        loss = (theirs(data.coordinates) - data.values).square().mean()
        loss.backward()
        return loss

    for number in range(2):
        if "lbfgs" in name:
            steps[min(number, len(steps) - 1)].step(closure)
        else:
            closure()
            for optimiser in steps:
                optimiser.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_adam_then_lbfgs_takes_its_last_steps_on_one_batch(engine, monkeypatch):
    """Steps 1 to 4 are Adam's, on new batches; steps 5 to 8 are those of L-BFGS, on the batch of step 5."""
    chosen = protocol(optimiser=OPTIMISERS["adam-lbfgs"](lbfgs_steps=4), epochs=4, lr=1e-3, lr_min=1e-3, schedule="constant")
    batches, kinds, step, call = [], [], Updates.step, ReferenceStep.__call__ if engine == "reference" else FastStep.__call__

    def recorded(self, gradient, rate):
        kinds.append(type(self._of_this_step()[0]).__name__)
        return step(self, gradient, rate)

    monkeypatch.setattr(Updates, "step", recorded)
    for kind in (FastStep, ReferenceStep):
        monkeypatch.setattr(kind, "__call__", lambda self, batch, rate: batches.append(batch[0]) or call(self, batch, rate))
    result, _ = run(network(), chosen, problem(n=50, batch=25), engine=engine)
    assert kinds == ["Adam"] * 4 + ["LBFGS"] * 4
    assert result.steps == len(batches) == 8
    assert len({tuple(batch.flatten().tolist()) for batch in batches[:5]}) == 5  # the fifth is new, too
    assert all(torch.equal(batch, batches[4]) for batch in batches[5:])


def test_the_schedule_of_adam_ends_where_lbfgs_begins():
    chosen = protocol(epochs=10)
    assert learning_rate(chosen, 5, 5) == learning_rate(chosen, 8, 5) == pytest.approx(chosen.lr_min)
    assert learning_rate(chosen, 0, 5) == chosen.lr


def test_bfloat16_changes_the_first_loss_only_slightly():
    losses = {}
    for precision in ("float32", "bfloat16"):
        fitted, _ = run(network(), protocol(precision=precision, epochs=3), problem())
        losses[precision] = fitted.curve[0].loss
    assert losses["float32"] != losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


def test_predictions_use_eval_mode_and_change_no_state():
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.drop, self.line = nn.BatchNorm1d(1), nn.Dropout(0.5), nn.Linear(1, 1)

        def forward(self, x):
            return self.line(self.drop(self.norm(x))) + 0 * torch.rand(())

    net = Noisy()
    x = torch.linspace(-1, 1, 50)[:, None]
    net(x)
    buffers, state = [b.clone() for b in net.buffers()], torch.get_rng_state()
    predict = Predictor(net, CPU)
    assert torch.equal(predict(x), predict(x)), "no dropout in predictions"
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(buffers, net.buffers(), strict=True))
    assert net.training and net.norm.training


@pytest.mark.parametrize("last", [1, 2, 7, 300, 141_000])
def test_log_spaced_steps_end_with_the_last_and_never_repeat(last):
    steps = log_spaced_steps(last, 30)
    assert steps[0] == 1
    assert steps[-1] == last
    assert len(steps) <= 31
    assert steps == sorted(set(steps))


@pytest.mark.parametrize(("last", "expected"), [(7, 6), (300, 270), (1500, 1350), (141_000, 126_900)])
def test_a_curve_has_a_point_before_the_last_tenth(last, expected):
    steps = curve_steps(last, 30)
    assert expected in steps
    assert steps[0] == 1 and steps[-1] == last and steps == sorted(set(steps))
    assert len(set(steps) - set(log_spaced_steps(last, 30))) <= 1


def test_a_short_curve_has_no_point_before_the_last_tenth():
    assert curve_steps(1500, 4) == [1, 11, 131, 1500]
    assert [curve_steps(last, 30) for last in (1, 2)] == [[1], [1, 2]]


def test_a_metric_that_chooses_among_the_points_of_a_curve_does_not_see_the_point_before_the_last_tenth():
    fitted = problem(batch=10)
    result, _ = run(network(), protocol(epochs=40), fitted)
    values = {point.step: point.value for point in result.curve}
    assert fitted.evaluation.history == [values[step] for step in log_spaced_steps(200, loop.CURVE_POINTS)]
    assert len(fitted.evaluation.history) == len(values) - 1


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_fit_equals_a_plain_adam_loop_with_the_schedule(engine):
    """Compared with a plain training loop in torch."""
    chosen, fitted = protocol(epochs=25), problem()
    ours, theirs = network(), network()
    run(ours, chosen, fitted, engine=engine)
    optimiser = torch.optim.Adam(theirs.parameters(), lr=chosen.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=25, eta_min=chosen.lr_min)
    for _ in range(25):
        optimiser.zero_grad()
        nn.functional.mse_loss(theirs(fitted.coordinates), fitted.values).backward()
        optimiser.step()
        scheduler.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_equal_data_seeds_give_equal_losses_and_different_ones_do_not():
    nets = [network() for _ in range(3)]
    curves = [run(net, protocol(), problem(batch=7), seed)[0].curve for net, seed in zip(nets, (1, 1, 2), strict=True)]
    losses = [[point.loss for point in curve] for curve in curves]
    assert losses[0] == losses[1] != losses[2]


def test_the_curve_has_log_spaced_steps_rates_and_values():
    fitted = problem(batch=10)
    result, clock = run(network(), protocol(epochs=40), fitted)
    assert [point.step for point in result.curve] == curve_steps(200, loop.CURVE_POINTS)
    assert (result.steps, result.points_seen) == (200, 2000)
    assert result.curve[0].lr == 1e-2
    assert result.curve[-1].lr == learning_rate(protocol(epochs=40), 39)
    assert all(math.isfinite(point.value) for point in result.curve)
    times = [point.train_seconds for point in result.curve]
    assert times == sorted(times)
    assert times[-1] <= clock.seconds["train"]
    assert fitted.evaluation.n_calls == len(result.curve)


def test_a_loss_that_is_not_finite_is_reported_at_the_exact_step():
    class BreaksAtSeven(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls = network(), 0

        def forward(self, x):
            self.calls += torch.is_grad_enabled()
            return self.inner(x) * (math.nan if self.calls > 8 else 1)  # two calls come before the first step

    result, _ = run(BreaksAtSeven(), protocol(epochs=1000), problem())
    assert result.diverged_at == 7
    assert result.steps < 20
    assert result.curve[-1].step < 7


def test_divergence_in_the_last_step_is_detected():
    class BreaksAtTheEnd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls = network(), 0

        def forward(self, x):
            y = self.inner(x)
            if torch.is_grad_enabled():
                self.calls += 1
                if self.calls == 12:  # two calls before the first of ten steps
                    y.register_hook(lambda gradient: gradient * math.nan)
            return y

    result, _ = run(BreaksAtTheEnd(), protocol(epochs=10), problem())
    assert result.diverged_at == 10


def test_fewer_points_of_the_curve_change_neither_losses_nor_weights():
    nets = [network(), network()]
    curves = [
        run(net, protocol(), problem(batch=7), curve_points=points)[0].curve for net, points in zip(nets, (30, 4), strict=True)
    ]
    assert len(curves[1]) == 4 < len(curves[0])
    found = {point.step: (point.loss, point.value) for point in curves[0]}
    assert curves[1][-1].step == curves[0][-1].step
    assert all(found[point.step] == (point.loss, point.value) for point in curves[1] if point.step in found)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_no_step_waits_for_the_device(monkeypatch):
    """The loss is read at curve points and finiteness checks only."""
    reads = []
    for name in ("item", "tolist", "cpu", "nonzero", "__float__", "__bool__", "__int__"):
        original = getattr(torch.Tensor, name)

        def spy(self, *args, name=name, original=original):
            reads.append(name)
            return original(self, *args)

        monkeypatch.setattr(torch.Tensor, name, spy)
    run(network(), protocol(epochs=2000), problem())
    checks = loop.CURVE_POINTS + 1 + loop.FINITE_CHECKS
    assert 0 < len(reads) <= 6 * checks < 2000


def test_chunked_predictions_equal_whole_predictions():
    net, x = network(), torch.rand(100, 1)
    assert torch.allclose(Predictor(net, CPU, 7)(x), net(x).detach(), atol=1e-6)
    assert not Predictor(net, CPU, 7)(x).requires_grad


def test_flops_count_the_matrix_products():
    """Per layer: 2 m n forward, as many for the weight gradient, and for the input gradient except in the first layer."""
    net, fitted = network(), problem()
    expected = 2 * 16 * 2 + 2 * 16 * 3
    work = count_ops(net, fitted)
    assert work.flops == expected
    assert 32 < work.elements < 48  # tanh and its gradient, and a little for the loss
    assert all(p.grad is None for p in net.parameters())


def test_the_parts_of_the_clock_do_not_overlap():
    clock = Clock(CPU)
    start = time.perf_counter()
    for part, work in (("train", 1_000_000), ("eval", 10), ("train", 1_000_000)):
        with clock(part):
            sum(range(work))
    assert 0 < clock.seconds["eval"] < clock.seconds["train"]
    assert sum(clock.seconds.values()) <= time.perf_counter() - start


def test_the_clock_counts_a_block_that_raises():
    clock = Clock(CPU)
    with pytest.raises(KeyError), clock("train"):
        raise KeyError
    assert clock.seconds["train"] > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the high-water mark can be reset on Linux only")
def test_the_memory_meter_measures_the_peak_since_its_start():
    code = """
import torch
from inrbench.fit import MemoryMeter
torch.ones(60_000_000).sum()          # 240 MB, freed before the meter starts
meter = MemoryMeter(torch.device("cpu"))
low = meter.host_peak_bytes()
torch.ones(25_000_000).sum()          # 100 MB
print(low, meter.host_peak_bytes())
"""
    low, high = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert low < 20e6
    assert 95e6 < high < 140e6
    assert MemoryMeter(CPU).gpu_peak_bytes() is None


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the high-water mark")
@pytest.mark.parametrize("method", ["msa", "staf"])
def test_a_step_on_a_full_size_image_takes_less_than_3_gb(method):
    code = f"""
import torch
from inrbench.fit import FastStep, MemoryMeter
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec
meter = MemoryMeter(torch.device("cpu"))
n = 393_216
problem = Regression(torch.rand(n, 2), torch.rand(n, 3), None, None)
net = Registry().method("{method}")(NetworkSpec(in_features=2, out_features=3, width=400, n_layers=4))
step = FastStep(net, problem, "eager")
step((problem.coordinates, problem.values), 1e-3)
print(meter.host_peak_bytes())
"""
    peak = int(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert 50e6 < peak < 3e9


PAUSES = """
import torch
from inrbench.fit import MemoryMeter
meter, pins = MemoryMeter(torch.device("cpu")), []
for _ in range(4):
    garbage = [bytes(1000) for _ in range(50_000)]
    pins.append(garbage[-1])  # so that the C library keeps what is let go of below it
    del garbage
    with meter.paused():
        pass
print(meter.host_peak_bytes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the high-water mark")
def test_memory_released_during_a_pause_is_not_counted_again():
    assert 40e6 < int(subprocess.check_output([sys.executable, "-c", PAUSES], text=True)) < 80e6
