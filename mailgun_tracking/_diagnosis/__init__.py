"""What a domain's tracking needs, looked at and judged: facts, then a pure diagnosis of them."""
