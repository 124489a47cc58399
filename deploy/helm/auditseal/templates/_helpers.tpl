{{- define "auditseal.labels" -}}
app.kubernetes.io/name: auditseal
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "auditseal.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end }}

{{- /* A daemon's metadata. */}}
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

{{- define "auditseal.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- define "auditseal.pod" -}}
serviceAccountName: {{ include "auditseal.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 15
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "auditseal.labels" . | nindent 14 }}
{{- end }}

{{- define "auditseal.container" -}}
name: {{ .component }}
image: {{ printf "%s@%s" .root.Values.image.repository .root.Values.image.digest | quote }}
imagePullPolicy: Always
ports:
  - {name: metrics, containerPort: {{ .root.Values.metrics.port }}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  capabilities: {drop: [ALL]}
{{ include "auditseal.probes" . }}
resources:
  {{- toYaml (index .root.Values .component).resources | nindent 2 }}
env:
  {{- if .root.Values.store.credentialsSecret }}
  - {name: AWS_SHARED_CREDENTIALS_FILE, value: /etc/auditseal/store/credentials}
  {{- end }}
  {{- if .user }}
  - name: {{ printf "AUDITSEAL_%s__INSTANCE" (upper .component) }}
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  {{- if eq .root.Values.kafka.securityProtocol "SASL_SSL" }}
  - {name: AUDITSEAL_KAFKA__SASL_USERNAME, value: {{ .user | quote }}}
  - {name: AUDITSEAL_KAFKA__SASL_PASSWORD_FILE, value: /etc/auditseal/kafka/password}
  {{- end }}
  {{- end }}
{{- end }}

{{- define "auditseal.mounts" -}}
- {name: config, mountPath: /etc/auditseal/config, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- if .root.Values.store.credentialsSecret }}
- {name: store, mountPath: /etc/auditseal/store, readOnly: true}
{{- end }}
{{- if .user }}
{{- if eq .root.Values.kafka.securityProtocol "SASL_SSL" }}
- {name: kafka, mountPath: /etc/auditseal/kafka, readOnly: true}
{{- end }}
{{- if .root.Values.kafka.caSecret }}
- {name: kafka-ca, mountPath: /etc/auditseal/kafka-ca, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- /* Secrets are files of root that the daemon's group may read: the one way that the daemons accept. */}}
{{- define "auditseal.volumes" -}}
- name: config
  configMap: {name: {{ .root.Release.Name }}-config}
- name: scratch
  emptyDir: {sizeLimit: 64Mi}
{{- if .root.Values.store.credentialsSecret }}
- name: store
  secret: {secretName: {{ .root.Values.store.credentialsSecret }}, defaultMode: 0440}
{{- end }}
{{- if .user }}
{{- if eq .root.Values.kafka.securityProtocol "SASL_SSL" }}
- name: kafka
  secret:
    secretName: {{ .user }}
    defaultMode: 0440
    items: [{key: password, path: password}]
{{- end }}
{{- if .root.Values.kafka.caSecret }}
- name: kafka-ca
  secret: {secretName: {{ .root.Values.kafka.caSecret }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}

{{- define "auditseal.replicas" -}}
{{- $replicas := (index .root.Values .component).replicas }}
{{- if gt (int $replicas) (int .root.Values.partitions) }}
{{- $problem := printf "%s.replicas is %v, and partitions is %v" .component $replicas .root.Values.partitions }}
{{- fail (printf "%s: a daemon without a partition is never ready: set %s.replicas to at most partitions" $problem .component) }}
{{- end }}
{{- $replicas }}
{{- end }}
