"""The tuning page: a photo, a method's settings, and the mask that they give."""
