"""A method can bring parameter groups, an optimiser, a schedule and a sampler; both engines do the same with them."""

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from inrbench.errors import BrokenPlugin, NotApplicable
from inrbench.fit import DTYPES, TrainingHooks, make_step
from inrbench.nn import OwnTraining, ParameterGroup, Points, Sample, own_training_of
from inrbench.problems import Regression
from inrbench.spec import OPTIMISERS, Adam, Optimiser, Protocol
from inrbench.spec.optimiser import AdamLbfgs, AdamW, Lbfgs, Muon, Sgd

STEPS = 6
RATE = 1e-2


class Network(nn.Module):
    """Two layers. The first has a lower learning rate; the second is frozen for two steps."""

    def __init__(self, own: OwnTraining | None = None, **group: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(2, 16), nn.Linear(16, 3)
        self.register_buffer("scale", torch.ones(()))
        self.own, self.group = own, group

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.sin(3 * self.scale * self.first(x)))

    def own_training(self, steps: int) -> OwnTraining:
        if self.own is not None:
            return self.own
        groups = [
            ParameterGroup(parameters=list(self.first.parameters()), rate_factor=0.25, **self.group),
            ParameterGroup(parameters=[self.second.weight], frozen_until=2),
        ]
        return OwnTraining(groups=groups)


def problem(batch: int | None = None) -> Regression:
    x = 2 * torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) - 1
    return Regression(x, torch.stack((torch.sin(4 * x[:, 0]), x[:, 1], x.prod(1)), dim=1), batch, None)


def protocol(optimiser: Optimiser, precision: str = "float32") -> Protocol:
    return Protocol(
        name="t",
        width=16,
        n_layers=2,
        epochs=STEPS,
        optimiser=optimiser,
        precision=precision,
        lr=RATE,
        lr_min=RATE,
        schedule="constant",
        metrics=("x",),
    )


def train(
    network: nn.Module, engine: str, optimiser: Optimiser | None = None, steps: int = STEPS, precision: str = "float32"
) -> list[torch.Tensor]:
    fitted = problem()
    fitted.as_dtype(DTYPES[precision])
    network.to(DTYPES[precision])
    hooks = TrainingHooks(network, fitted, steps, seed=0)
    take_step = make_step(engine, network, hooks.problem, protocol(optimiser or Adam(), precision), steps, hooks.own)
    for step in range(steps):
        hooks.begin(step)
        (batch,) = fitted.batches(torch.Generator())
        take_step(hooks.choose(batch, step), hooks.learning_rate(RATE, step))
    return [parameter.detach().clone() for parameter in network.parameters()]


