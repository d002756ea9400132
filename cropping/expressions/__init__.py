"""Training the expression network, and its model card."""
