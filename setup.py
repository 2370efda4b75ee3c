"""Find the packages. The three folders at the top of the tree are installed inside inrbench (see pyproject.toml)."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["inrbench", "inrbench.*"]), "inrbench.methods", "inrbench.tasks", "inrbench.results"])
