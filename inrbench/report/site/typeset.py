"""Formulas in LaTeX as MathML, which browsers draw without a script."""

import html
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markupsafe import Markup

LOADING = frozenset({"href", "src", "style", "class", "id"})
"""Attributes that would reach outside the formula."""


def typeset(latex: str) -> Markup | None:
    """Return a formula in LaTeX as a MathML element; None if it is empty or not understood.

    >>> typeset(r"\\frac{a}{b}")  # doctest: +ELLIPSIS
    Markup('<math ...><mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac></mrow></math>')
    >>> typeset(r"\\frac{") is None
    True
    """
    if not latex.strip():
        return None
    try:
        root = convert_to_element(latex, display="block")
    except Exception:  # its errors have no common class, and a formula that is not understood must not stop the report
        return None
    for element in root.iter():  # the converter writes characters as entities and does not escape text
        element.text = element.text and html.unescape(element.text)
        for attribute in LOADING & element.attrib.keys():
            del element.attrib[attribute]
    return Markup(ElementTree.tostring(root, encoding="unicode"))
