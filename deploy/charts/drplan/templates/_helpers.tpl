{{/* Names are fixed: worker and bridge are one installation for each cluster, and Helm refuses a second release that has the same
cluster-wide objects. */}}

{{/* What is added to the labels of every object of a release. */}}
{{- define "drplan.releaseLabels" -}}
{{- if not .Values.manifests -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: drplan
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end }}

{{/* The labels of an object of no process; nothing in manifests. */}}
{{- define "drplan.labels" -}}
{{- with include "drplan.releaseLabels" . }}
  labels:
    {{- . | nindent 4 }}
{{- end -}}
{{- end }}

{{/* How a process's pods are found. It never changes: a Deployment's selector cannot. */}}
{{- define "drplan.selector" -}}
app.kubernetes.io/name: drplan
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "drplan.image" -}}
{{- $image := .Values.image -}}
{{- if .Values.manifests -}}
drplan:{{ .Chart.AppVersion }}
{{- else -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The user name of the account of `process`. */}}
{{- define "drplan.user" -}}
system:serviceaccount:{{ .root.Release.Namespace }}:drplan-{{ .process }}
{{- end }}

{{/* Fails with a sentence where values do not go together; values.schema.json says what each may be. */}}
{{- define "drplan.check" -}}
{{- $values := .Values -}}
{{- if and (not $values.manifests) (not $values.image.repository) -}}
{{- fail "image.repository is not set: build the image, push it to a registry from which your nodes can pull, and name it (docs/install.md, \"The image\")" -}}
{{- end -}}
{{- range $values.namespaces -}}
{{- if has . (list "kube-system" "kube-public" "kube-node-lease" $.Release.Namespace) -}}
{{- fail (printf "namespaces: %s must not be opened to drplan: with its service accounts one has more rights than any plan should" .) -}}
{{- end -}}
{{- end -}}
{{- if and $values.payloadEncryption.keyId (not $values.payloadEncryption.secret) -}}
{{- fail "payloadEncryption.keyId names a key, but payloadEncryption.secret names no Secret that holds it" -}}
{{- end -}}
{{- if and $values.codecServer.enabled (not $values.manifests) (not $values.payloadEncryption.secret) -}}
{{- fail "codecServer.enabled: there is nothing to decrypt without payloadEncryption.secret" -}}
{{- end -}}
{{- if and (or $values.serviceMonitor.enabled $values.prometheusRule.enabled) (not $values.metrics.enabled) -}}
{{- fail "serviceMonitor and prometheusRule need metrics.enabled" -}}
{{- end -}}
{{- end }}

{{/* The security context of a container: the Pod Security Standard `restricted`. */}}
{{- define "drplan.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The pod of worker or bridge. `process` is its name, `values` its own values. */}}
{{- define "drplan.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "drplan.selector" .process | nindent 4 }}
    {{- with include "drplan.releaseLabels" $root }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or (not $values.manifests) $values.podAnnotations }}
  annotations:
    {{- if not $values.manifests }}
    # A change of the settings restarts the pods.
    checksum/settings: {{ include (print $root.Template.BasePath "/install/settings.yaml") $root | sha256sum }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: drplan-{{ .process }}
  # Services would otherwise become variables with the prefix of our settings.
  enableServiceLinks: false
  {{- with .grace }}
  # Longer than DRPLAN_GRACEFUL_SHUTDOWN.
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $constraint := . }}
    {{- if not (hasKey . "labelSelector") }}
    {{- $constraint = merge (dict "labelSelector" (dict "matchLabels" (include "drplan.selector" $.process | fromYaml))) . }}
    {{- end }}
    - {{ toYaml $constraint | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: {{ .process }}
      image: {{ include "drplan.image" $root }}
      {{- if not $values.manifests }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- end }}
      command: [python, -P, -m, {{ .process }}]
      envFrom:
        - configMapRef: {name: drplan-settings}
      env:
        {{- if eq .process "bridge" }}
        # The lease of the leader election is in the namespace of the pods, where the role drplan-bridge-lease grants it.
        - name: DRPLAN_LEASE_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        {{- end }}
        {{- with $values.temporal.apiKey }}
        # For a Temporal that requires an API key: this Secret, if it exists.
        - name: TEMPORAL_API_KEY
          valueFrom: {secretKeyRef: {name: {{ .secret | default "drplan-temporal-api-key" }}, key: {{ .key }}, optional: {{ not .secret }}}}
        {{- end }}
        {{- with concat $values.extraEnv .values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $view := and (eq .process "bridge") $values.view.enabled }}
      {{- if or $values.health.enabled $values.metrics.enabled $view }}
      ports:
        {{- if $values.health.enabled }}
        - {name: health, containerPort: {{ $values.health.port }}}
        {{- end }}
        {{- if $values.metrics.enabled }}
        - {name: metrics, containerPort: {{ $values.metrics.port }}}
        {{- end }}
        {{- if $view }}
        - {name: view, containerPort: {{ $values.view.port }}}
        {{- end }}
      {{- end }}
      {{- if $values.health.enabled }}
      startupProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        periodSeconds: 5
        timeoutSeconds: 5
      {{- end }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      securityContext:
        {{- include "drplan.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: temporal-tls, mountPath: /etc/drplan/temporal-tls, readOnly: true}
        - {name: payload-keys, mountPath: /etc/drplan/payload-keys, readOnly: true}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    {{- with $values.temporal.tls }}
    # Certificates for a Temporal that requires them: settings.yaml.
    - name: temporal-tls
      {{- if or .clientCertificateSecret .caSecret }}
      projected:
        sources:
          {{- with .clientCertificateSecret }}
          - secret: {name: {{ . }}, items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]}
          {{- end }}
          {{- with .caSecret }}
          - secret: {name: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
          {{- end }}
      {{- else }}
      secret: {secretName: drplan-temporal-tls, optional: true}
      {{- end }}
    {{- end }}
    {{- with $values.payloadEncryption }}
    # Keys of payload encryption: settings.yaml.
    - name: payload-keys
      secret: {secretName: {{ .secret | default "drplan-payload-keys" }}, optional: {{ not .secret }}}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
