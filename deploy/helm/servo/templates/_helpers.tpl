{{/* Labels: call with (dict "root" $ "component" "server"). */}}
{{- define "servo.selector" -}}
app: servo-{{ .component }}
app.kubernetes.io/name: servo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "servo.labels" -}}
{{ include "servo.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: servo
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "servo.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What no container of ours needs is taken away. */}}
{{- define "servo.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "servo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "servo.serverUrl" -}}
{{ .Values.tls.existingSecret | empty | ternary "http" "https" }}://servo-server:{{ .Values.server.port }}
{{- end }}

{{- define "servo.serverReplicas" -}}
{{- if eq .Values.store.kind "sqlite" -}}1{{- else -}}{{ .Values.server.replicas }}{{- end -}}
{{- end }}

{{- define "servo.serverConfig" -}}
{{ toYaml (dict "contacts" .Values.contacts) }}
{{- end }}

{{/* What a client of the server trusts: its variable, its mount and its volume, without the key. */}}
{{- define "servo.trust.env" -}}
- name: SERVO_CA_FILE
  value: /tls/ca.crt
{{- end }}

{{- define "servo.trust.mount" -}}
- name: tls
  mountPath: /tls
  readOnly: true
{{- end }}

{{- define "servo.trust.volume" -}}
- name: tls
  secret:
    secretName: {{ .Values.tls.existingSecret }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
