"""Data that runs need and that are not on this machine: such runs would end as ``skipped``."""

from collections.abc import Iterable

from inrbench.data import catalogue, find_file
from inrbench.execute import Job


def missing_data(jobs: Iterable[Job]) -> list[str]:
    """Return a remark for each data set of which files are missing on this machine, with the command that fetches it.

    Args:
        jobs: The runs. The hash of their signal tells from which file of the catalogue it is read, if from any.
    """
    signals = {job.spec.signal_sha256: job.spec.signal for job in jobs}
    remarks = []
    for name, files in ((name, each.sha256) for name, each in catalogue().items()):
        gone = [signals[sha] for file, sha in files.items() if sha in signals and find_file(name, file) is None]
        if gone:
            which = gone[0] if len(gone) == 1 else f"{len(gone)} signals"
            remarks.append(f"the data of {which} are missing, so these runs will be skipped; run: inrbench data fetch {name}")
    return remarks
