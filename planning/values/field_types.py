"""Which fields of a Job and of Clusternet's specs hold numbers or booleans.

A definition has its fields as JSON, in which `backoffLimit: $(params.n)` is a string like any other: once it is filled
in, only the field can tell that a number is meant. A name means the same wherever it occurs in these specs; a test
compares the names with the schema that the API server publishes. Source: docs/spec/drworkflow.md, "Templates".
"""

from typing import Any

from planning.definitions.yaml_scalars import plain_value

# fmt: off
NUMBERS = frozenset({
    # batch/v1, JobSpec
    "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex", "completions", "containerPort", "defaultMode",
    "deletionGracePeriodSeconds", "exitCodes.values", "expirationSeconds", "failureThreshold", "fsGroup", "generation",
    "hostPort", "initialDelaySeconds", "lun", "maxExpirationSeconds", "maxFailedIndexes", "maxSkew", "minDomains",
    "mode", "onExitCodes.values", "parallelism", "partition", "periodSeconds", "port", "priority", "runAsGroup",
    "runAsUser", "seconds", "succeededCount", "successThreshold", "supplementalGroups",
    "terminationGracePeriodSeconds", "timeoutSeconds", "tolerationSeconds", "ttlSecondsAfterFinished", "weight",
    # apps.clusternet.io/v1alpha1
    "maxClusters", "minClusters",
})
"""A `port` may be a name as well."""
BOOLEANS = frozenset({
    # batch/v1, JobSpec
    "allowPrivilegeEscalation", "automountServiceAccountToken", "blockOwnerDeletion", "chapAuthDiscovery",
    "chapAuthSession", "controller", "enableServiceLinks", "hostIPC", "hostNetwork", "hostPID", "hostProcess",
    "hostUsers", "manualSelector", "optional", "privileged", "readOnly", "readOnlyRootFilesystem", "runAsNonRoot",
    "setHostnameAsFQDN", "shareProcessNamespace", "sslEnabled", "stdin", "stdinOnce", "suspend", "tty",
    # apps.clusternet.io/v1alpha1
    "atomic", "createNamespace", "disableHooks", "force", "overrideChart", "plainHTTP", "replace", "replaceCRDs",
    "schedulingBySubGroup", "skipCRDs", "upgradeAtomic", "wait", "waitForJob",
})
MAPS = frozenset({
    "annotations", "labels", "limits", "matchLabels", "nodeSelector", "options", "overhead", "requests",
    "userAnnotations", "volumeAttributes",
})
"""Fields below which names are what people choose, and values strings or quantities."""
# fmt: on


def typed(name: str, text: str) -> Any:
    """Return the value of a field whose text was filled in: a number or a boolean where the field holds one."""
    if name not in NUMBERS and name not in BOOLEANS:
        return text
    value = plain_value(text)
    wanted = (bool,) if name in BOOLEANS else (int, float)
    return value if type(value) in wanted else text


def name_below(parent: str, field: str) -> str:
    """Return the name by which a field is known here; empty for one that people have named themselves."""
    if parent in MAPS:
        return ""
    return f"{parent}.{field}" if f"{parent}.{field}" in NUMBERS else field
