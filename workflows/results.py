"""How a run of ours closes in Temporal: it returns its node, or fails with its node in the details.

A failure is always a new one: the details of nested causes multiply, and three levels of a large tree
would go over what Temporal takes. Source: docs/architecture.md, "Temporal"; facts on payload sizes there.
"""

from typing import TypeVar

from temporalio.exceptions import ApplicationError

from api.execution import RunState, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase

NodeT = TypeVar("NodeT", RunState, StageStatus, WorkflowExecutionStatus)


def failure(node: RunState | StageStatus | WorkflowExecutionStatus, operation: OperationType) -> ApplicationError:
    """Make the failure that carries a node; its type is `RevertFailed` or `ExecuteFailed`."""
    message = node.message or f"{operation} failed"
    return ApplicationError(message, node, type=f"{operation}Failed", non_retryable=True)


def closed(node: NodeT, operation: OperationType) -> NodeT:
    """Give the node as a result; raise it as a failure where it is Failed."""
    if node.phase is Phase.FAILED:
        raise failure(node, operation) from None
    return node
