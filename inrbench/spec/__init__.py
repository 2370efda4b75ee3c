"""Data types that all other packages use: network shape, metric, protocol, run, result. Imports no torch.

An identity is a SHA-256 hash of canonical JSON. A protocol's fingerprint covers exactly what changes the meaning of a number. A
run id adds the method's code and parameters, the signal's content and the seed.
"""

from inrbench.spec.identity import PLAIN_NAME, canonical_json, derived_seed, digest, name_error
from inrbench.spec.label import MethodLabel, ProtocolLabel, split_outside_brackets
from inrbench.spec.metric import Measurement, Metric
from inrbench.spec.optimiser import OPTIMISERS, Adam, AdamLbfgs, AdamW, Lbfgs, Muon, Optimiser, Sgd
from inrbench.spec.parse import parse_value
from inrbench.spec.progress import Progress
from inrbench.spec.protocol import HARNESS_VERSION, Precision, Protocol, Schedule
from inrbench.spec.record import added_field
from inrbench.spec.run import (
    TUNED,
    Artifact,
    Cost,
    CurvePoint,
    Domain,
    NetworkSpec,
    ProbeReading,
    RunResult,
    RunSpec,
    Status,
    Track,
    Value,
    run_title,
    variant_text,
)
from inrbench.spec.settings import Settings

__all__ = [
    "HARNESS_VERSION",
    "OPTIMISERS",
    "PLAIN_NAME",
    "TUNED",
    "Adam",
    "AdamLbfgs",
    "AdamW",
    "Artifact",
    "Cost",
    "CurvePoint",
    "Domain",
    "Lbfgs",
    "Measurement",
    "MethodLabel",
    "Metric",
    "Muon",
    "NetworkSpec",
    "Optimiser",
    "Precision",
    "ProbeReading",
    "Progress",
    "Protocol",
    "ProtocolLabel",
    "RunResult",
    "RunSpec",
    "Schedule",
    "Settings",
    "Sgd",
    "Status",
    "Track",
    "Value",
    "added_field",
    "canonical_json",
    "derived_seed",
    "digest",
    "name_error",
    "parse_value",
    "run_title",
    "split_outside_brackets",
    "variant_text",
]
