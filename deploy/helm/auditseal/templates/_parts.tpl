{{- /*
The parts that are switched on, as YAML. One row holds everything in which a part differs from the others:

args     the command
replicas pods
member   it takes a share of a group's partitions, under the stable name of its pod
user     its user in Kafka, empty for none
topic    where it publishes events
kafka    the prefix of its variables for Kafka, if it does not read auditseal.toml
vault    it reads or writes the vault
trust    it reads the trust file
pages    it serves /metrics, /healthz and /readyz
port     where clients reach it over TLS, none without clients
state    it keeps files in /var/lib/auditseal
login    it asks a provider of logins
signer   it asks a signer
folders  the Secrets of each folder in /etc/auditseal
env      further variables
*/}}
{{- define "auditseal.parts" -}}
{{- $config := list "--config=/etc/auditseal/config/auditseal.toml" }}
{{- $vault := list "--trust=/etc/auditseal/trust/trust.txt" (printf "--vault=%s" .Values.vault) }}
{{- $pages := list "--host=::" (printf "--port=%d" (int .Values.metrics.port)) }}
{{- with .Values.sealer }}
sealer:
  args: {{ concat (list "sealer") $config (ternary (list "--genesis") list .genesis) | toJson }}
  replicas: {{ .replicas }}
  member: true
  user: {{ $.Values.kafka.sealerUser }}
  vault: true
  pages: true
  signer: true
  folders: {{ dict "key" .keySecret "second-key" .secondKeySecret "next-key" .nextKeySecret "next-second-key" .nextSecondKeySecret | toJson }}
{{- end }}
archiver:
  args: {{ concat (list "archiver") $config | toJson }}
  replicas: {{ .Values.archiver.replicas }}
  member: true
  user: {{ .Values.kafka.archiverUser }}
  vault: true
  trust: true
  pages: true
{{- with .Values.watch }}
{{- if .enabled }}
watch:
  args: {{ concat (list "watch") $config (ternary (list "--state-new") list .stateNew) | toJson }}
  replicas: 1
  user: {{ ternary $.Values.kafka.watchUser "" (not (empty $.Values.record.environment)) | quote }}
  topic: {{ $.Values.record.topic }}
  vault: true
  trust: true
  pages: true
  state: true
{{- end }}
{{- end }}
{{- with .Values.gateway }}
{{- if .enabled }}
gateway:
  args: {{ concat (list "gateway") $config | toJson }}
  replicas: {{ .replicas }}
  user: {{ $.Values.kafka.gatewayUser }}
  topic: {{ $.Values.topics.events }}
  pages: true
  port: {{ .port }}
  state: true
  login: true
  folders: {{ dict "clients" .clientsSecret "tls" .tlsSecret "client-ca" .clientCaSecret | toJson }}
{{- end }}
{{- end }}
{{- with .Values.index }}
{{- if .enabled }}
{{- $key := list "--key=/etc/auditseal/key/index.pem" "--passphrase-file=/etc/auditseal/key/passphrase" }}
index:
  args: {{ concat (list "index" "follow") $vault (list (printf "--index=%s" .place)) (ternary $key list (not (empty .keySecret))) $pages | toJson }}
  replicas: 1
  vault: true
  trust: true
  pages: true
  folders: {{ dict "key" .keySecret | toJson }}
{{- end }}
{{- end }}
{{- with .Values.streams }}
{{- if .enabled }}
{{- $expect := list }}
{{- range $service, $seconds := .expect }}
{{- $expect = append $expect (printf "--expect=%s=%d" $service (int $seconds)) }}
{{- end }}
streams:
  args: {{ concat (list "streams" "--follow") $vault (list "--state=/var/lib/auditseal/streams" (printf "--settle=%d" (int .settle))) $expect $pages | toJson }}
  replicas: 1
  vault: true
  trust: true
  pages: true
  state: true
{{- end }}
{{- end }}
{{- with .Values.explorer }}
{{- if .enabled }}
{{- $index := ternary (list (printf "--index=%s" $.Values.index.place)) list (not (empty $.Values.index.place)) }}
{{- $serve := list "--access=/etc/auditseal/access/access.toml" "--host=::" (printf "--port=%d" (int .port)) }}
explorer:
  args: {{ concat (list "explore") $vault $index $serve (ternary list (list (printf "--%s" .record)) (empty .record)) | toJson }}
  replicas: {{ .replicas }}
  user: {{ ternary "" $.Values.kafka.explorerUser (empty .record) | quote }}
  topic: {{ $.Values.record.topic }}
  kafka: AUDITSEAL_PRODUCER__KAFKA__
  vault: true
  trust: true
  port: {{ .port }}
  login: true
  folders: {{ dict "access" .accessSecret "tls" .tlsSecret | toJson }}
  {{- if .record }}
  env:
    AUDITSEAL_ENVIRONMENT: {{ required "record.environment: the explorer records looks, so name the environment" $.Values.record.environment | quote }}
    AUDITSEAL_EVENTS_TOPIC: {{ $.Values.record.topic }}
    AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS: {{ $.Values.kafka.bootstrapServers | quote }}
    AUDITSEAL_PRODUCER__KAFKA__SECURITY_PROTOCOL: {{ $.Values.kafka.securityProtocol }}
    {{- if eq $.Values.kafka.securityProtocol "SASL_SSL" }}
    AUDITSEAL_PRODUCER__KAFKA__SASL_MECHANISM: {{ $.Values.kafka.saslMechanism }}
    {{- end }}
    {{- if $.Values.kafka.caSecret }}
    AUDITSEAL_PRODUCER__KAFKA__SSL_CA_LOCATION: /etc/auditseal/kafka-ca/ca.crt
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
