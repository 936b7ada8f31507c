# CloudNativePG's plugin Barman Cloud: found by a Service in the operator's namespace, which says by what certificates to call it.
# Here cert-manager has no part: the certificate is the operators', under the name that the Service has.
# shellcheck shell=bash

load_barman_cloud_image() { lab_ctr images import "$IMAGES/barman-cloud.tar" >/dev/null; }

start_barman_cloud() {
  local certs=$OPERATOR_CERTS
  export SIDECAR_IMAGE=$BARMAN_CLOUD_IMAGE
  start_operator barman-cloud "$BIN/barman-cloud" operator --server-address="$NODE_IP:16452" \
    --server-cert="$certs/tls.crt" --server-key="$certs/tls.key" --client-cert="$certs/ca.crt" \
    --health-probe-bind-address=127.0.0.1:18086 --log-level=info
  wait_for barman-cloud 60 port_open "$NODE_IP" 16452
  kubectl create secret tls barman-cloud-tls --namespace=cnpg-system --cert="$certs/tls.crt" --key="$certs/tls.key" \
    --dry-run=client -o yaml | kubectl apply -f - >/dev/null
  barman_cloud_service | kubectl apply -f - >/dev/null
}

barman_cloud_service() {
  cat <<Y
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: barman-cloud, namespace: cnpg-system, labels: {kubernetes.io/service-name: barman-cloud}}
addressType: IPv4
endpoints: [{addresses: ["$NODE_IP"]}]
ports: [{port: 16452}]
---
apiVersion: v1
kind: Service
metadata:
  name: barman-cloud
  namespace: cnpg-system
  labels: {cnpg.io/pluginName: barman-cloud.cloudnative-pg.io}
  annotations:
    cnpg.io/pluginPort: "16452"
    cnpg.io/pluginServerSecret: barman-cloud-tls
    cnpg.io/pluginClientSecret: barman-cloud-tls
spec: {ports: [{port: 16452}]}
Y
}
