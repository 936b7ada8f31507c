{{- /* Generated from infra/ by `npm run chart`; do not edit. */ -}}
{{- define "taskstream.migrate" }}
activeDeadlineSeconds: 1800
backoffLimit: 6
template:
  metadata:
    labels:
{{- range $key, $value := $.Values.jobs.podLabels }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
      app.kubernetes.io/component: migrate
      app.kubernetes.io/name: taskstream-migrate
      app.kubernetes.io/part-of: taskstream
{{- if $.Values.jobs.podAnnotations }}
    annotations:
{{- range $key, $value := $.Values.jobs.podAnnotations }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
  spec:
    automountServiceAccountToken: false
    containers:
      - args:
          - services/ops/main.js
          - migrate
        env:
          - name: DATABASE_URL_FILE
            value: /etc/taskstream/postgres-login/uri
          - name: DATABASE_TLS
{{- if eq $.Values.servers.postgres.kind "operated" }}
            value: verify-full
{{- else }}
            value: {{ $.Values.servers.postgres.tls | quote }}
{{- end }}
{{- if or (eq $.Values.servers.postgres.kind "operated") $.Values.servers.postgres.caSecret }}
          - name: DATABASE_CA_FILE
            value: /etc/taskstream/postgres/ca.crt
{{- end }}
          - name: ELASTICSEARCH_URL
{{- if eq $.Values.servers.elasticsearch.kind "operated" }}
            value: https://taskstream-es-http.{{ $.Release.Namespace }}.svc:9200
{{- else }}
            value: {{ $.Values.servers.elasticsearch.url | quote }}
{{- end }}
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") $.Values.servers.elasticsearch.caSecret }}
          - name: ELASTICSEARCH_CA_FILE
            value: /etc/taskstream/elasticsearch/ca.crt
{{- end }}
{{- if eq $.Values.servers.elasticsearch.kind "operated" }}
          - name: ELASTICSEARCH_USERNAME
            value: taskstream-ops
{{- end }}
{{- if and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "user") }}
          - name: ELASTICSEARCH_USERNAME_FILE
            value: /etc/taskstream/elasticsearch-login/username
{{- end }}
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") (eq $.Values.servers.elasticsearch.login "user") }}
          - name: ELASTICSEARCH_PASSWORD_FILE
            value: /etc/taskstream/elasticsearch-login/password
{{- end }}
{{- if and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "apiKey") }}
          - name: ELASTICSEARCH_API_KEY_FILE
            value: /etc/taskstream/elasticsearch-login/api-key
{{- end }}
          - name: INDEX_SHARDS
            value: "{{ int64 $.Values.index.shards }}"
          - name: INDEX_REPLICAS
            value: "{{ int64 $.Values.index.replicas }}"
          - name: MIGRATE_DEADLINE_MS
            value: "1500000"
{{- if $.Values.jobs.logLevel }}
          - name: LOG_LEVEL
            value: {{ $.Values.jobs.logLevel | quote }}
{{- end }}
{{- range $item := $.Values.jobs.env }}
          - {{ toJson $item }}
{{- end }}
        image: {{ $.Values.images.api | quote }}
        imagePullPolicy: {{ $.Values.images.pullPolicy | quote }}
        name: migrate
        resources:
          limits:
            memory: 256Mi
          requests:
            cpu: 50m
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
              - ALL
          privileged: false
          readOnlyRootFilesystem: true
          runAsGroup: 65532
          runAsNonRoot: true
          runAsUser: 65532
        volumeMounts:
{{- if or (eq $.Values.servers.postgres.kind "operated") $.Values.servers.postgres.caSecret }}
          - mountPath: /etc/taskstream/postgres
            name: postgres-ca
            readOnly: true
{{- end }}
          - mountPath: /etc/taskstream/postgres-login
            name: postgres-login
            readOnly: true
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") $.Values.servers.elasticsearch.caSecret }}
          - mountPath: /etc/taskstream/elasticsearch
            name: elasticsearch-ca
            readOnly: true
{{- end }}
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") (has $.Values.servers.elasticsearch.login (list "user" "apiKey")) }}
          - mountPath: /etc/taskstream/elasticsearch-login
            name: elasticsearch-login
            readOnly: true
{{- end }}
{{- range $item := $.Values.jobs.volumeMounts }}
          - {{ toJson $item }}
{{- end }}
{{- if $.Values.jobs.envFrom }}
        envFrom:
{{- range $item := $.Values.jobs.envFrom }}
          - {{ toJson $item }}
{{- end }}
{{- end }}
    dnsPolicy: ClusterFirst
    hostNetwork: false
    restartPolicy: OnFailure
    securityContext:
      fsGroup: 65532
      fsGroupChangePolicy: Always
      runAsGroup: 65532
      runAsNonRoot: true
      runAsUser: 65532
      seccompProfile:
        type: RuntimeDefault
    serviceAccountName: taskstream-migrate
    setHostnameAsFQDN: false
    terminationGracePeriodSeconds: 30
    volumes:
{{- if or (eq $.Values.servers.postgres.kind "operated") $.Values.servers.postgres.caSecret }}
      - name: postgres-ca
        secret:
          items:
            - key: ca.crt
              path: ca.crt
{{- if eq $.Values.servers.postgres.kind "operated" }}
          secretName: taskstream-db-ca
{{- else }}
          secretName: {{ $.Values.servers.postgres.caSecret | quote }}
{{- end }}
{{- end }}
      - name: postgres-login
        secret:
          items:
            - key: uri
              path: uri
{{- if eq $.Values.servers.postgres.kind "operated" }}
          secretName: taskstream-db-app
{{- else }}
          secretName: {{ $.Values.servers.postgres.ownerSecret | quote }}
{{- end }}
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") $.Values.servers.elasticsearch.caSecret }}
      - name: elasticsearch-ca
        secret:
          items:
            - key: ca.crt
              path: ca.crt
{{- if eq $.Values.servers.elasticsearch.kind "operated" }}
          secretName: taskstream-es-http-certs-public
{{- else }}
          secretName: {{ $.Values.servers.elasticsearch.caSecret | quote }}
{{- end }}
{{- end }}
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") (has $.Values.servers.elasticsearch.login (list "user" "apiKey")) }}
      - name: elasticsearch-login
        secret:
{{- if or (or (eq $.Values.servers.elasticsearch.kind "operated") (eq $.Values.servers.elasticsearch.login "user")) (and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "user")) (and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "apiKey")) }}
          items:
{{- if or (eq $.Values.servers.elasticsearch.kind "operated") (eq $.Values.servers.elasticsearch.login "user") }}
            - key: password
              path: password
{{- end }}
{{- if and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "user") }}
            - key: username
              path: username
{{- end }}
{{- if and (eq $.Values.servers.elasticsearch.kind "managed") (eq $.Values.servers.elasticsearch.login "apiKey") }}
            - key: api-key
              path: api-key
{{- end }}
{{- end }}
          secretName: taskstream-es-ops
{{- end }}
{{- range $item := $.Values.jobs.volumes }}
      - {{ toJson $item }}
{{- end }}
{{- if $.Values.jobs.imagePullSecrets }}
    imagePullSecrets:
{{- range $item := $.Values.jobs.imagePullSecrets }}
      - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.nodeSelector }}
    nodeSelector:
{{- range $key, $value := $.Values.jobs.nodeSelector }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.tolerations }}
    tolerations:
{{- range $item := $.Values.jobs.tolerations }}
      - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.affinity }}
    affinity:
{{- range $key, $value := $.Values.jobs.affinity }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.priorityClassName }}
    priorityClassName: {{ $.Values.jobs.priorityClassName | quote }}
{{- end }}
{{- end }}
{{- define "taskstream.secrets" }}
activeDeadlineSeconds: 600
backoffLimit: 6
template:
  metadata:
    labels:
{{- range $key, $value := $.Values.jobs.podLabels }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
      app.kubernetes.io/component: secrets
      app.kubernetes.io/name: taskstream-secrets
      app.kubernetes.io/part-of: taskstream
{{- if $.Values.jobs.podAnnotations }}
    annotations:
{{- range $key, $value := $.Values.jobs.podAnnotations }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
  spec:
    automountServiceAccountToken: true
    containers:
      - args:
          - services/ops/main.js
          - secrets
          - taskstream-es-api/password
          - taskstream-es-indexer/password
          - taskstream-es-ops/password
{{- if $.Values.servers.elasticsearch.exporter }}
          - taskstream-es-exporter/password
{{- end }}
{{- if or $.Values.jobs.logLevel $.Values.jobs.env }}
        env:
{{- if $.Values.jobs.logLevel }}
          - name: LOG_LEVEL
            value: {{ $.Values.jobs.logLevel | quote }}
{{- end }}
{{- range $item := $.Values.jobs.env }}
          - {{ toJson $item }}
{{- end }}
{{- end }}
        image: {{ $.Values.images.api | quote }}
        imagePullPolicy: {{ $.Values.images.pullPolicy | quote }}
        name: secrets
        resources:
          limits:
            memory: 256Mi
          requests:
            cpu: 50m
            memory: 256Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
              - ALL
          privileged: false
          readOnlyRootFilesystem: true
          runAsGroup: 65532
          runAsNonRoot: true
          runAsUser: 65532
{{- if $.Values.jobs.envFrom }}
        envFrom:
{{- range $item := $.Values.jobs.envFrom }}
          - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.volumeMounts }}
        volumeMounts:
{{- range $item := $.Values.jobs.volumeMounts }}
          - {{ toJson $item }}
{{- end }}
{{- end }}
    dnsPolicy: ClusterFirst
    hostNetwork: false
    restartPolicy: OnFailure
    securityContext:
      fsGroup: 65532
      fsGroupChangePolicy: Always
      runAsGroup: 65532
      runAsNonRoot: true
      runAsUser: 65532
      seccompProfile:
        type: RuntimeDefault
    serviceAccountName: taskstream-secrets
    setHostnameAsFQDN: false
    terminationGracePeriodSeconds: 30
{{- if $.Values.jobs.imagePullSecrets }}
    imagePullSecrets:
{{- range $item := $.Values.jobs.imagePullSecrets }}
      - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.nodeSelector }}
    nodeSelector:
{{- range $key, $value := $.Values.jobs.nodeSelector }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.tolerations }}
    tolerations:
{{- range $item := $.Values.jobs.tolerations }}
      - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.affinity }}
    affinity:
{{- range $key, $value := $.Values.jobs.affinity }}
      {{ toJson $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.volumes }}
    volumes:
{{- range $item := $.Values.jobs.volumes }}
      - {{ toJson $item }}
{{- end }}
{{- end }}
{{- if $.Values.jobs.priorityClassName }}
    priorityClassName: {{ $.Values.jobs.priorityClassName | quote }}
{{- end }}
{{- end }}
