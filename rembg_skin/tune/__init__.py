"""The tuning page of the classic methods."""
