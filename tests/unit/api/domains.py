"""Any valid domain, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

_LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)

DOMAINS = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(_LABELS, min_size=1, max_size=4),
    st.from_regex(r"[a-z]{2,10}", fullmatch=True),
)
