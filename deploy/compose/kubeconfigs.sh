#!/bin/sh
# Writes worker.kubeconfig and bridge.kubeconfig into a folder, each with a token of its own service account:
#   deploy/compose/kubeconfigs.sh ~/drplan
# The cluster is that of kubectl's current context, whose user has to be an administrator. The tokens are valid for DURATION
# (by default a year; the API server may shorten it): run it again, and restart worker and bridge, before they expire.
set -eu

folder=${1:?the folder to write to}

cluster() { kubectl config view --minify --flatten --raw --output "jsonpath={.clusters[0].cluster.$1}"; }

server=$(cluster server)
authority=$(cluster certificate-authority-data)

umask 077
mkdir -p "$folder"
for name in worker bridge; do
    token=$(kubectl create token "drplan-$name" --namespace drplan-system --duration "${DURATION:-8760h}")
    cat >"$folder/$name.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters:
  - name: cluster
    cluster:
      server: "$server"
${authority:+      certificate-authority-data: $authority}
users:
  - name: drplan-$name
    user: {token: "$token"}
contexts:
  - name: drplan-$name
    context: {cluster: cluster, user: drplan-$name}
current-context: drplan-$name
END
    echo "wrote $folder/$name.kubeconfig"
done
