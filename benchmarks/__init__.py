"""How long Pulumi commands take with this package's resources: `make bench`."""
