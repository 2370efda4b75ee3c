"""Render templates. All text from a store or a plugin is escaped."""

from functools import cache
from typing import Any

import jinja2

import inrbench


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("inrbench.report.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, root: str, **view: Any) -> str:
    """Return a page that is rendered from a template.

    Args:
        template: File name of the template.
        root: Relative path from the page to the site's root: ``../`` or empty.
        **view: Variables of the template.
    """
    return _environment().get_template(template).render(root=root, version=inrbench.__version__, **view)
