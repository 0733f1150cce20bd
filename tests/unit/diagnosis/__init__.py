"""What facts mean: pure."""
