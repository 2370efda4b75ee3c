"""A static site of a results folder: leaderboards, signals, methods, papers, and the runs behind every number."""

from inrbench.report.site.build import SiteFacts, build_site
from inrbench.report.site.fragment import to_html
from inrbench.report.site.serve import site_server

__all__ = ["SiteFacts", "build_site", "site_server", "to_html"]
