{{- /* Generated from infra/ by `npm run chart`; do not edit. */ -}}
{{- define "taskstream.migrate.operators" }}
activeDeadlineSeconds: 1800
backoffLimit: 6
template:
  metadata:
    labels:
      app.kubernetes.io/component: migrate
      app.kubernetes.io/name: taskstream-migrate
      app.kubernetes.io/part-of: taskstream
  spec:
    automountServiceAccountToken: false
    containers:
      - args:
          - services/ops/main.js
          - migrate
        env:
          - name: DATABASE_URL
            valueFrom:
              secretKeyRef:
                key: uri
                name: taskstream-db-app
          - name: DATABASE_TLS
            value: verify-full
          - name: DATABASE_CA_FILE
            value: /etc/taskstream/postgres/ca.crt
          - name: ELASTICSEARCH_URL
            value: https://taskstream-es-http.{{ $.Release.Namespace }}.svc:9200
          - name: ELASTICSEARCH_CA_FILE
            value: /etc/taskstream/elasticsearch/ca.crt
          - name: ELASTICSEARCH_USERNAME
            value: taskstream-ops
          - name: ELASTICSEARCH_PASSWORD
            valueFrom:
              secretKeyRef:
                key: password
                name: taskstream-es-ops
          - name: INDEX_SHARDS
            value: "{{ int64 $.Values.index.shards }}"
          - name: INDEX_REPLICAS
            value: "{{ int64 $.Values.index.replicas }}"
          - name: MIGRATE_DEADLINE_MS
            value: "1500000"
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
          - mountPath: /etc/taskstream/postgres
            name: postgres-ca
            readOnly: true
          - mountPath: /etc/taskstream/elasticsearch
            name: elasticsearch-ca
            readOnly: true
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
      - name: postgres-ca
        secret:
          items:
            - key: ca.crt
              path: ca.crt
          secretName: taskstream-db-ca
      - name: elasticsearch-ca
        secret:
          items:
            - key: ca.crt
              path: ca.crt
          secretName: taskstream-es-http-certs-public
{{- end }}
{{- define "taskstream.secrets.operators" }}
activeDeadlineSeconds: 600
backoffLimit: 6
template:
  metadata:
    labels:
      app.kubernetes.io/component: secrets
      app.kubernetes.io/name: taskstream-secrets
      app.kubernetes.io/part-of: taskstream
  spec:
    automountServiceAccountToken: true
    containers:
      - args:
          - services/ops/main.js
          - secrets
          - taskstream-es-api/password
          - taskstream-es-indexer/password
          - taskstream-es-ops/password
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
{{- end }}
{{- define "taskstream.migrate.external" }}
activeDeadlineSeconds: 1800
backoffLimit: 6
template:
  metadata:
    labels:
      app.kubernetes.io/component: migrate
      app.kubernetes.io/name: taskstream-migrate
      app.kubernetes.io/part-of: taskstream
  spec:
    automountServiceAccountToken: false
    containers:
      - args:
          - services/ops/main.js
          - migrate
        env:
          - name: DATABASE_URL
            valueFrom:
              secretKeyRef:
                key: uri
                name: {{ $.Values.servers.postgresSecret | quote }}
          - name: ELASTICSEARCH_URL
            value: http://{{ $.Values.servers.address }}:{{ int64 $.Values.servers.elasticsearchPort }}
          - name: INDEX_SHARDS
            value: "{{ int64 $.Values.index.shards }}"
          - name: INDEX_REPLICAS
            value: "{{ int64 $.Values.index.replicas }}"
          - name: MIGRATE_DEADLINE_MS
            value: "1500000"
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
{{- end }}
