"""The `drplan` command: validate, execute and revert plans, and follow executions, from a terminal.

Everything but `validate` can be done with kubectl as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import Console

from api.phases import OnFailure, OnMissing, Phase
from api.requests import RequestState, RequestType
from cli.executions import Executions
from cli.requests import Asked, ask
from cli.validate import validate as validate_files
from cli.views import tree, view
from kube.client import Cluster
from kube.errors import ApiError, ConfigurationError

FAILED = 1
"""Exit code where an execution did not succeed, or the cluster refused the command."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Validate, execute and revert disaster-recovery plans. The cluster is the one that kubectl uses.",
)

Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the plan and its executions.")]
Name = Annotated[str | None, typer.Option(help="Name of the new DRPlanExecution; generated when omitted.")]
Wait = Annotated[bool, typer.Option(help="Follow the execution until it ends; exit code 1 unless it succeeded.")]
OnFailureOption = Annotated[
    OnFailure | None, typer.Option(help="At a failure: Stop (default), or Pause until a person decides.")
]
Reason = Annotated[str | None, typer.Option(help="Why; kept in the status and in Temporal's history.")]
NeededReason = Annotated[str, typer.Option(help="Why; kept in the status and in Temporal's history.")]
Action = Annotated[
    str | None,
    typer.Option("--action", help="The action, as stage/workflow/action; needed where several wait for a decision."),
]
Execution = Annotated[str, typer.Argument(help="Name of the DRPlanExecution.")]

Command = Callable[[Executions], Awaitable[int]]


def _run(namespace: str, command: Command) -> None:
    async def connected() -> int:
        cluster = await Cluster.connect(user_agent="drplan-cli")
        try:
            return await command(Executions(cluster, namespace))
        finally:
            await cluster.close()

    try:
        code = asyncio.run(connected())
    except (ApiError, ConfigurationError) as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        code = FAILED
    except KeyboardInterrupt:
        typer.echo("Interrupted; the execution continues.", err=True)
        code = 130
    raise typer.Exit(code)


async def _follow(executions: Executions, name: str) -> int:
    phase: Phase | None = None
    with view(Console()) as show:
        async for execution in executions.follow(name):
            show(execution)
            phase = execution.status.phase
    return 0 if phase is Phase.SUCCEEDED else FAILED


async def _created(executions: Executions, name: str, wait: bool) -> int:
    typer.echo(f"drplanexecution/{name} created")
    return await _follow(executions, name) if wait else 0


@app.command()
def execute(
    plan: Annotated[str, typer.Argument(help="Name of the DRPlan.")],
    namespace: Namespace = "default",
    name: Name = None,
    on_failure: OnFailureOption = None,
    wait: Wait = True,
) -> None:
    """Execute a plan."""

    async def command(executions: Executions) -> int:
        options = {"onFailure": on_failure} if on_failure else {}
        return await _created(executions, await executions.execute(plan, name, options), wait)

    _run(namespace, command)


@app.command()
def revert(
    execution: Annotated[str, typer.Argument(help="Name of the DRPlanExecution to revert.")],
    namespace: Namespace = "default",
    name: Name = None,
    on_missing: Annotated[
        OnMissing | None, typer.Option(help="What to do about objects that no longer exist: Fail (default) or Ignore.")
    ] = None,
    include_partial: Annotated[
        bool, typer.Option("--include-partial", help="Take back what parts that did not succeed have done, too.")
    ] = False,
    stage: Annotated[list[str] | None, typer.Option(help="Take back this stage only; repeatable.")] = None,
    workflow: Annotated[list[str] | None, typer.Option(help="Take back this DRWorkflow only; repeatable.")] = None,
    action: Annotated[list[str] | None, typer.Option(help="Take back this action only; repeatable.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take back objects on which a later execution of the plan rests, too.")
    ] = False,
    on_failure: OnFailureOption = None,
    return_to: Annotated[
        bool, typer.Option("--return-to", help="Take back all later executions of the plan instead; this one stays.")
    ] = False,
    wait: Wait = True,
) -> None:
    """Revert an execution: roll back the actions that it carried out."""
    selected = {"stages": stage, "workflows": workflow, "actions": action}
    only = {level: names for level, names in selected.items() if names}
    options = {
        "onMissing": on_missing,
        "includePartial": include_partial,
        "only": only,
        "force": force,
        "onFailure": on_failure,
        "revertTo": execution if return_to else None,
    }

    async def command(executions: Executions) -> int:
        created = await executions.revert(execution, name, {field: value for field, value in options.items() if value})
        return await _created(executions, created, wait)

    _run(namespace, command)


