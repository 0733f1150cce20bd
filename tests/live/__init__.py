"""The lifecycle against a real account: `make live`. Not part of the ordinary run."""
