{{- /* What the chart makes of the settings in `config`, and what it derives from them. */ -}}

{{- /* One setting: (list group name default). */ -}}
{{- define "lcm-bridge.setting" -}}
{{- $root := index . 0 -}}
{{- $group := get $root.Values.config (index . 1) | default dict -}}
{{- if hasKey $group (index . 2) }}{{ get $group (index . 2) }}{{ else }}{{ index . 3 }}{{ end -}}
{{- end -}}

{{- define "lcm-bridge.adminPort" -}}
{{- include "lcm-bridge.setting" (list . "admin" "port" 8080) -}}
{{- end -}}

{{- /* Above the worker's own grace: closing what does not answer takes it a few seconds more. */ -}}
{{- define "lcm-bridge.terminationGracePeriodSeconds" -}}
{{- include "lcm-bridge.setting" (list . "shutdown" "grace" 25) | float64 | ceil | int | add 10 -}}
{{- end -}}

{{- /* Not inside of /etc/lcm-bridge: that is a volume, in which not every runtime can mount another one. */ -}}
{{- define "lcm-bridge.operationsDirectory" -}}
/etc/lcm-bridge-operations
{{- end -}}

{{- define "lcm-bridge.queue" -}}
{{- $root := first . -}}
{{- $prefix := include "lcm-bridge.setting" (list $root "amqp" "prefix" "lcm") -}}
{{- $name := include "lcm-bridge.setting" (list $root "amqp" (printf "%s_queue" (last .)) "") -}}
{{- $name | default (printf "%s.requests.%s" $prefix (last .)) -}}
{{- end -}}

{{- /* Whether the workers consume a queue: (list . "agent"). Empty if its prefetch is 0. */ -}}
{{- define "lcm-bridge.consumes" -}}
{{- $prefetch := include "lcm-bridge.setting" (list (first .) "amqp" (printf "%s_prefetch" (last .)) 1) -}}
{{- if ne $prefetch "0" }}yes{{ end -}}
{{- end -}}

{{- define "lcm-bridge.lcmUrl" -}}
{{- if .Values.simulator.enabled -}}
http://{{ include "lcm-bridge.fullname" . }}-simulator:8090/lcmwebservice/contracts/lcmwcfservice.svc
{{- else -}}
{{ .Values.lcm.baseUrl }}
{{- end -}}
{{- end -}}

{{- /* JSON's scalars and lists are TOML's too, and it writes whole numbers as such; toToml makes 1e+06 of a million. */ -}}
{{- define "lcm-bridge.tomlValue" -}}
{{- if kindIs "map" . -}}
{ {{- range $number, $name := keys . | sortAlpha }}{{ if $number }},{{ end }} {{ toJson $name }} = {{ include "lcm-bridge.tomlValue" (get $ $name) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{ range $number, $value := . }}{{ if $number }}, {{ end }}{{ include "lcm-bridge.tomlValue" $value }}{{ end }}]
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{- define "lcm-bridge.toml" -}}
{{- $own := dict "lcm" (dict "base_url" (include "lcm-bridge.lcmUrl" .)) -}}
{{- if .Values.operations -}}
{{- $_ := set $own "operations" (dict "directory" (include "lcm-bridge.operationsDirectory" .)) -}}
{{- end -}}
{{- $config := mergeOverwrite (deepCopy .Values.config) $own -}}
# Made by Helm of `config` in the values.
{{- range $group, $settings := $config }}

[{{ $group }}]
{{- range $name, $value := $settings }}
{{ $name }} = {{ include "lcm-bridge.tomlValue" $value }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The data of the chart's own Secret, empty where other Secrets hold everything. */ -}}
{{- define "lcm-bridge.secretData" -}}
{{- $data := dict -}}
{{- if not .Values.rabbitmq.existingSecret -}}{{- $_ := set $data "BRIDGE_AMQP__URL" (required "rabbitmq.existingSecret or rabbitmq.url must be set" .Values.rabbitmq.url) -}}{{- end -}}
{{- if not .Values.redis.existingSecret -}}{{- $_ := set $data "BRIDGE_REDIS__URL" (required "redis.existingSecret or redis.url must be set" .Values.redis.url) -}}{{- end -}}
{{- with .Values.lcm -}}
{{- if .username -}}{{- $_ := set $data "BRIDGE_LCM__USERNAME" .username -}}{{- end -}}
{{- if .password -}}{{- $_ := set $data "BRIDGE_LCM__PASSWORD" .password -}}{{- end -}}
{{- if .bearerToken -}}{{- $_ := set $data "BRIDGE_LCM__BEARER_TOKEN" .bearerToken -}}{{- end -}}
{{- if .headers -}}{{- $_ := set $data "BRIDGE_LCM__HEADERS" (toJson .headers) -}}{{- end -}}
{{- end -}}
{{- range $name, $value := $data }}
{{ $name }}: {{ $value | b64enc }}
{{- end }}
{{- end -}}

{{- /* The ports of a URL that may name several hosts, or of several URLs: (list URL port-where-none-is-named). Gives "1 2". */ -}}
{{- define "lcm-bridge.portsOfUrl" -}}
{{- $otherwise := last . | toString -}}
{{- $ports := list -}}
{{- range splitList "," (first .) -}}
{{- $place := regexReplaceAll "^[a-z+]+://" (trim .) "" -}}
{{- $place = regexReplaceAll "[/?#].*$" $place "" -}}
{{- $port := regexFind ":[0-9]+$" $place | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default $otherwise) -}}
{{- end -}}
{{- $ports | uniq | join " " -}}
{{- end -}}

