{{- define "lcm-bridge.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- /* Of 52 characters at most: what is appended must fit into the 63 of a label. Without the dots that the name of a
release may have, and that of a Service may not. */ -}}
{{- define "lcm-bridge.fullname" -}}
{{- $name := include "lcm-bridge.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- /* The chart's labels over further ones over `commonLabels`: (list . further), or the root alone. By toYaml, which
quotes the name of a release that is a number. */ -}}
{{- define "lcm-bridge.labels" -}}
{{- $root := . -}}
{{- $further := dict -}}
{{- if kindIs "slice" . -}}
{{- $root = first . -}}
{{- $further = last . | default dict -}}
{{- end -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "lcm-bridge.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- merge $own $further ($root.Values.commonLabels | default dict) | toYaml -}}
{{- end -}}

{{- /* What tells the pods of a component from all others: (list . "worker"). It can never change once installed. */ -}}
{{- define "lcm-bridge.selector" -}}
{{- $root := first . -}}
{{- dict
  "app.kubernetes.io/name" (include "lcm-bridge.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/component" (last .) | toYaml -}}
{{- end -}}

{{- define "lcm-bridge.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "lcm-bridge.serviceAccountName" -}}
{{- $made := ternary (include "lcm-bridge.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $made -}}
{{- end -}}

{{- /* What every pod of this image has in common; the worker's identity needs no token of Kubernetes. */ -}}
{{- define "lcm-bridge.podBasics" -}}
serviceAccountName: {{ include "lcm-bridge.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "lcm-bridge.containerBasics" -}}
image: {{ include "lcm-bridge.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{- define "lcm-bridge.metricsEndpoint" -}}
port: admin
path: /metrics
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
