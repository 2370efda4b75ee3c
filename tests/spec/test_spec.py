import dataclasses
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inrbench.errors import BadValue
from inrbench.settings import ImageSettings
from inrbench.spec import (
    OPTIMISERS,
    Adam,
    NetworkSpec,
    Protocol,
    RunSpec,
    Settings,
    added_field,
    canonical_json,
    derived_seed,
    parse_value,
)
from inrbench.spec.optimiser import Sgd


@dataclasses.dataclass(frozen=True, kw_only=True)
class Where(Settings):
    coordinate_range: tuple[float, ...]
    later: int = added_field(3)


PROTOCOL = Protocol(
    name="quick", width=64, n_layers=4, epochs=100, batch=128, lr=1e-3, lr_min=1e-4, metrics=("psnr", "ssim"),
    settings=Where(coordinate_range=(0.0, 1.0)), sources={"all": "ours"},
)  # fmt: skip
SPEC = RunSpec(
    task="kodak", task_version="1", signal="kodim01", signal_sha256="a", method="msa", method_sha256="b",
    params={"s_max": 4.0}, variant="s_max=4.0", protocol="quick", protocol_fingerprint="c", seed=0, device_class="cpu",
)  # fmt: skip
OTHER = {
    "width": 65, "n_layers": 5, "epochs": 101, "batch": None, "optimiser": Sgd(), "lr": 2e-3, "lr_min": 2e-4,
    "schedule": "exponential", "precision": "float64", "metrics": ("ssim", "psnr"),
    "settings": Where(coordinate_range=(-1.0, 1.0)), "warmup_epochs": 2, "own_training": True,
}  # fmt: skip


def test_every_protocol_field_is_tested_here_or_a_known_exception():
    only_one_value_yet, only_with_another = {"selection"}, {"step_epochs", "step_factor"}
    assert set(OTHER) | {"name", "sources"} | only_one_value_yet | only_with_another == {
        field.name for field in dataclasses.fields(Protocol)
    }


@pytest.mark.parametrize("field", OTHER)
def test_changed_field_changes_the_fingerprint(field):
    other = dataclasses.replace(PROTOCOL, **{field: OTHER[field]})
    assert other.fingerprint("kodak", "1") != PROTOCOL.fingerprint("kodak", "1")


def test_fingerprint_depends_on_the_task_version_but_not_on_names():
    mark = PROTOCOL.fingerprint("kodak", "1")
    assert mark == dataclasses.replace(PROTOCOL, name="mine", sources={}).fingerprint("kodak", "1")
    assert len({mark, PROTOCOL.fingerprint("kodak", "2"), PROTOCOL.fingerprint("photo", "1")}) == 3


def test_fingerprint_is_the_same_in_every_session():
    assert PROTOCOL.fingerprint("kodak", "1") == "89b497e884bf"


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(RunSpec) if f.name not in ("variant", "protocol")])
def test_each_identifying_field_changes_the_run_id(field):
    value = {"params": {"s_max": 5.0}, "seed": 1, "device_class": "cuda", "engine": "reference"}.get(field, "other")
    assert dataclasses.replace(SPEC, **{field: value}).run_id != SPEC.run_id


@pytest.mark.parametrize("field", ["variant", "protocol"])
def test_variant_and_protocol_name_do_not_change_the_run_id(field):
    assert dataclasses.replace(SPEC, **{field: "other"}).run_id == SPEC.run_id


def test_canonical_json_refuses_nan():
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"lr": math.nan})


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_derived_seeds_differ_if_and_only_if_their_parts_differ(a, b):
    assert (derived_seed(*a) == derived_seed(*b)) == (a == b)
    assert 0 <= derived_seed(*a) < 2**63


@pytest.mark.parametrize(("field", "value"), [("epochs", -3), ("epochs", 0), ("width", 0), ("batch", 0), ("lr", -1e-3),
                                               ("lr", math.nan), ("lr_min", 1.0), ("lr_min", -1.0)])  # fmt: skip
def test_protocol_values_out_of_range_are_refused(field, value):
    with pytest.raises(BadValue, match=f"{field} must"):
        dataclasses.replace(PROTOCOL, **{field: value})


def test_changes_are_parsed_checked_and_named():
    other = PROTOCOL.with_changes({"epochs": "7", "batch": "none"})
    assert (other.epochs, other.batch, other.name) == (7, None, "quick+batch=none+epochs=7")
    assert PROTOCOL.with_changes({}) is PROTOCOL
    moved = PROTOCOL.with_changes({"coordinate_range": "(-1,1)"})
    assert moved.settings == Where(coordinate_range=(-1.0, 1.0))
    with pytest.raises(BadValue, match="a whole number, got '1.5'"):
        PROTOCOL.with_changes({"epochs": "1.5"})
    with pytest.raises(BadValue, match="this cannot be changed. Fields that can: batch, coordinate_range, epochs"):
        PROTOCOL.with_changes({"epoch": "7"})


def test_added_field_changes_the_fingerprint_only_if_not_default():
    mark = PROTOCOL.fingerprint("kodak", "1")
    assert PROTOCOL.with_changes({"later": "3"}).fingerprint("kodak", "1") == mark
    assert PROTOCOL.with_changes({"later": "4"}).fingerprint("kodak", "1") != mark