def by_hand(optimiser: Optimiser, group: dict) -> list[torch.Tensor]:
    """Train the network with a plain torch loop."""
    network, fitted = Network(), problem()
    first, second = list(network.first.parameters()), [network.second.weight]
    rest = [network.second.bias]
    if isinstance(optimiser, Muon):
        matrices = [
            {"params": [network.first.weight], "lr": 0.25 * RATE, **{k: v for k, v in group.items() if k == "weight_decay"}},
            {"params": second, "lr": RATE},
        ]
        muon = torch.optim.Muon(matrices, weight_decay=optimiser.weight_decay, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.Adam([{"params": rest, "lr": RATE}, {"params": [network.first.bias], "lr": 0.25 * RATE, **group}])
        optimisers = [muon, adam]
    else:
        kind = {Adam: torch.optim.Adam, AdamW: torch.optim.AdamW, Sgd: torch.optim.SGD}[type(optimiser)]
        groups = [
            {"params": rest, "lr": RATE},
            {"params": first, "lr": 0.25 * RATE, **group},
            {"params": second, "lr": RATE},
        ]
        optimisers = [kind(groups)]
    for step in range(STEPS):
        (network(fitted.coordinates) - fitted.values).square().mean().backward()
        if step < 2:
            network.second.weight.grad = None
        for each in optimisers:
            each.step()
            each.zero_grad()
    return [parameter.detach().clone() for parameter in network.parameters()]


def largest_difference(one: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


GROUPS = {
    "adam": {"weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3},
    "adamw": {"weight_decay": 0.3, "betas": (0.8, 0.9), "eps": 1e-3},
    "sgd": {"weight_decay": 0.1},
    "muon": {"weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3},
}


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("name", sorted(GROUPS))
def test_parameter_groups_train_as_a_plain_loop_does(name, engine):
    found = train(Network(**GROUPS[name]), engine, OPTIMISERS[name]())
    assert largest_difference(found, by_hand(OPTIMISERS[name](), GROUPS[name])) < 1e-5
    plain = by_hand(OPTIMISERS[name](), {})
    assert largest_difference(found, plain) > 1e-4, "the hyper-parameters of the group have no effect"


def test_frozen_parameters_do_not_move_and_then_do():
    before = Network().second.weight.detach().clone()
    assert torch.equal(train(Network(), "fast", steps=2)[2], before)
    assert not torch.equal(train(Network(), "fast", steps=3)[2], before)


@pytest.mark.parametrize(("optimiser", "group", "message"), [
    (Lbfgs(), {}, "L-BFGS treats all parameters alike"),
    (AdamLbfgs(), {}, "L-BFGS treats all parameters alike"),
    (Sgd(), {"betas": (0.9, 0.99)}, "sets betas for a parameter group, which sgd does not have"),
])  # fmt: skip
def test_what_an_optimiser_cannot_do_is_refused(optimiser, group, message):
    with pytest.raises(NotApplicable, match=message):
        train(Network(**group), "fast", optimiser)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_an_own_optimiser_replaces_that_of_the_protocol(engine):
    own = train(Network(OwnTraining(optimiser=Sgd(momentum=0.5))), engine, Adam())
    protocols = train(Network(OwnTraining()), engine, Sgd(momentum=0.5))
    assert largest_difference(own, protocols) == 0.0


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_schedule_factor_and_changes_by_step_work_with_every_optimiser(name):
    def trained(engine: str) -> list[torch.Tensor]:
        network = Network(OwnTraining())
        network.own = OwnTraining(
            rate_factor=lambda step: 0.5 ** (step // 2), before_step=lambda step: network.scale.fill_(0.5 + 0.1 * step)
        )
        return train(network, engine, OPTIMISERS[name](), precision="float64")  # L-BFGS amplifies rounding errors

    assert largest_difference(trained("reference"), trained("fast")) < 1e-6
    plain = train(Network(OwnTraining()), "fast", OPTIMISERS[name](), precision="float64")
    assert largest_difference(trained("fast"), plain) > 1e-4


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_a_sampler_that_takes_all_points_changes_nothing(engine):
    everything = OwnTraining(sampler=lambda points: Sample(torch.arange(len(points.coordinates))))
    assert largest_difference(train(Network(everything), engine), train(Network(OwnTraining()), engine)) < 1e-6


def test_weights_of_a_sampler_make_its_gradient_unbiased():
    """Points drawn with probability p and the factor 1 / (N p): the mean of their losses is that of all points."""

    def draw(points: Points) -> Sample:
        losses = points.losses()
        p = losses / losses.sum()
        indices = torch.multinomial(p.cpu(), 4000, replacement=True, generator=points.generator)
        return Sample(indices, 1 / (len(losses) * p[indices]))

    network, fitted = Network(OwnTraining(sampler=draw)), problem()
    hooks = TrainingHooks(network, fitted, 1, seed=0)
    (batch,) = fitted.batches(torch.Generator())
    chosen = hooks.choose(batch, 0)
    assert len(chosen[0]) == 4000
    loss = hooks.problem.loss(network, chosen, torch.tensor(1 / 4000))
    whole = fitted.loss(network, batch, torch.tensor(1 / 500))
    assert loss.item() == pytest.approx(whole.item(), rel=1e-4), "drawn in proportion to the loss, the estimate has no variance"


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_losses_that_a_sampler_sees_are_those_of_the_points(engine):
    seen = []

    def worst_half(points: Points) -> Sample:
        losses = points.losses()
        seen.append((points.step, losses))
        return Sample(losses.topk(len(losses) // 2).indices)

    network = Network(OwnTraining(sampler=worst_half))
    fitted = problem()
    expected = (network(fitted.coordinates) - fitted.values).square().mean(dim=1)
    train(network, engine)
    assert [step for step, _ in seen] == list(range(STEPS))
    torch.testing.assert_close(seen[0][1], expected.detach())


@pytest.mark.parametrize(("indices", "weights", "message"), [
    (torch.tensor([0, 500]), None, "whole numbers from 0 to 499"),
    (torch.tensor([-1]), None, "whole numbers from 0 to 499"),
    (torch.tensor([0.0]), None, "whole numbers from 0 to 499"),
    (torch.tensor([], dtype=torch.int64), None, "whole numbers from 0 to 499"),
    (torch.tensor([0, 1]), torch.ones(3), r"2 indices and weights of shape \(3,\)"),
])  # fmt: skip
def test_points_that_do_not_exist_are_refused(indices, weights, message):
    with pytest.raises(BrokenPlugin, match=message):
        train(Network(OwnTraining(sampler=lambda points: Sample(indices, weights))), "fast")


def test_networks_that_bring_something_wrong_are_refused():
    network = Network()
    for own, message in (
        (OwnTraining(groups=[ParameterGroup(parameters=[torch.nn.Parameter(torch.ones(1))])]), "no parameter of the network"),
        (OwnTraining(groups=[ParameterGroup(parameters=[network.first.bias])] * 2), "'first.bias' is in two groups"),
        ("adam", "returned a str"),
    ):
        network.own = own
        with pytest.raises(BrokenPlugin, match=message):
            own_training_of(network, 10)
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(BrokenPlugin, match="rate_factor of a parameter group must be 0 or more"):
            ParameterGroup(parameters=[nn.Parameter(torch.ones(1))], rate_factor=value)


def test_the_parameters_of_a_group_may_be_a_generator():
    """``layer.parameters()`` can be read only once."""
    found, expected = [], []
    for make in (iter, list):
        network = Network(OwnTraining())
        group = ParameterGroup(parameters=make(list(network.first.parameters())), rate_factor=0.25)
        network.own = OwnTraining(groups=[group])
        (found if make is iter else expected).extend(train(network, "fast"))
    assert largest_difference(found, expected) == 0.0
    assert largest_difference(found, train(Network(OwnTraining()), "fast")) > 1e-4


@pytest.mark.parametrize("wrong", [{"betas": (1.5, 0.9)}, {"betas": (0.9,)}, {"frozen_until": 2.5}, {"parameters": []}])
def test_groups_with_invalid_values_are_refused(wrong):
    with pytest.raises(BrokenPlugin, match="of a parameter group|has no parameters"):
        ParameterGroup(**{"parameters": [nn.Parameter(torch.ones(1))], **wrong})


def test_hooks_of_other_frameworks_are_refused_and_not_ignored():
    network = nn.Linear(2, 3)
    network.configure_optimizers = lambda: None
    with pytest.raises(BrokenPlugin, match="'configure_optimizers', which is never called here; write own_training instead"):
        own_training_of(network, 10)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-method.md"
(EXAMPLE,) = (
    text for text in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if "OwnTraining" in text
)
"""The example of the documentation."""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "worst_points.py"
    path.write_text(EXAMPLE)
    return path


def test_on_track_paper_own_training_needs_the_permission_of_the_protocol(plugin):
    from inrbench.planning import Request, make_plan

    fields = {"methods": f"{plugin},relu", "tasks": "photo", "protocol": "quick", "signals": "camera"}
    plan, *_ = make_plan(Request(**fields), {})
    assert [job.spec.method for job in plan.todo] == ["relu"]
    assert plan.notes == [
        "worst-points is left out of photo, track paper: it brings its own training, and protocol quick trains all methods alike; "
        "use --track authors, or --set own_training=true"
    ]
    allowed, *_ = make_plan(Request(**fields, changes={"own_training": "true"}), {})
    assert [job.spec.method for job in allowed.todo] == ["worst-points", "relu"]
    assert allowed.todo[1].spec.protocol_fingerprint != plan.todo[0].spec.protocol_fingerprint
    authors, *_ = make_plan(Request(**fields, track="authors"), {})
    assert [job.spec.method for job in authors.todo] == ["worst-points"]


def test_a_run_says_that_the_training_is_the_methods_own_and_resumes_with_the_same_bits(plugin, tiny_jobs, settings, tmp_path):
    from execute.test_checkpoints import check_same_after_interruptions

    changes = {"epochs": "7", "width": "8", "batch": "900", "max_pixels": "4096"}
    (job,) = tiny_jobs(methods=str(plugin), tasks="photo", signals="camera", changes=changes, track="authors")
    row = check_same_after_interruptions(job, settings, tmp_path)
    assert "training: own (1 parameter group, sampler)" in row["notes"]
    assert row["flops_per_step"] is None


def test_a_sampler_is_refused_where_the_loss_is_no_mean_over_points(plugin, tiny_jobs, settings):
    from inrbench.execute.worker import execute

    (job,) = tiny_jobs(methods=str(plugin), tasks="heat1d", signals="b5", changes={"epochs": "3"}, track="authors")
    outcome = execute(job, settings)
    assert (outcome.status, outcome.error_type) == ("skipped", "NotApplicable")
    assert "the loss of this task is no mean over points" in outcome.message


def test_training_that_is_not_declared_is_refused(plugin, tiny_jobs, settings):
    from inrbench.execute.worker import execute

    plugin.write_text(EXAMPLE.replace(", own_training=True", ""))
    (job,) = tiny_jobs(methods=str(plugin), tasks="photo", signals="camera")
    outcome = execute(job, settings)
    assert outcome.status == "error"
    assert "register_method says own_training=False: make them agree" in outcome.message


def test_check_plugin_reports_own_training(plugin, tmp_path):
    from inrbench.plugin_checks.base import MethodUnderTest
    from inrbench.plugin_checks.training import training
    from inrbench.registry import Registry

    result = training(MethodUnderTest(Registry([plugin]).method("worst-points")))
    assert result.state == "ok", result
    assert result.message.startswith("1 parameter group, sampler; both engines agree")
    for change, state, message in (
        ((", own_training=True", ""), "fail", "register_method says own_training=False"),
        (("len(p) * p[indices]", "len(p) * p[:2]"), "fail", "64 indices and weights of shape (2,)"),
        (("generator=points.generator", "generator=None"), "fail", "the weights of both engines differ"),
    ):
        other = tmp_path / f"other_{len(message)}.py"
        other.write_text(EXAMPLE.replace(*change))
        result = training(MethodUnderTest(Registry([other]).method("worst-points")))
        assert (result.state, message in result.message) == (state, True), result
