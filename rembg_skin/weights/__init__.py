"""A catalogue entry in, a verified file path out."""