@pytest.mark.parametrize("name", OPTIMISERS)
def test_fingerprint_depends_on_the_optimiser_and_its_parameters(name):
    chosen = PROTOCOL.with_changes({"optimiser": name})
    marks = {PROTOCOL.fingerprint("kodak", "1"), chosen.fingerprint("kodak", "1")}
    assert len(marks) == (1 if name == "adam" else 2)
    other = {"betas": "(0.8,0.99)", "eps": "1e-6", "weight_decay": "0.5", "momentum": "0.5", "nesterov": "false", "max_iter": "3",
             "history_size": "7", "line_search": "none", "ns_steps": "3",
             "lbfgs_steps": "7"}  # fmt: skip
    for field in dataclasses.fields(OPTIMISERS[name]):
        if name == "sgd" and field.name == "nesterov":
            continue  # needs a momentum
        changed = PROTOCOL.with_changes({"optimiser": name, f"optimiser.{field.name}": other[field.name]})
        assert changed.fingerprint("kodak", "1") not in marks
        marks.add(changed.fingerprint("kodak", "1"))


def test_protocol_survives_a_json_round_trip():
    chosen = PROTOCOL.with_changes({"optimiser": "sgd", "optimiser.momentum": "0.9", "precision": "bfloat16", "later": "4"})
    again = Protocol.decoded(json.loads(json.dumps(chosen.encoded())), Where)
    assert again == chosen
    assert again.fingerprint("t", "1") == chosen.fingerprint("t", "1")


@pytest.mark.parametrize(("changes", "message"), [
    ({"optimiser": "adagrad"}, "expected one of adam, adamw, sgd, lbfgs, adam-lbfgs, muon"),
    ({"optimiser.momentum": "0.9"}, "optimiser 'adam' has no 'momentum'. It has: betas, eps"),
    ({"optimiser.betas": "(0.9,1.5)"}, "betas must be two numbers from 0 up to 1"),
    ({"optimiser": "sgd", "optimiser.nesterov": "true"}, "nesterov needs a momentum"),
    ({"precision": "float16"}, "expected one of float32, float64, bfloat16"),
    ({"schedule": "constant"}, "lr_min must be lr = 0.001"),
    ({"schedule": "step"}, "'step' needs step_epochs"),
    ({"step_epochs": "3"}, "only the schedule 'step' uses them"),
    ({"warmup_epochs": "100"}, "warmup_epochs must be at least 0 and below epochs = 100"),
])  # fmt: skip
def test_invalid_changes_are_refused(changes, message):
    with pytest.raises(BadValue, match=re.escape(message)):
        PROTOCOL.with_changes(changes)


@pytest.mark.parametrize(("changes", "shorter"), [
    ({}, {"epochs": "25"}),
    ({"schedule": "step", "step_epochs": "30", "step_factor": "0.5", "warmup_epochs": "9"},
     {"epochs": "25", "warmup_epochs": "2", "step_epochs": "8"}),
    ({"epochs": "5", "warmup_epochs": "4"}, {"epochs": "1", "warmup_epochs": "0"}),
    ({"optimiser": "adam-lbfgs", "optimiser.lbfgs_steps": "40"}, {"epochs": "25", "optimiser.lbfgs_steps": "10"}),
])  # fmt: skip
def test_a_shorter_run_has_the_same_course(changes, shorter):
    chosen = PROTOCOL.with_changes(changes)
    assert chosen.shortening(4) == shorter
    assert chosen.with_changes(chosen.shortening(4)).epochs == int(shorter["epochs"])
    assert chosen.shortening(1) == {}


@pytest.mark.parametrize(("field", "value"), [("width", 1.5), ("width", True), ("epochs", "3"), ("metrics", ()), ("metrics", "psnr"),
                                               ("schedule", "linear"), ("selection", "best"), ("optimiser", "adam"),
                                               ("settings", {})])  # fmt: skip
def test_fields_with_a_wrong_type_or_value_are_refused(field, value):
    with pytest.raises(BadValue, match=field):
        dataclasses.replace(PROTOCOL, **{field: value})


def test_settings_are_checked_by_type():
    with pytest.raises(BadValue, match="coordinate_range must be a list of numbers"):
        Where(coordinate_range="0, 1")
    with pytest.raises(BadValue, match="settings must be ImageSettings"):
        PROTOCOL.settings_as(ImageSettings)
    assert PROTOCOL.optimiser == Adam()


def test_network_spec_has_a_valid_coordinate_domain():
    net = NetworkSpec(in_features=2, out_features=1, width=8, n_layers=2)
    assert net.domain == ((-1.0, 1.0), (-1.0, 1.0))
    for domain in (((0.0, 1.0),), ((1.0, 0.0), (0.0, 1.0))):
        with pytest.raises(BadValue, match="domain must hold"):
            dataclasses.replace(net, domain=domain)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_conversion_to_text(value):
    assert parse_value(float, repr(value), "x") == value


@pytest.mark.parametrize(("kind", "text"), [(float, "nan"), (float, "inf"), (float, "three"), (int, "1e3"), (bool, "1"),
                                             (tuple[float, ...], "1,2"), (tuple[float, ...], "(1,x)"), (float | None, "nil")])  # fmt: skip
def test_texts_of_the_wrong_type_are_refused(kind, text):
    with pytest.raises(BadValue, match="expected .*, got"):
        parse_value(kind, text, "siren[omega]")
