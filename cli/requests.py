"""The objects that the commands create. Pure: what a person asked for in, a DRPlanExecution out."""

from typing import Any

from api.meta import API_VERSION
from api.phases import OnMissing, OperationType

Request = dict[str, Any]


def execute(plan: str, name: str | None) -> Request:
    """Ask for a plan to be carried out."""
    return _request(OperationType.EXECUTE, plan, name or f"{plan}-execute-", generated=name is None)


def revert(plan: str, execution: str, name: str | None, on_missing: OnMissing | None) -> Request:
    """Ask for an execution to be taken back."""
    request = _request(OperationType.REVERT, plan, name or f"{execution}-revert-", generated=name is None)
    request["spec"]["revertExecutionRef"] = execution
    if on_missing is not None:
        request["spec"]["onMissing"] = on_missing.value
    return request


def _request(operation: OperationType, plan: str, name: str, *, generated: bool) -> Request:
    return {
        "apiVersion": API_VERSION,
        "kind": "DRPlanExecution",
        "metadata": {"generateName" if generated else "name": name},
        "spec": {"planRef": plan, "operationType": operation.value},
    }
