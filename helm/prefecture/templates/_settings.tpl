{{/* Values as settings of the program, in the order of `prefecture serve --help`. */}}

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
- name: PREFECTURE_DATABASE_POOLER
  value: {{ .Values.database.pooler | quote }}
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
- name: PREFECTURE_ACCESS_LOG
  value: {{ ternary "on" "off" .Values.log.access | quote }}
- name: PREFECTURE_POOL_SIZE
  value: {{ int .Values.database.poolSize | quote }}
- name: PREFECTURE_CONTROL_POOL_SIZE
  value: {{ int .Values.database.controlPoolSize | quote }}
- name: PREFECTURE_POOL_WAIT
  value: {{ .Values.database.poolWait | quote }}
- name: PREFECTURE_DATABASE_PATIENCE
  value: {{ .Values.database.patience | quote }}
- name: PREFECTURE_IDLE_TRANSACTION
  value: {{ .Values.database.idleTransaction | quote }}
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
{{- with .Values.encryption.existingSecret }}
- name: PREFECTURE_ENCRYPTION_KEYS
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $.Values.encryption.key }}
{{- end }}
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
- name: PREFECTURE_BODIES_MEMORY
  value: {{ int64 .Values.requests.bodiesMemory | quote }}
- name: PREFECTURE_ANSWER_LIMIT
  value: {{ int64 .Values.requests.answerLimit | quote }}
- name: PREFECTURE_ANSWERS_MEMORY
  value: {{ int64 .Values.requests.answersMemory | quote }}
- name: PREFECTURE_REQUEST_TIMEOUT
  value: {{ .Values.requests.timeout | quote }}
- name: PREFECTURE_BODY_TIMEOUT
  value: {{ .Values.requests.bodyTimeout | quote }}
- name: PREFECTURE_POLL_HOLD
  value: {{ .Values.requests.pollHold | quote }}
- name: PREFECTURE_POLLS_HELD
  value: {{ int .Values.requests.pollsHeld | quote }}
- name: PREFECTURE_TEMPLATE_TIME
  value: {{ .Values.requests.templateTime | quote }}
- name: PREFECTURE_TEMPLATE_MEMORY
  value: {{ int64 .Values.requests.templateMemory | quote }}
- name: PREFECTURE_TEMPLATES_AT_ONCE
  value: {{ int .Values.requests.templatesAtOnce | quote }}
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
{{- with .Values.limits.defaultPlan }}
- name: PREFECTURE_DEFAULT_PLAN
  value: {{ . | quote }}
{{- end }}
- name: PREFECTURE_GUESSES_PER_MINUTE
  value: {{ int64 .Values.limits.guessesPerMinute | quote }}
- name: PREFECTURE_WORKSPACE_REQUESTS
  value: {{ int64 .Values.limits.workspaceRequests | quote }}
- name: PREFECTURE_WORKSPACE_SOCKETS
  value: {{ int64 .Values.limits.workspaceSockets | quote }}
- name: PREFECTURE_CACHE_MEMORY
  value: {{ int64 .Values.cache.memory | quote }}
- name: PREFECTURE_CACHE_ENTRY
  value: {{ int64 .Values.cache.entry | quote }}
- name: PREFECTURE_CACHE_SHELF
  value: {{ int64 .Values.cache.shelf | quote }}
- name: PREFECTURE_CACHE_LIFE
  value: {{ .Values.cache.life | quote }}
- name: PREFECTURE_SERVICES
  value: {{ ternary "on" "off" .Values.services.enabled | quote }}
- name: PREFECTURE_SERVICES_PARALLEL
  value: {{ int64 .Values.services.parallel | quote }}
- name: PREFECTURE_SERVICES_POLL
  value: {{ .Values.services.poll | quote }}
- name: PREFECTURE_SERVICES_SWEEP
  value: {{ .Values.services.sweep | quote }}
- name: PREFECTURE_LATE_AFTER
  value: {{ .Values.services.lateAfter | quote }}
- name: PREFECTURE_TASK_WORKER_PATIENCE
  value: {{ .Values.services.taskWorkerPatience | quote }}
- name: PREFECTURE_CLEANUP_LEASE
  value: {{ .Values.services.cleanupLease | quote }}
