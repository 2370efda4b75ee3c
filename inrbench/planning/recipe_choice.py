"""The recipe of a method on the track of a request: how it is trained there, and why it is left out if it cannot be."""

import math
from pathlib import Path

from inrbench.errors import BadValue
from inrbench.planning.request import Recipe, Request
from inrbench.planning.trials import TUNED_FIELDS
from inrbench.planning.tuning import full_runs
from inrbench.registry import Method, Registry, Task, parse_selection
from inrbench.spec import TUNED, Protocol, ProtocolLabel


def recipe_of(
    request: Request, task: Task, protocol: Protocol, method: Method, registry: Registry, notes: list[str]
) -> Recipe | None:
    """Return the recipe of a method in the request's track. If there is none, add a note and return None.

    Args:
        request: The request.
        task: The task.
        protocol: The protocol of the runs, with the user's changes.
        method: The method.
        registry: Registry with the method and the task.
        notes: Remarks for the user; changed in place.

    Raises:
        BadValue: The user changes what the recipe sets.
    """
    if request.track == "paper":
        allowed = protocol.own_training or not method.own_training
        recipe = Recipe() if allowed else None
        why = (
            f"it brings its own training, and protocol {protocol.name} trains all methods alike; "
            "use --track authors, or --set own_training=true"
        )
    elif method.closed_form:
        return Recipe(source="solved in closed form: nothing to tune")
    elif request.track == "authors":
        params, training = method.authors_recipe(task.name, task.kind)
        known = params or training or method.own_training
        recipe = Recipe(params, training) if known else None
        why = "its authors' settings for it are not known"
    else:
        recipe = request.recipes.get((task.name, method.name))
        why = "it was not tuned for this task with this budget; use --track paper, or run"
        if recipe is not None and (changed := _outdated(recipe, task, protocol, method, registry)):
            recipe, why = None, f"its recipe {changed}; tune it again"
        if recipe is None:
            why = f"{why}: {_tuning(request, task, protocol, registry.source('method', method.name).path, method.name)}"
    if recipe is None and (note := f"{method.name} is left out of {task.name}, track {request.track}: {why}") not in notes:
        notes.append(note)
    if recipe is not None and request.track != "search":
        own = recipe.training.keys() | (TUNED_FIELDS if request.track.startswith(TUNED) else frozenset())
        if both := sorted(own & request.changes.keys()):
            raise BadValue(
                f"--set {both[0]}={request.changes[both[0]]}: on the track {request.track} each method has its own {both[0]}; "
                "use --track paper"
            )
    return recipe


def _outdated(recipe: Recipe, task: Task, protocol: Protocol, method: Method, registry: Registry) -> str:
    """Return what has changed since a recipe was found, as the end of a sentence; "" if nothing is known to have changed."""
    if gone := sorted(recipe.params.keys() - method.defaults().keys()):
        return f"sets '{gone[0]}', which the method no longer has"
    name = ProtocolLabel.parse(protocol.name).name
    if recipe.fingerprint and recipe.fingerprint != task.protocol(name).fingerprint(task.name, task.version):
        return f"was found for another edition of the protocol {name}"
    if recipe.method_sha256 and recipe.method_sha256 != registry.source("method", method.name).sha256():
        return "was found for other code of the method"
    return ""


def _tuning(request: Request, task: Task, protocol: Protocol, file: Path, method: str) -> str:
    """Return the command that tunes a method with the budget of a track ``tuned-BUDGET``, and what it costs.

    Args:
        request: The request, which may name the method by its file.
        task: The task.
        protocol: The protocol of the runs.
        file: The file of the method.
        method: Name of the method.
    """
    budget = request.track.removeprefix(f"{TUNED}-")
    name = next((each.name for each in parse_selection(request.methods) if Path(each.name).resolve() == file), method)
    usual = ProtocolLabel.parse(protocol.name).name
    words = f"inrbench tune --methods {name} --tasks {task.name} --protocol {usual} --budget {budget}"
    if task.tuning_split is None or not budget.isdecimal():
        return words
    return f"{words} (it costs as much as {math.ceil(full_runs(int(budget)) * len(task.tuning_split[1]))} runs)"
