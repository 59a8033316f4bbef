{{- /* What the schema cannot say, since it is about two values. Included by the Deployment. */ -}}
{{- define "lcm-bridge.refusals" -}}
{{- $timeout := include "lcm-bridge.setting" (list . "lcm" "timeout" 20) | float64 -}}
{{- $grace := include "lcm-bridge.setting" (list . "shutdown" "grace" 25) | float64 -}}
{{- if ge $timeout $grace -}}
{{- fail (printf "config.lcm.timeout (%v) must be below config.shutdown.grace (%v): a running call could not finish at shutdown" $timeout $grace) -}}
{{- end -}}
{{- if not (or (include "lcm-bridge.consumes" (list . "agent")) (include "lcm-bridge.consumes" (list . "campaign"))) -}}
{{- fail "config.amqp.agent_prefetch and config.amqp.campaign_prefetch are both 0: the workers would do nothing" -}}
{{- end -}}
{{- with .Values.lcm -}}
{{- if and .existingSecret (or .username .password .bearerToken .headers) -}}
{{- fail "lcm.existingSecret and lcm.username, password, bearerToken or headers exclude each other: put the log-in into the Secret" -}}
{{- end -}}
{{- if and .username .bearerToken -}}
{{- fail "lcm.username and lcm.bearerToken exclude each other" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled -}}
{{- fail "podMonitor.enabled and serviceMonitor.enabled exclude each other: every worker would be counted twice" -}}
{{- end -}}
{{- range $name := concat (keys .Values.commonLabels) (keys .Values.podLabels) -}}
{{- if or (hasPrefix "app.kubernetes.io/" $name) (hasPrefix "helm.sh/" $name) -}}
{{- fail (printf "commonLabels and podLabels must not set %s: the chart does" $name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas (%v) must not be above autoscaling.maxReplicas (%v)" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.autoscaling.mode "keda") (not .Values.autoscaling.keda.existingSecret) (not .Values.rabbitmq.existingSecret) (contains "," .Values.rabbitmq.url) -}}
{{- fail "autoscaling.mode keda takes the URL of one node, and rabbitmq.url names several: name a Secret with one in autoscaling.keda.existingSecret" -}}
{{- end -}}
{{- end -}}
