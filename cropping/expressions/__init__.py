"""Training and evaluation of the expression network, and its model card."""
