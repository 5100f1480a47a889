"""The local stack: a real Kubernetes API server and a real Temporal on one machine, without containers."""


class StackError(Exception):
    """The stack cannot do what was asked; the message says what a person can do about it."""
