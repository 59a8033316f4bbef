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
{{- if and .Values.operations (include "lcm-bridge.setting" (list . "operations" "directory" "")) -}}
{{- fail "operations and config.operations.directory exclude each other: the chart mounts the directory, and names it" -}}
{{- end -}}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled -}}
{{- fail "podMonitor.enabled and serviceMonitor.enabled exclude each other: every worker would be counted twice" -}}
{{- end -}}
{{- range $kind := list "podMonitor" "serviceMonitor" -}}
{{- $monitor := get $.Values $kind -}}
{{- if gt (include "lcm-bridge.seconds" $monitor.scrapeTimeout | float64) (include "lcm-bridge.seconds" $monitor.interval | float64) -}}
{{- fail (printf "%s.scrapeTimeout (%s) must not be above %s.interval (%s): the operator refuses it" $kind $monitor.scrapeTimeout $kind $monitor.interval) -}}
{{- end -}}
{{- end -}}
{{- range $name := concat (keys (.Values.commonLabels | default dict)) (keys (.Values.podLabels | default dict)) -}}
{{- if or (hasPrefix "app.kubernetes.io/" $name) (hasPrefix "helm.sh/" $name) -}}
{{- fail (printf "commonLabels and podLabels must not set %s: the chart does" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := keys (.Values.podAnnotations | default dict) -}}
{{- if or (hasPrefix "checksum/" $name) (eq $name "kubectl.kubernetes.io/default-container") -}}
{{- fail (printf "podAnnotations must not set %s: the chart does" $name) -}}
{{- end -}}
{{- end -}}
{{- include "lcm-bridge.refusedVariables" . -}}
{{- if has .Values.fullnameOverride (list "true" "false" "yes" "no" "on" "off" "y" "n" "null") -}}
{{- fail (printf "fullnameOverride must be another name than %s, which YAML takes for no text" .Values.fullnameOverride) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" (include "lcm-bridge.fullname" .)) -}}
{{- fail (printf "set fullnameOverride: everything would be named %s, and the name of a Service begins with a letter" (include "lcm-bridge.fullname" .)) -}}
{{- end -}}
{{- $workers := eq .Values.autoscaling.mode "none" | ternary .Values.replicaCount .Values.autoscaling.minReplicas | int -}}
{{- with .Values.podDisruptionBudget -}}
{{- if and .enabled .minAvailable (or (eq (toString .minAvailable) "100%") (and (not (kindIs "string" .minAvailable)) (ge (int .minAvailable) $workers))) -}}
{{- fail (printf "podDisruptionBudget.minAvailable (%v) must be below the number of workers (%d): no node of theirs could be drained" .minAvailable $workers) -}}
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

{{- /* The seconds of a duration of Prometheus, such as 1m30s. */ -}}
{{- define "lcm-bridge.seconds" -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 -}}
{{- $unit := dict "ms" 0.001 "s" 1 "m" 60 "h" 3600 -}}
{{- $seconds = addf $seconds (mulf (regexFind "^[0-9]+" .) (get $unit (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- /* A variable wins over what the chart derives of `config`, and shows in what describes the pod. */ -}}
{{- define "lcm-bridge.refusedVariables" -}}
{{- range .Values.extraEnv -}}
{{- if has .name (list "BRIDGE_SECRETS_DIR" "BRIDGE_CONFIG") -}}
{{- fail (printf "extraEnv must not set %s: the chart mounts what it names" .name) -}}
{{- end -}}
{{- if has .name (list "BRIDGE_SHUTDOWN__GRACE" "BRIDGE_LCM__TIMEOUT" "BRIDGE_ADMIN__HOST" "BRIDGE_ADMIN__PORT" "BRIDGE_AMQP__PREFIX" "BRIDGE_AMQP__AGENT_QUEUE" "BRIDGE_AMQP__CAMPAIGN_QUEUE" "BRIDGE_LCM__BASE_URL" "BRIDGE_TRACING__ENDPOINT" "BRIDGE_OPERATIONS__DIRECTORY") -}}
{{- fail (printf "extraEnv must not set %s: the chart derives other things from it; set it in config (lcm.baseUrl for the URL)" .name) -}}
{{- end -}}
{{- if and (hasKey . "value") (regexMatch "^BRIDGE_((AMQP|REDIS)__(URL|PASSWORD)|REDIS__SENTINEL_PASSWORD|LCM__(PASSWORD|BEARER_TOKEN|HEADERS))$" .name) -}}
{{- fail (printf "extraEnv must not hold %s: a secret belongs into a Secret; name it in existingSecret or extraSecrets" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
