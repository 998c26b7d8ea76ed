{{/* Name of all objects of this release. */}}
{{- define "berth.name" -}}
{{- if contains "berth" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-berth{{ end -}}
{{- end }}

{{/* Name of objects of the whole cluster: another release may have the same name in another namespace. */}}
{{- define "berth.clusterName" -}}
{{ include "berth.name" . }}.{{ .Release.Namespace }}
{{- end }}

{{- define "berth.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "berth.name" .) }}
{{- end }}

{{- define "berth.selector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "berth.scheme" -}}
{{ if .Values.tls.secretName }}https{{ else }}http{{ end }}
{{- end }}

{{- define "berth.image" -}}
{{- $repository := required "image.repository is missing: say where the cluster finds Berth's image (npm run image makes it)" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What values must be together. */}}
{{- define "berth.check" -}}
{{- if not .Values.unauthenticated.from }}
{{- fail "unauthenticated.from is empty: Berth knows no identities yet, so name the networks whose callers may do all that Berth may" }}
{{- end }}
{{- if and .Values.config .Values.configSecret.name }}
{{- fail "config and configSecret.name exclude each other: give one of them" }}
{{- end }}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.from) }}
{{- fail "networkPolicy.from is empty: a policy without peers would let nobody through" }}
{{- end }}
{{- if and .Values.tls.clientCASecretName (not .Values.tls.secretName) }}
{{- fail "tls.secretName is missing: certificates of clients are asked for over TLS alone" }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "serviceAccount.name is missing: name the account that exists" }}
{{- end }}
{{- end }}

{{- define "berth.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "berth.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}
