import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inrbench.errors import BadValue
from inrbench.spec import Protocol, RunSpec, canonical_json, derived_seed, parse_as

PROTOCOL = Protocol(
    name="quick", width=64, n_layers=4, epochs=100, batch=128, lr=1e-3, lr_min=1e-4, metrics=("psnr", "ssim"),
    settings={"coordinate_range": (0.0, 1.0)}, sources={"all": "ours"},
)  # fmt: skip
SPEC = RunSpec(
    task="kodak", task_version="1", signal="kodim01", signal_sha256="a", method="msa", method_sha256="b",
    params={"s_max": 4.0}, variant="s_max=4.0", protocol="quick", protocol_fingerprint="c", seed=0, device_class="cpu",
)  # fmt: skip
OTHER = {
    "width": 65, "n_layers": 5, "epochs": 101, "batch": None, "optimiser": "sgd", "lr": 2e-3, "lr_min": 2e-4,
    "schedule": "constant", "precision": "float64", "selection": "best", "metrics": ("ssim", "psnr"),
    "settings": {"coordinate_range": (-1.0, 1.0)},
}  # fmt: skip


def test_every_protocol_field_is_either_in_the_fingerprint_or_known_not_to_be():
    assert set(OTHER) | {"name", "sources"} == {field.name for field in dataclasses.fields(Protocol)}


@pytest.mark.parametrize("field", OTHER)
def test_a_changed_field_changes_the_fingerprint(field):
    other = dataclasses.replace(PROTOCOL, **{field: OTHER[field]})
    assert other.fingerprint("kodak", "1") != PROTOCOL.fingerprint("kodak", "1")


def test_task_and_its_version_are_in_the_fingerprint_but_names_and_sources_are_not():
    mark = PROTOCOL.fingerprint("kodak", "1")
    assert mark == dataclasses.replace(PROTOCOL, name="mine", sources={}).fingerprint("kodak", "1")
    assert len({mark, PROTOCOL.fingerprint("kodak", "2"), PROTOCOL.fingerprint("photo", "1")}) == 3


def test_the_fingerprint_is_the_same_in_every_session():
    assert PROTOCOL.fingerprint("kodak", "1") == "89b497e884bf"


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(RunSpec) if f.name not in ("variant", "protocol")])
def test_each_identifying_field_changes_the_run_id(field):
    value = {"params": {"s_max": 5.0}, "seed": 1, "device_class": "cuda", "engine": "reference"}.get(field, "other")
    assert dataclasses.replace(SPEC, **{field: value}).run_id != SPEC.run_id


@pytest.mark.parametrize("field", ["variant", "protocol"])
def test_names_for_people_do_not_change_the_run_id(field):
    assert dataclasses.replace(SPEC, **{field: "other"}).run_id == SPEC.run_id


def test_canonical_json_refuses_nan():
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"lr": math.nan})


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_streams_of_random_numbers_are_told_apart_by_their_parts(a, b):
    assert (derived_seed(*a) == derived_seed(*b)) == (a == b)
    assert 0 <= derived_seed(*a) < 2**63


@pytest.mark.parametrize(("field", "value"), [("epochs", -3), ("epochs", 0), ("width", 0), ("batch", 0), ("lr", -1e-3),
                                               ("lr", math.nan), ("lr_min", 1.0), ("lr_min", -1.0)])  # fmt: skip
def test_a_protocol_that_means_nothing_is_refused(field, value):
    with pytest.raises(BadValue, match=f"{field} must"):
        dataclasses.replace(PROTOCOL, **{field: value})


def test_changes_are_typed_and_named():
    other = PROTOCOL.with_changes({"epochs": "7", "batch": "none"})
    assert (other.epochs, other.batch, other.name) == (7, None, "quick+batch=none+epochs=7")
    assert PROTOCOL.with_changes({}) is PROTOCOL
    moved = PROTOCOL.with_changes({"coordinate_range": "(-1,1)"}, {"coordinate_range": tuple[float, ...]})
    assert moved.settings == {"coordinate_range": (-1.0, 1.0)}
    with pytest.raises(BadValue, match="a whole number, got '1.5'"):
        PROTOCOL.with_changes({"epochs": "1.5"})
    with pytest.raises(BadValue, match="no field that can be changed. There are: batch, epochs, lr"):
        PROTOCOL.with_changes({"epoch": "7"})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_its_text(value):
    assert parse_as(float, repr(value), "x") == value


@pytest.mark.parametrize(("kind", "text"), [(float, "nan"), (float, "inf"), (float, "three"), (int, "1e3"), (bool, "1"),
                                             (tuple[float, ...], "1,2"), (tuple[float, ...], "(1,x)"), (float | None, "nil")])  # fmt: skip
def test_texts_of_the_wrong_type_are_refused(kind, text):
    with pytest.raises(BadValue, match="expected .*, got"):
        parse_as(kind, text, "siren[omega]")
