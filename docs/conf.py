"""Configuration of the documentation site; `make docs` builds it."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

import mailgun_tracking

project = "mailgun-tracking"
release = mailgun_tracking.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "py:obj"

# A build without network access has no object inventory of Pulumi and the standard library.
nitpick_ignore_regex = [
    ("py:(class|obj)", r"(pulumi|pulumi_policy|collections\.abc|datetime|os)\..*")
]
# An alias, which Sphinx shows by its name in some places.
nitpick_ignore = [("py:class", "Program")]


def hide_signature_of_exceptions(
    app: Sphinx, what: str, name: str, obj: object, options: Any, signature: str, annotation: str
) -> tuple[str, None] | None:
    """Programs catch the exceptions of this package, and never create them."""
    return ("", None) if what == "exception" else None


def setup(app: Sphinx) -> None:
    """Connect the function above."""
    app.connect("autodoc-process-signature", hide_signature_of_exceptions)