{{- define "lcm-bridge.rabbitmqPorts" -}}
{{- if .Values.networkPolicy.rabbitmq.ports -}}
{{- .Values.networkPolicy.rabbitmq.ports | join " " -}}
{{- else if .Values.rabbitmq.existingSecret -}}
5672 5671
{{- else -}}
{{- include "lcm-bridge.portsOfUrl" (list .Values.rabbitmq.url (ternary 5671 5672 (hasPrefix "amqps:" .Values.rabbitmq.url))) -}}
{{- end -}}
{{- end -}}

{{- define "lcm-bridge.redisPorts" -}}
{{- if .Values.networkPolicy.redis.ports -}}
{{- .Values.networkPolicy.redis.ports | join " " -}}
{{- else if .Values.redis.existingSecret -}}
6379 26379
{{- else if contains "+sentinel:" .Values.redis.url -}}
{{- include "lcm-bridge.portsOfUrl" (list .Values.redis.url 26379) }} 6379
{{- else -}}
{{- include "lcm-bridge.portsOfUrl" (list .Values.redis.url 6379) -}}
{{- end -}}
{{- end -}}

{{- define "lcm-bridge.lcmPorts" -}}
{{- if .Values.networkPolicy.lcm.ports -}}
{{- .Values.networkPolicy.lcm.ports | join " " -}}
{{- else -}}
{{- include "lcm-bridge.portsOfUrl" (list .Values.lcm.baseUrl (ternary 443 80 (hasPrefix "https:" .Values.lcm.baseUrl))) -}}
{{- end -}}
{{- end -}}

{{- /* Where settings and secrets come from, for the worker and for whatever else runs its commands. */ -}}
{{- define "lcm-bridge.env" -}}
- name: BRIDGE_SECRETS_DIR
  value: /run/secrets/lcm-bridge
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "lcm-bridge.volumeMounts" -}}
- name: config
  mountPath: /etc/lcm-bridge
  readOnly: true
- name: secrets
  mountPath: /run/secrets/lcm-bridge
  readOnly: true
{{- if .Values.certificates.existingSecret }}
- name: certificates
  mountPath: /run/certificates
  readOnly: true
{{- end }}
{{- with include "lcm-bridge.operationsMount" . }}
{{ . }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Secrets are files and not variables: those show in every child process, and in what describes the pod. */ -}}
{{- define "lcm-bridge.volumes" -}}
- name: config
  configMap:
    name: {{ include "lcm-bridge.fullname" . }}
- name: secrets
  projected:
    defaultMode: 288 # 0440: the pod's fsGroup reads them
    sources:
      {{- if include "lcm-bridge.secretData" . }}
      - secret:
          name: {{ include "lcm-bridge.fullname" . }}
      {{- end }}
      {{- with .Values.rabbitmq }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret | quote }}
          items:
            - key: {{ .existingSecretKey | quote }}
              path: BRIDGE_AMQP__URL
      {{- end }}
      {{- end }}
      {{- with .Values.redis }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret | quote }}
          items:
            - key: {{ .existingSecretKey | quote }}
              path: BRIDGE_REDIS__URL
      {{- end }}
      {{- end }}
      {{- with .Values.lcm.existingSecret }}
      - secret:
          name: {{ . | quote }}
      {{- end }}
      {{- range .Values.extraSecrets }}
      - secret:
          name: {{ . | quote }}
      {{- end }}
{{- with .Values.certificates.existingSecret }}
- name: certificates
  secret:
    secretName: {{ . | quote }}
    defaultMode: 288 # 0440
{{- end }}
{{- with include "lcm-bridge.operationsVolume" . }}
{{ . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* What the site declares itself; empty where it declares nothing. The simulator reads it too. */ -}}
{{- define "lcm-bridge.operationsMount" -}}
{{- if .Values.operations -}}
- name: operations
  mountPath: {{ include "lcm-bridge.operationsDirectory" . }}
  readOnly: true
{{- end -}}
{{- end -}}

{{- define "lcm-bridge.operationsVolume" -}}
{{- if .Values.operations -}}
- name: operations
  configMap:
    name: {{ include "lcm-bridge.fullname" . }}-operations
{{- end -}}
{{- end -}}
