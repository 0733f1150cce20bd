"""A fleet: the domains of one file, over many stacks of one Pulumi project."""

from .declaring import declare, make_domain

__all__ = ["declare", "make_domain"]
