{{- define "prefecture.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough that "-migration" and "-metrics" still fit into a name. */}}
{{- define "prefecture.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "prefecture.selectorLabels" -}}
app.kubernetes.io/name: {{ include "prefecture.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "prefecture.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "prefecture.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "prefecture.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "prefecture.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "prefecture.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "prefecture.terminationGracePeriodSeconds" -}}
{{ add (int .Values.drain.delaySeconds) (int .Values.drain.timeoutSeconds) 5 }}
{{- end }}

{{/* What the server and the migration have in common: the log and the database. */}}
{{- define "prefecture.databaseEnv" -}}
{{- $how := "make a secret with the connection string, then --set %s=NAME (helm/prefecture/README.md)" }}
- name: PREFECTURE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required (printf $how "database.serving.existingSecret") .Values.database.serving.existingSecret }}
      key: {{ .Values.database.serving.key }}
- name: PREFECTURE_OWNER_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required (printf $how "database.owner.existingSecret") .Values.database.owner.existingSecret }}
      key: {{ .Values.database.owner.key }}
- name: PREFECTURE_TENANT_ROLES
  value: {{ ternary "on" "off" .Values.database.tenantRoles | quote }}
- name: PREFECTURE_LOG
  value: {{ .Values.log.filter | quote }}
- name: PREFECTURE_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- end }}

{{- define "prefecture.serverEnv" -}}
- name: PREFECTURE_LISTEN
  value: {{ printf "%s:%d" .Values.bindAddress (int .Values.containerPorts.http) | quote }}
{{- if .Values.metrics.enabled }}
- name: PREFECTURE_METRICS_LISTEN
  value: {{ printf "%s:%d" .Values.bindAddress (int .Values.containerPorts.metrics) | quote }}
{{- end }}
{{ include "prefecture.databaseEnv" . | trim }}
- name: PREFECTURE_POOL_SIZE
  value: {{ int .Values.database.poolSize | quote }}
- name: PREFECTURE_CONTROL_POOL_SIZE
  value: {{ int .Values.database.controlPoolSize | quote }}
- name: PREFECTURE_POOL_WAIT
  value: {{ .Values.database.poolWait | quote }}
- name: PREFECTURE_SPARE_SCHEMAS
  value: {{ int .Values.database.spareSchemas | quote }}
- name: PREFECTURE_DELETE_GRACE
  value: {{ .Values.database.deleteGrace | quote }}
{{- with .Values.redis.existingSecret }}
- name: PREFECTURE_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $.Values.redis.key }}
{{- end }}
- name: PREFECTURE_REDIS_TIMEOUT
  value: {{ .Values.redis.timeout | quote }}
- name: PREFECTURE_REDIS_CONNECT_TIMEOUT
  value: {{ .Values.redis.connectTimeout | quote }}
{{- if .Values.tls.existingSecret }}
- name: PREFECTURE_TLS_CERTIFICATE
  value: /etc/prefecture/tls/tls.crt
- name: PREFECTURE_TLS_KEY
  value: /etc/prefecture/tls/tls.key
- name: PREFECTURE_TLS_RELOAD
  value: {{ .Values.tls.reload | quote }}
{{- end }}
{{- with .Values.proxies.trusted }}
- name: PREFECTURE_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
- name: PREFECTURE_FORWARDING_HEADER
  value: {{ .Values.proxies.forwardingHeader | quote }}
{{- with .Values.proxies.proxyProtocol }}
- name: PREFECTURE_PROXY_PROTOCOL
  value: {{ join "," . | quote }}
{{- end }}
- name: PREFECTURE_MAX_CONNECTIONS
  value: {{ int .Values.connections.max | quote }}
- name: PREFECTURE_IDLE_TIMEOUT
  value: {{ .Values.connections.idleTimeout | quote }}
- name: PREFECTURE_HEAD_TIMEOUT
  value: {{ .Values.connections.headTimeout | quote }}
- name: PREFECTURE_WRITE_TIMEOUT
  value: {{ .Values.connections.writeTimeout | quote }}
- name: PREFECTURE_HEAD_LIMIT
  value: {{ int .Values.connections.headLimit | quote }}
- name: PREFECTURE_MAX_HEADERS
  value: {{ int .Values.connections.maxHeaders | quote }}
- name: PREFECTURE_BODY_LIMIT
  value: {{ int64 .Values.requests.bodyLimit | quote }}
- name: PREFECTURE_REQUEST_TIMEOUT
  value: {{ .Values.requests.timeout | quote }}
- name: PREFECTURE_BODY_TIMEOUT
  value: {{ .Values.requests.bodyTimeout | quote }}
- name: PREFECTURE_COMPRESSION
  value: {{ ternary "on" "off" .Values.requests.compression | quote }}
- name: PREFECTURE_COMPRESS_FROM
  value: {{ int .Values.requests.compressFrom | quote }}
{{- with .Values.requests.corsOrigins }}
- name: PREFECTURE_CORS_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
- name: PREFECTURE_MAX_REQUESTS
  value: {{ int .Values.requests.maxInWork | quote }}
{{- with .Values.requests.defaultWorkspace }}
- name: PREFECTURE_DEFAULT_WORKSPACE
  value: {{ . | quote }}
{{- end }}
- name: PREFECTURE_DRAIN_DELAY
  value: {{ printf "%ds" (int .Values.drain.delaySeconds) | quote }}
- name: PREFECTURE_DRAIN_TIMEOUT
  value: {{ printf "%ds" (int .Values.drain.timeoutSeconds) | quote }}
{{- end }}

{{- define "prefecture.probe" -}}
httpGet: {path: {{ .path }}, port: http, scheme: {{ ternary "HTTPS" "HTTP" (ne .root.Values.tls.existingSecret "") }}}
{{- end }}

{{/* The operator's own variables. One that a value stands for would be set twice, and the last would win unseen. */}}
{{- define "prefecture.extraEnv" -}}
{{- $ours := include "prefecture.serverEnv" . | fromYamlArray }}
{{- range $extra := .Values.extraEnv }}
{{- range $ours }}
{{- if eq .name $extra.name }}
{{- fail (printf "extraEnv: %s is set by a value of this chart; see helm/prefecture/values.yaml" $extra.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
