{{- define "auditseal.labels" -}}
app.kubernetes.io/name: auditseal
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "auditseal.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end }}

{{- /* A part's metadata. */}}
{{- define "auditseal.metadata" -}}
name: {{ include "auditseal.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "auditseal.labels" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- /* The settings of one section as TOML lines; a JSON value is a TOML value for all types that the schema takes. */}}
{{- define "auditseal.toml" -}}
{{- range $key, $value := . }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{- end }}

{{- /* A rule of a network policy: TCP ports, of some peers or, where none is named, of any. */}}
{{- define "auditseal.egress" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* What a pod mounts, as YAML by the name of the volume: where, read-only or not, and the volume. Secrets are files
of root that the part's group may read: the one way that the daemons accept. */}}
{{- define "auditseal.volumes" -}}
{{- $values := .root.Values }}
{{- $own := index $values .component }}
config: {path: /etc/auditseal/config, volume: {configMap: {name: {{ .root.Release.Name }}-config}}}
scratch: {path: /tmp, writable: true, volume: {emptyDir: {sizeLimit: {{ index $own.resources.limits "ephemeral-storage" }}}}}
{{- if .part.trust }}
trust: {path: /etc/auditseal/trust, volume: {configMap: {name: {{ $values.trust.configMap }}}}}
{{- end }}
{{- if and .part.vault (include "auditseal.credentials" .) }}
store: {path: /etc/auditseal/store, volume: {secret: {secretName: {{ include "auditseal.credentials" . }}, defaultMode: 0440}}}
{{- end }}
{{- if .part.user }}
{{- if eq $values.kafka.securityProtocol "SASL_SSL" }}
kafka:
  path: /etc/auditseal/kafka
  volume: {secret: {secretName: {{ .part.user }}, defaultMode: 0440, items: [{key: password, path: password}]}}
{{- end }}
{{- with $values.kafka.caSecret }}
kafka-ca:
  path: /etc/auditseal/kafka-ca
  volume: {secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}}
{{- end }}
{{- end }}
{{- range $folder, $secret := .part.folders }}
{{- if $secret }}
{{ $folder }}: {path: /etc/auditseal/{{ $folder }}, volume: {secret: {secretName: {{ $secret }}, defaultMode: 0440}}}
{{- end }}
{{- end }}
{{- end }}

{{- /* The Secret of a part's credentials for the store: its own, or that of all. */}}
{{- define "auditseal.credentials" -}}
{{ (index .root.Values .component).credentialsSecret | default .root.Values.store.credentialsSecret }}
{{- end }}

{{- define "auditseal.replicas" -}}
{{- if and .part.member (gt (int .part.replicas) (int .root.Values.partitions)) }}
{{- $problem := printf "%s.replicas is %v, and partitions is %v" .component .part.replicas .root.Values.partitions }}
{{- fail (printf "%s: a daemon without a partition is never ready: set %s.replicas to at most partitions" $problem .component) }}
{{- end }}
{{- .part.replicas }}
{{- end }}

{{- /* Probes: the pages of a daemon. The explorer's pages need a login, so it has to listen and to shake hands. */}}
{{- define "auditseal.probes" -}}
{{- $listens := "tcpSocket: {port: https}" }}
{{- $connect := "import socket, ssl; c = socket.create_connection(('localhost', %d), 4); ssl._create_unverified_context().wrap_socket(c)" }}
{{- $answers := printf "exec: {command: [/opt/auditseal/bin/python, -c, %s]}" (printf $connect (int .port) | quote) }}
startupProbe:
  {{- ternary "httpGet: {path: /healthz, port: metrics}" $listens .pages | nindent 2 }}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  {{- ternary "httpGet: {path: /healthz, port: metrics}" $answers .pages | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  {{- ternary "httpGet: {path: /readyz, port: metrics}" $listens .pages | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}
