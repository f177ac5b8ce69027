{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- define "monodon.name" -}}
{{- contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-monodon" .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "monodon.selector" -}}
app.kubernetes.io/name: monodon
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "monodon.labels" -}}
{{ include "monodon.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* "0.0.0.0:8000" -> 8000 */ -}}
{{- define "monodon.port" -}}
{{- regexFind "[0-9]+$" (toString .) -}}
{{- end }}

{{- define "monodon.site-port" -}}
{{- include "monodon.port" (kindIs "slice" .Values.settings.bind | ternary .Values.settings.bind (list .Values.settings.bind) | first) -}}
{{- end }}

{{- /* Settings that only a new process takes over; the others are reloaded. */ -}}
{{- define "monodon.restart-settings" -}}
{{- pick .Values.settings
  "bind" "backlog" "socket_mode" "socket_user" "socket_group" "metrics_bind" "agent_bind"
  "reload" "reload_extra_files" "reload_engine" "development" "user" "group" "umask"
  "pid_file" "runtime_directory" | toJson -}}
{{- end }}

{{- define "monodon.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
