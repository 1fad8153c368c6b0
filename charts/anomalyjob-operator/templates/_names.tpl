{{/* The name of every object: the release's, with the chart's name in it. */}}
{{- define "anomalyjob.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects carry the namespace too: two releases of one name must not share them. */}}
{{- define "anomalyjob.clusterName" -}}
{{- printf "%s-%s" (include "anomalyjob.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Fixed for ever: a Deployment's selector cannot be changed. NetworkPolicies of jobs let in whoever has the first of them. */}}
{{- define "anomalyjob.selector" -}}
app.kubernetes.io/name: anomalyjob-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "anomalyjob.labels" -}}
{{ include "anomalyjob.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: anomalyjob
{{- end -}}

{{- define "anomalyjob.serviceAccountName" -}}
{{- $own := ternary (include "anomalyjob.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{/* What reads the operator's metrics is of no use without them; an alert on their absence would never end. */}}
{{- define "anomalyjob.metricsFor" -}}
{{- if not .root.Values.metrics.port -}}
{{- fail (printf "%s.create needs the operator's metrics: set metrics.port" .reader) -}}
{{- end -}}
{{- end -}}

{{/* All pods of these namespaces, as a NetworkPolicy names them. */}}
{{- define "anomalyjob.fromNamespaces" -}}
{{- range . }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}
{{- end -}}