- name: PREFECTURE_CLEANUP_DELIVERIES
  value: {{ int64 .Values.services.cleanupDeliveries | quote }}
- name: PREFECTURE_KEEP_EVENTS
  value: {{ .Values.services.keepEvents | quote }}
- name: PREFECTURE_KEEP_LOGS
  value: {{ .Values.services.keepLogs | quote }}
- name: PREFECTURE_KEEP_RUNS
  value: {{ .Values.services.keepRuns | quote }}
- name: PREFECTURE_KEEP_QUARANTINE
  value: {{ .Values.services.keepQuarantine | quote }}
- name: PREFECTURE_SLOT_WAIT
  value: {{ .Values.rules.slotWait | quote }}
- name: PREFECTURE_TAG_SLOT_WAIT
  value: {{ .Values.rules.tagSlotWait | quote }}
- name: PREFECTURE_DEPLOYMENT_SLOT_WAIT
  value: {{ .Values.rules.deploymentSlotWait | quote }}
- name: PREFECTURE_DEPLOYMENT_LEASE
  value: {{ .Values.rules.deploymentLease | quote }}
- name: PREFECTURE_CANCELLING_TIMEOUT
  value: {{ .Values.rules.cancellingTimeout | quote }}
- name: PREFECTURE_SCHEDULE_MAX_RUNS
  value: {{ int64 .Values.schedules.maxRuns | quote }}
- name: PREFECTURE_SCHEDULE_MIN_RUNS
  value: {{ int64 .Values.schedules.minRuns | quote }}
- name: PREFECTURE_SCHEDULE_MAX_TIME
  value: {{ .Values.schedules.maxTime | quote }}
- name: PREFECTURE_SCHEDULE_MIN_TIME
  value: {{ .Values.schedules.minTime | quote }}
{{ include "prefecture.telemetryEnv" . | trim }}
{{ include "prefecture.tokensEnv" . | trim }}
{{- end }}

{{- define "prefecture.telemetryEnv" -}}
{{- with .Values.telemetry.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.telemetry.tracesEndpoint }}
- name: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.telemetry.metricsEndpoint }}
- name: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.telemetry.headers.existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $.Values.telemetry.headers.key }}
{{- end }}
- name: OTEL_EXPORTER_OTLP_TIMEOUT
  value: {{ int64 .Values.telemetry.timeoutMilliseconds | quote }}
- name: OTEL_TRACES_EXPORTER
  value: {{ ternary "otlp" "none" .Values.telemetry.traces | quote }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .Values.telemetry.sampler | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.telemetry.samplerRatio | quote }}
- name: OTEL_METRICS_EXPORTER
  value: {{ ternary "otlp" "none" .Values.telemetry.metrics | quote }}
- name: OTEL_METRIC_EXPORT_INTERVAL
  value: {{ int64 .Values.telemetry.metricsIntervalMilliseconds | quote }}
{{- with .Values.telemetry.serviceName }}
- name: OTEL_SERVICE_NAME
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "prefecture.tokensEnv" -}}
- name: PREFECTURE_TOKEN_SIZE
  value: {{ int64 .Values.tokens.size | quote }}
- name: PREFECTURE_TOKEN_LEEWAY
  value: {{ .Values.tokens.leeway | quote }}
- name: PREFECTURE_TOKEN_MEMORY
  value: {{ int64 .Values.tokens.memory | quote }}
- name: PREFECTURE_ISSUER_REFRESH
  value: {{ .Values.tokens.issuers.refresh | quote }}
- name: PREFECTURE_ISSUER_PAUSE
  value: {{ .Values.tokens.issuers.pause | quote }}
- name: PREFECTURE_ISSUER_TIMEOUT
  value: {{ .Values.tokens.issuers.timeout | quote }}
- name: PREFECTURE_ISSUER_ANSWER
  value: {{ int64 .Values.tokens.issuers.answer | quote }}
{{- if .Values.tokens.issuers.ca.existingConfigMap }}
- name: PREFECTURE_ISSUER_CA
  value: {{ printf "/etc/prefecture/issuers/%s" .Values.tokens.issuers.ca.key | quote }}
{{- end }}
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
