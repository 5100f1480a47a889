"""`drplan`: judge plans, run them, take them back and watch, from a terminal.

All but the judging of files can be done with kubectl as well.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import Console

from api.phases import OnMissing, Phase
from cli import requests, validation
from cli.executions import Executions
from cli.tree import tree
from cli.views import view
from kube.client import Cluster
from kube.errors import ApiError, ConfigurationError

FAILED = 1
"""Exit code of an execution that did not succeed, or could not be asked for."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Judge disaster-recovery plans, run them, take them back, and watch. The cluster is the one of KUBECONFIG.",
)

Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the plan and its executions.")]
Name = Annotated[str | None, typer.Option(help="Name of the new DRPlanExecution; one is made up without it.")]
Wait = Annotated[bool, typer.Option(help="Show its status until it ends; exit code 1 unless it succeeded.")]

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
        typer.echo("Interrupted; the execution goes on without us.", err=True)
        code = 130
    raise typer.Exit(code)


async def _follow(executions: Executions, name: str) -> int:
    phase: Phase | None = None
    with view(Console()) as show:
        async for execution in executions.follow(name):
            show(execution)
            phase = execution.status.phase
    return 0 if phase is Phase.SUCCEEDED else FAILED


async def _create(executions: Executions, request: requests.Request, wait: bool) -> int:
    name = await executions.create(request)
    typer.echo(f"drplanexecution/{name} created")
    return await _follow(executions, name) if wait else 0


@app.command()
def execute(
    plan: Annotated[str, typer.Argument(help="Name of the DRPlan.")],
    namespace: Namespace = "default",
    name: Name = None,
    wait: Wait = True,
) -> None:
    """Carry a plan out."""
    _run(namespace, lambda executions: _create(executions, requests.execute(plan, name), wait))


@app.command()
def revert(
    execution: Annotated[str, typer.Argument(help="Name of the DRPlanExecution to take back.")],
    namespace: Namespace = "default",
    name: Name = None,
    on_missing: Annotated[
        OnMissing | None, typer.Option(help="What to make of objects that are gone already: Fail (default) or Ignore.")
    ] = None,
    wait: Wait = True,
) -> None:
    """Take an execution back."""

    async def command(executions: Executions) -> int:
        plan = (await executions.get(execution)).spec.plan_ref
        return await _create(executions, requests.revert(plan, execution, name, on_missing), wait)

    _run(namespace, command)


@app.command()
def status(
    execution: Annotated[str, typer.Argument(help="Name of the DRPlanExecution.")],
    namespace: Namespace = "default",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until it ends.")] = False,
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
    """Cancel an execution: nothing further starts, what was done stays done. Exit code 0 once it has ended."""

    async def command(executions: Executions) -> int:
        await executions.cancel(execution)
        typer.echo(f"drplanexecution/{execution} asked to cancel")
        if wait:
            await _follow(executions, execution)
        return 0

    _run(namespace, command)


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="YAML files or folders; - for what comes in.")],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of objects that name none.")
    ] = "default",
) -> None:
    """Find what is wrong with plans, workflows and executions in files, without a cluster.

    Each error is a line `FILE: Kind namespace/name: field: what is wrong`. Exit code 0 where nothing is wrong, 1
    where something is, 2 where there is nothing to judge. A reference to an object that no file holds is not checked,
    and a line says so. Objects of other kinds are passed over.
    """
    raise typer.Exit(validation.validate(files, namespace))


if __name__ == "__main__":
    app()
