"""What runs a network, and what it may use of the machine."""