@app.command()
def status(
    execution: Annotated[str, typer.Argument(help="Name of the DRPlanExecution.")],
    namespace: Namespace = "default",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the execution until it ends.")] = False,
) -> None:
    """Show an execution with its stages, workflows and actions."""

    async def command(executions: Executions) -> int:
        if watch:
            return await _follow(executions, execution)
        Console().print(tree(await executions.get(execution)))
        return 0

    _run(namespace, command)


@app.command()
def cancel(
    execution: Annotated[str, typer.Argument(help="Name of the DRPlanExecution.")],
    namespace: Namespace = "default",
    wait: Wait = True,
) -> None:
    """Cancel an execution: no further action starts, and nothing is rolled back. Exit code 0 once it has ended."""

    async def command(executions: Executions) -> int:
        await executions.cancel(execution)
        typer.echo(f"drplanexecution/{execution} cancel requested")
        if wait:
            await _follow(executions, execution)
        return 0

    _run(namespace, command)


def _ask(execution: str, namespace: str, asked: Asked) -> None:
    async def command(executions: Executions) -> int:
        answer = await ask(executions, execution, asked)
        if answer is None:
            typer.echo(f"drplanexecution/{execution} {asked.type.lower()} requested; the bridge has not answered yet")
            return 0
        if answer.state is RequestState.REFUSED:
            typer.secho(f"Error: refused: {answer.message}", fg=typer.colors.RED, err=True)
            return FAILED
        typer.echo(f"drplanexecution/{execution} {asked.type.lower()} {answer.state.lower()}")
        return 0

    _run(namespace, command)


@app.command()
def retry(
    execution: Execution,
    namespace: Namespace = "default",
    action: Action = None,
    timeout: Annotated[
        str | None,
        typer.Option(help="What bounds each further attempt, such as 10m, in place of the action's timeout."),
    ] = None,
    reason: Reason = None,
) -> None:
    """Try an action again that failed and waits for a decision."""
    _ask(execution, namespace, Asked(RequestType.RETRY, action, reason, timeout))


@app.command()
def skip(execution: Execution, reason: NeededReason, namespace: Namespace = "default", action: Action = None) -> None:
    """Go on without an action that failed and waits for a decision."""
    _ask(execution, namespace, Asked(RequestType.SKIP, action, reason))


@app.command()
def done(execution: Execution, reason: NeededReason, namespace: Namespace = "default", action: Action = None) -> None:
    """Say that an action that failed was done by hand."""
    _ask(execution, namespace, Asked(RequestType.DONE, action, reason))


@app.command()
def abort(execution: Execution, namespace: Namespace = "default", action: Action = None, reason: Reason = None) -> None:
    """Let an action fail that waits for a decision."""
    _ask(execution, namespace, Asked(RequestType.ABORT, action, reason))


@app.command()
def pause(execution: Execution, namespace: Namespace = "default", reason: Reason = None) -> None:
    """Start no further action of a running execution; what has started is waited for."""
    _ask(execution, namespace, Asked(RequestType.PAUSE, None, reason))


@app.command()
def resume(execution: Execution, namespace: Namespace = "default", reason: Reason = None) -> None:
    """Go on with an execution that was paused."""
    _ask(execution, namespace, Asked(RequestType.RESUME, None, reason))


@app.command()
def approve(
    execution: Execution,
    namespace: Namespace = "default",
    stage: Annotated[str | None, typer.Option(help="The stage; the one that waits when omitted.")] = None,
    group: Annotated[str | None, typer.Option(help="Your group that the stage asks for.")] = None,
    reason: Reason = None,
) -> None:
    """Agree to the start of a stage that asks for approval."""
    _ask(execution, namespace, Asked(RequestType.APPROVE, stage, reason, group=group))


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="YAML files or folders; - for standard input.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of objects without one.")] = "default",
) -> None:
    """Validate plans, workflows and executions in files, without a cluster.

    Each error is a line `FILE: Kind namespace/name: field: what is wrong`. Exit code 0 without errors, 1 with
    errors, 2 where there is nothing to check. A reference to an object that is in none of the files is not checked,
    and a line says so. Objects of other kinds are ignored.
    """
    raise typer.Exit(validate_files(files, namespace))


if __name__ == "__main__":
    app()
