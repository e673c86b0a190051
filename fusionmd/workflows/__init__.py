"""What joins siblings: evaluation, molecular dynamics, the demo, the check of an installation."""
