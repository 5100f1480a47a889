"""The forms in which the API server takes and gives objects.

Source: Kubernetes, "Kubernetes API Concepts", "Resource representations"; "Update API Objects in Place Using kubectl
patch".
"""

from api.phases import PatchType

JSON = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
PATCHES = {
    PatchType.MERGE: MERGE_PATCH,
    PatchType.STRATEGIC: "application/strategic-merge-patch+json",
    PatchType.JSON: "application/json-patch+json",
}
