"""``inrbench show NAME``."""

from pathlib import Path

import click

from inrbench.cli.options import complete_names, plugin_option
from inrbench.console import say
from inrbench.errors import unknown_name
from inrbench.registry import Method, Registry, Task
from inrbench.spec import Protocol


@click.command("show")
@click.argument("name", shell_complete=complete_names("both"))
@plugin_option
def command(name: str, plugins: tuple[Path, ...]) -> None:
    """Show a method (formula, parameters, citation) or a task (signals, protocols, sources of their numbers).

    \b
    inrbench show msa
    inrbench show kodak
    inrbench show ./my_act.py
    """
    registry = Registry(plugins)
    if name.endswith(".py"):
        registry = Registry([*plugins, name])
        for method_name in registry.names_in(Path(name)):
            _show_method(registry.method(method_name), registry.source("method", method_name).origin)
        return
    if name in registry.methods:
        _show_method(registry.method(name), registry.source("method", name).origin)
    elif name in registry.tasks:
        _show_task(registry.task(name), registry.source("task", name).origin)
    else:
        raise unknown_name("method or task", name, [*registry.methods, *registry.tasks], "see: inrbench list")


def _show_method(method: Method, origin: str) -> None:
    _heading(f"method {method.name}  ({origin})")
    say(method.doc.replace("``", ""), block=True)
    defaults, types = method.defaults(), method.types()
    _heading("parameters" if defaults else "no parameters")
    descriptions = method.descriptions()
    for name, default in defaults.items():
        kind = getattr(types[name], "__name__", "") if isinstance(types[name], type) else str(types[name])
        say(f"  {name} = {default}    {kind.replace('typing.', '')}")
        if name in descriptions:
            say(f"      {descriptions[name]}")
    for where, values in method.task_params.items():
        say(f"  on {where}: " + ", ".join(f"{name} = {value}" for name, value in values.items()))
    for where, changes in method.authors.items():
        say(f"  track authors on {where}: " + ", ".join(f"{name} = {value}" for name, value in changes.items()))
    from inrbench.planning.trials import AROUND

    for name, (low, high) in method.search_ranges.items():
        if name in method.log10_params:
            say(f"  tune tries for {name} (a power of ten): its usual value {low:+g} to {high:+g}")
        else:
            say(f"  tune tries for {name}: {low:g} to {high:g}, at most a factor of {AROUND:g} from its usual value")
    if method.own_training:
        say("  training: own; on track paper only if the protocol allows it (own_training)")
    from inrbench.analyse.papers import bibtex

    entry = bibtex(method.paper) if method.paper else None
    if entry:
        _heading("citation")
        say(entry, block=True)


def _show_task(task: Task, origin: str) -> None:
    _heading(f"task {task.name}, version {task.version}  ({origin})")
    say(task.doc.replace("``", ""), block=True)
    _heading("signals")
    say("  " + ", ".join(task.signals()) + (", or your own file" if task.file_extensions else ""))
    _heading("metrics; the first one of a protocol is its primary metric")
    for metric in {m.id: m for protocol in task.protocols.values() for m in task.metrics_of(protocol)}.values():
        unit = f" in {metric.unit}" if metric.unit else ""
        say(f"  {metric.id}{unit}, {'higher' if metric.higher_is_better else 'lower'} is better")
    if task.tuning_split:
        other, signals = task.tuning_split
        _heading("signals for tuning" + (f", of task {other}" if other != task.name else ""))
        say(f"  {', '.join(signals)}; the best trial is chosen by {task.tuning_metric or 'the primary metric'}")
    for name, protocol in task.protocols.items():
        _heading(f"protocol {name}  ({protocol.fingerprint(task.name, task.version)})")
        _show_protocol(protocol)


def _show_protocol(protocol: Protocol) -> None:
    batch = "all points" if protocol.batch is None else f"{protocol.batch:,} points"
    say(f"  network: {protocol.n_layers} nonlinear layers of width {protocol.width}")
    rate = f"lr {protocol.lr:g} to {protocol.lr_min:g} {protocol.schedule}"
    say(f"  training: {protocol.epochs:,} epochs, {batch} per step, {protocol.optimiser}, {rate}")
    say(f"  precision: {protocol.precision}; evaluated: the {protocol.selection}")
    for name, value in protocol.settings.encoded().items():
        say(f"  {name}: {value}")
    say(f"  metrics: {', '.join(protocol.metrics)}")
    for what, source in protocol.sources.items():
        say(f"  source of {'all values' if what == 'all' else what}: {source}")


def _heading(text: str) -> None:
    say()
    say(text, bold=True)
