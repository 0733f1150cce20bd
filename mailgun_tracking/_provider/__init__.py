"""What the resources share in the provider's process and in the program."""
